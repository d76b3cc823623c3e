#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace fastio::gpu {

/// "GPU-" and 32 lower-case digits in five groups, as nvidia-smi -L writes it.
[[nodiscard]] inline std::string to_text(const cudaUUID_t& uuid) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text = "GPU-";
    for (std::size_t i = 0; i < sizeof(uuid.bytes); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text += '-';
        }
        const auto byte = static_cast<unsigned char>(uuid.bytes[i]);
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15U];
    }
    return text;
}

}  // namespace fastio::gpu
