#include "support/watchdog.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace fastio::test {

Watchdog::Watchdog(std::string what, std::chrono::seconds limit)
    : thread_([this, text = std::move(what), limit] {
          std::unique_lock lock(mutex_);
          if (!changed_.wait_for(lock, limit, [this] { return done_; })) {
              std::fprintf(stderr, "watchdog: still waiting after %lld s: %s\n", static_cast<long long>(limit.count()),
                           text.c_str());
              std::abort();
          }
      }) {}

Watchdog::~Watchdog() {
    {
        const std::lock_guard lock(mutex_);
        done_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

}  // namespace fastio::test
