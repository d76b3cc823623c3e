#pragma once

namespace fastio::test {

/// From now on the kernel refuses a system call to the calling thread, and to what it starts, with `error`: an older
/// kernel, or a container's filter. There is no way back, so it is for threads and processes of a test's own. False
/// where the system does not allow filters.
[[nodiscard]] bool refuse_system_call(long number, int error) noexcept;

}  // namespace fastio::test
