#pragma once

#include <cstdint>

#include "support/cudart_emulator/process.hpp"

namespace emulator {

/// Lets one GPU reach another's memory from now on. Refuses with 217 and 711. Needs the process's mutex.
void reach_peer(Process& process, std::uint32_t from, std::uint32_t to);

}  // namespace emulator
