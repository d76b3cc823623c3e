#pragma once

#include <thread>
#include <utility>

#include <csignal>

namespace fastio {

/// While it lives, a thread that is started takes no signals: they are for the program's own threads.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept {
        sigset_t all;
        ::sigfillset(&all);
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
