#include "support/cudart_emulator/devices.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

/// A number, or the beginning of a UUID that only one GPU has; gpus if it is neither.
std::uint32_t parse(std::string_view entry, std::uint32_t gpus) {
    std::uint32_t found = gpus;
    if (entry.starts_with("GPU-")) {
        for (std::uint32_t gpu = 0; gpu < gpus; ++gpu) {
            if (Devices::uuid_text(gpu).starts_with(entry)) {
                if (found != gpus) {
                    return gpus;
                }
                found = gpu;
            }
        }
        return found;
    }
    const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), found);
    return error == std::errc{} && end == entry.data() + entry.size() ? std::min(found, gpus) : gpus;
}

}  // namespace

Devices::Devices(std::uint32_t gpus, const char* visible) {
    if (visible == nullptr) {
        for (std::uint32_t gpu = 0; gpu < gpus; ++gpu) {
            gpus_.push_back(gpu);
        }
        return;
    }
    std::string_view rest = visible;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        const std::uint32_t gpu = parse(rest.substr(0, comma), gpus);
        if (gpu == gpus || std::find(gpus_.begin(), gpus_.end(), gpu) != gpus_.end()) {
            break;
        }
        gpus_.push_back(gpu);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
}

std::uint32_t Devices::gpu(int ordinal) const {
    refuse_if(ordinal < 0 || ordinal >= count(), cudaErrorInvalidDevice);
    return gpus_[static_cast<std::size_t>(ordinal)];
}

int Devices::ordinal(std::uint32_t gpu) const noexcept {
    const auto found = std::find(gpus_.begin(), gpus_.end(), gpu);
    return found == gpus_.end() ? -1 : static_cast<int>(found - gpus_.begin());
}

cudaUUID_t Devices::uuid(std::uint32_t gpu) noexcept {
    // The first bytes differ, so that a short beginning names one of them.
    cudaUUID_t uuid{};
    const unsigned char bytes[16] = {static_cast<unsigned char>(0xE0 + gpu),
                                     0x0E,
                                     0xAD,
                                     0xE0,
                                     0x6B,
                                     0x11,
                                     0x4C,
                                     0x0D,
                                     0xA0,
                                     0x5E,
                                     0x00,
                                     0x00,
                                     0x00,
                                     0x00,
                                     0x00,
                                     static_cast<unsigned char>(gpu)};
    std::memcpy(uuid.bytes, bytes, sizeof(bytes));
    return uuid;
}

std::string Devices::uuid_text(std::uint32_t gpu) {
    const cudaUUID_t uuid = Devices::uuid(gpu);
    std::string text = "GPU-";
    for (std::size_t i = 0; i < sizeof(uuid.bytes); ++i) {
        char byte[3];
        std::snprintf(byte, sizeof(byte), "%02x", static_cast<unsigned char>(uuid.bytes[i]));
        text += byte;
        if (i == 3 || i == 5 || i == 7 || i == 9) {
            text += '-';
        }
    }
    return text;
}

std::string Devices::pci_bus_id(std::uint32_t gpu) {
    char text[16];
    std::snprintf(text, sizeof(text), "0000:%02X:00.0", gpu + 1);
    return text;
}

}  // namespace emulator
