#pragma once

#include <string>

namespace fastio::conformance {

/// Who answers the questions.
struct Platform {
    std::string library{};   ///< cudart, or emulator: then nothing here says anything about a GPU
    std::string driver{};    ///< what cudaDriverGetVersion gives, and the kernel module's version where there is one
    std::string gpu{};       ///< the name of GPU 0; empty if there is none
    std::string why_none{};  ///< why there is no GPU; empty if there is one

    [[nodiscard]] bool is_emulator() const { return library == "emulator"; }
};

/// Asks the CUDA runtime: only in a process that asks nothing else.
[[nodiscard]] Platform ask_platform();

[[nodiscard]] std::string to_text(const Platform& platform);
[[nodiscard]] Platform platform_from(const std::string& text);

}  // namespace fastio::conformance
