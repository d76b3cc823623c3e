#pragma once

#include <functional>

namespace fastio::test {

/// A page that is not there, and for which nobody sends the contents: whoever touches it, the kernel on this process's
/// behalf included, waits until the process ends. Memory on a FUSE file of one's own does the same. Errors:
/// std::runtime_error (userfaultfd needs root).
[[nodiscard]] void* memory_that_never_comes();

/// Starts a thread, never to be joined, and returns when it sleeps in the kernel, in that system call.
void start_thread_that_sleeps_in(long system_call, std::function<void()> work);

}  // namespace fastio::test
