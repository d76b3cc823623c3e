#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace fastio::test {

/// Aborts the process, after saying what it waited for, unless it is destroyed within the limit. For tests that could
/// hang: it gives a core and a line of explanation where ctest would only say "timeout". No test's result depends on
/// the limit while the product works.
class Watchdog {
public:
    explicit Watchdog(std::string what, std::chrono::seconds limit = std::chrono::seconds(600));
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    ~Watchdog();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::thread thread_;
};

}  // namespace fastio::test
