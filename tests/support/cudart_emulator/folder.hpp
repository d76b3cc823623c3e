#pragma once

#include <string>

namespace emulator {

/// Makes the folder of a fake machine, mode 0700, unless it exists, and returns its path. `wanted` empty: the user's
/// own, in memory if the machine has room there. Ends the process with a message if the folder cannot be made or
/// belongs to another user.
[[nodiscard]] std::string make_folder(const std::string& wanted);

}  // namespace emulator
