#pragma once

#include <driver_types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace emulator {

/// The GPUs that this process sees, as CUDA_VISIBLE_DEVICES orders them. A *gpu* is a number of the machine, the same
/// for all processes; an *ordinal* is this process's. *Threads:* any.
class Devices {
public:
    /// `visible`: the variable's text, null if it is not set. As in a driver the list ends at its first bad entry.
    Devices(std::uint32_t gpus, const char* visible);

    [[nodiscard]] int count() const noexcept { return static_cast<int>(gpus_.size()); }
    /// Refuses with 101.
    [[nodiscard]] std::uint32_t gpu(int ordinal) const;
    /// -1 for a GPU that this process does not see.
    [[nodiscard]] int ordinal(std::uint32_t gpu) const noexcept;

    [[nodiscard]] static cudaUUID_t uuid(std::uint32_t gpu) noexcept;
    /// As nvidia-smi writes it.
    [[nodiscard]] static std::string uuid_text(std::uint32_t gpu);
    [[nodiscard]] static std::string name() { return "CUDA runtime emulator (no GPU)"; }
    [[nodiscard]] static std::string pci_bus_id(std::uint32_t gpu);

private:
    std::vector<std::uint32_t> gpus_{};
};

}  // namespace emulator
