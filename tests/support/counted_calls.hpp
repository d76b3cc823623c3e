#pragma once

#include <functional>
#include <optional>

namespace fastio::test {

/// How many system calls `work` makes. It runs in a thread of its own, after `prepare` in the same one; what it calls
/// is counted and fails with ENOSYS. Empty where the system does not allow filters, or a sanitizer calls the system
/// itself.
[[nodiscard]] std::optional<int> count_system_calls(const std::function<void()>& prepare,
                                                    const std::function<void()>& work);

}  // namespace fastio::test
