#pragma once

#include <thread>
#include <utility>

#include <csignal>

namespace fastio {

/// While it lives, a thread that is started takes no signals: they are for the program's own threads. Excepted are
/// those that a thread's own instructions cause: a thread may copy the program's memory, whose faults the program may
/// handle, and the kernel ends a process that blocks them.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        for (const int caused_by_itself : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
            ::sigdelset(&all, caused_by_itself);
        }
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

/// A thread of the library's own. Errors: std::system_error.
template <class Function>
[[nodiscard]] std::thread quiet_thread(Function&& function) {
    const AllSignalsBlocked blocked;
    return std::thread(std::forward<Function>(function));
}

}  // namespace fastio
