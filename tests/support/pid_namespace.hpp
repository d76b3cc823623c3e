#pragma once

#include <string>
#include <vector>

namespace fastio::test {

/// Arguments of the program `unshare` after which a program's path and its own arguments start it in a PID namespace of
/// its own; empty where this user may not, or there is no such program.
[[nodiscard]] std::vector<std::string> in_another_pid_namespace();

}  // namespace fastio::test
