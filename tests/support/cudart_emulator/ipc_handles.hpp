#pragma once

#include <array>
#include <cstdint>

#include <sys/types.h>

namespace emulator {

/// What the 64 bytes of a handle hold. `pid` is the exporter's as it sees itself: that an equal number means "this
/// process" to the importer, in whatever namespace, is what CUDA is reported to do (rules 13 and 41).
struct IpcHandle {
    enum Magic : std::uint64_t { memory = 0x006d'656d'7564'7563, event = 0x0074'7665'7564'7563 };
    std::uint64_t magic = 0;
    std::array<std::uint8_t, 16> boot_id{};
    std::int32_t pid = 0;
    std::uint32_t gpu = 0;
    std::uint64_t id = 0;  ///< of the allocation or event
    std::uint64_t block = 0;
    std::uint64_t offset = 0;  ///< in the block
    std::uint64_t bytes = 0;
};
static_assert(sizeof(IpcHandle) == 64);

/// Of the running kernel; zeros where it cannot be read.
[[nodiscard]] std::array<std::uint8_t, 16> boot_id();

}  // namespace emulator
