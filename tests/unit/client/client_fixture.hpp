#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <fastio/fastio.hpp>

#include "running_service.hpp"
#include "support/errors.hpp"

namespace fastio::test {

using namespace std::chrono_literals;

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// A service with its usual limits, and two members of one job.
class ClientTest : public ::testing::Test {
protected:
    [[nodiscard]] Context join(const std::string& job = "job") {
        return Context({.job = job, .socket = service.socket(), .connect_timeout = forever});
    }

    RunningService service{};
    Context ctx = join();
    Context other = join();
};

/// Publishes `text` as bytes.
inline void publish_text(Context& context, const std::string& name, const std::string& text, bool replace = false) {
    context.publish_array({.data = text.data(), .type = uint8, .dimensions = {static_cast<std::int64_t>(text.size())}},
                          name, {.replace = replace});
}

[[nodiscard]] inline std::string text_of(const Allocation& allocation) {
    const auto bytes = allocation.as_span<const char>();
    return {bytes.begin(), bytes.end()};
}

/// Returns once a get of this Context has begun to sleep `times` times in all.
inline void wait_until_sleeping(Context& context, std::uint64_t times = 1) {
    while (context.stats().waits < times) {
        std::this_thread::yield();
    }
}

}  // namespace fastio::test
