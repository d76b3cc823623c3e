#pragma once

#include <driver_types.h>

#include <cstdint>

#include "support/cudart_emulator/process.hpp"

namespace emulator {

/// What this process is told of a GPU. Attributes that nothing here depends on are 0.
[[nodiscard]] cudaDeviceProp device_properties(Process& process, std::uint32_t gpu);

/// By the number of the attribute, which runtime and driver share. Refuses with 1 for numbers that neither has.
[[nodiscard]] int device_attribute(Process& process, std::uint32_t gpu, int attribute);

}  // namespace emulator
