#pragma once

#include <csignal>

#include "cli/descriptor.hpp"

namespace fastio::cli {

/// While this lives SIGINT, SIGTERM and SIGHUP end nothing: they are read here. To be made before any thread is
/// started, because new threads inherit what is blocked.
class StopSignals {
public:
    /// Errors: io_error.
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    /// Polls readable when a signal waits.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The next signal; 0 when there is none.
    [[nodiscard]] int take() noexcept;

private:
    sigset_t before_{};
    Descriptor fd_;
};

}  // namespace fastio::cli
