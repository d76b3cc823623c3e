#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "support/pipe.hpp"

namespace fastio::test {

/// A forked child of this process, which must have one thread only. Killed by the kernel with its parent, and by an
/// alarm when it hangs; killed and reaped by the destructor.
class Forked {
public:
    /// The child runs `body`, says what it returns, and ends with status 0. What `body` throws is said, with status 1.
    explicit Forked(const std::function<std::string()>& body);
    Forked(const Forked&) = delete;
    Forked& operator=(const Forked&) = delete;
    ~Forked();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool has_ended();
    /// Blocks until it has ended. What it said, and after it, if that is not status 0, how it ended.
    std::string wait();

private:
    void reap(int options);

    pid_t pid_ = 0;
    Pipe said_;
    bool ended_ = false;
    int status_ = 0;
};

}  // namespace fastio::test
