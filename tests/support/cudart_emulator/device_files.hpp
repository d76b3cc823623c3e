#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "support/cudart_emulator/control_layout.hpp"

namespace emulator {

/// The memory of the fake GPUs: one file each, of which ranges are mapped. *Threads:* one at a time.
class DeviceFiles {
public:
    explicit DeviceFiles(std::string folder) : folder_(std::move(folder)) { files_.fill(-1); }
    DeviceFiles(const DeviceFiles&) = delete;
    DeviceFiles& operator=(const DeviceFiles&) = delete;

    /// Gives fresh blocks pages, with contents if `dirty`: a program that takes them for cleared reads nonsense. False
    /// if the host has no room.
    [[nodiscard]] bool fill_fresh(std::uint32_t gpu, std::uint64_t offset, std::uint64_t bytes, bool dirty);
    /// Null if the host's address space is used up.
    [[nodiscard]] std::byte* map(std::uint32_t gpu, std::uint64_t offset, std::uint64_t bytes);
    static void unmap(std::byte* data, std::uint64_t bytes) noexcept;

private:
    int file_of(std::uint32_t gpu);

    std::string folder_;
    std::array<int, kMaxGpus> files_{};
};

}  // namespace emulator
