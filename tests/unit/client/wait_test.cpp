#include <pthread.h>

#include <atomic>
#include <csignal>
#include <future>
#include <stdexcept>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using WaitTest = ClientTest;

std::atomic<int> signals{0};

/// A get in a thread of its own, which signals reach.
class SignalledGet {
public:
    explicit SignalledGet(Context& context) : context_(context) {
        struct sigaction action {};
        action.sa_handler = [](int) { signals.fetch_add(1); };
        ::sigaction(SIGUSR1, &action, &before_);
        signals = 0;
    }
    SignalledGet(const SignalledGet&) = delete;
    SignalledGet& operator=(const SignalledGet&) = delete;
    ~SignalledGet() { ::sigaction(SIGUSR1, &before_, nullptr); }

    void start(void (*on_wake)()) {
        thread_ = std::thread([this, on_wake] {
            try {
                text_ = text_of(context_.get("late", {.timeout = forever, .on_wake = on_wake}));
            } catch (const std::exception& error) {
                text_ = error.what();
            }
        });
        wait_until_sleeping(context_);
    }
    void interrupt() { ::pthread_kill(thread_.native_handle(), SIGUSR1); }
    std::string join() {
        thread_.join();
        return text_;
    }

private:
    Context& context_;
    struct sigaction before_ {};
    std::thread thread_;
    std::string text_;
};

TEST_F(WaitTest, AGetThatWaitsTimesOut) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get("never", {.timeout = 1ms})); }), Errc::timed_out);
    EXPECT_FALSE(ctx.find("never", {.timeout = 1ms}).has_value());
}

TEST_F(WaitTest, ANegativeTimeoutDoesNotWait) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx.get("never", {.timeout = -1s})); }), Errc::not_found);
    EXPECT_EQ(ctx.stats().waits, 0U);
}

TEST_F(WaitTest, APublishedNameIsGotWithoutWaiting) {
    publish_text(ctx, "there", "x");
    EXPECT_EQ(text_of(ctx.get("there", {.timeout = forever})), "x");
    EXPECT_EQ(ctx.stats().waits, 0U);
}

TEST_F(WaitTest, ABlockedGetWakesWhenTheNameIsPublished) {
    auto got = std::async(std::launch::async, [&] { return text_of(other.get("later", {.timeout = forever})); });
    wait_until_sleeping(other);
    publish_text(ctx, "later", "now");
    EXPECT_EQ(got.get(), "now");
}

TEST_F(WaitTest, ABlockedGetWakesForANewerVersion) {
    publish_text(ctx, "frame", "1");
    auto got = std::async(std::launch::async,
                          [&] { return text_of(other.get("frame", {.timeout = forever, .newer_than = 1})); });
    wait_until_sleeping(other);
    publish_text(ctx, "unrelated", "x");
    publish_text(ctx, "frame", "2", true);
    EXPECT_EQ(got.get(), "2");
}

TEST_F(WaitTest, OldContentsOfANameDoNotEndTheWaitForNewerOnes) {
    publish_text(ctx, "frame", "1");
    EXPECT_EQ(errc_of([&] { static_cast<void>(other.get("frame", {.timeout = 1ms, .newer_than = 1})); }),
              Errc::timed_out);
}

TEST_F(WaitTest, EveryWaiterOfANameWakes) {
    std::vector<std::future<std::string>> waiters;
    for (int i = 0; i < 4; ++i) {
        waiters.push_back(
            std::async(std::launch::async, [&] { return text_of(other.get("one", {.timeout = forever})); }));
    }
    wait_until_sleeping(other, 4);
    publish_text(ctx, "one", "for all");
    for (auto& waiter : waiters) {
        EXPECT_EQ(waiter.get(), "for all");
    }
}

TEST_F(WaitTest, ATimeoutNearTheEndOfTimeDoesNotOverflow) {
    auto got = std::async(std::launch::async,
                          [&] { return text_of(other.get("later", {.timeout = forever - std::chrono::seconds(1)})); });
    wait_until_sleeping(other);
    publish_text(ctx, "later", "now");
    EXPECT_EQ(got.get(), "now");
}

TEST_F(WaitTest, TwoOperatorsPassATokenBackAndForth) {
    constexpr int kRounds = 50;
    auto echo = std::async(std::launch::async, [&] {
        std::uint64_t seen = 0;
        for (int i = 0; i < kRounds; ++i) {
            const Allocation ping = other.get("ping", {.timeout = forever, .newer_than = seen});
            seen = ping.version();
            publish_text(other, "pong", text_of(ping), true);
        }
    });
    std::uint64_t seen = 0;
    for (int i = 0; i < kRounds; ++i) {
        publish_text(ctx, "ping", std::to_string(i), true);
        const Allocation pong = ctx.get("pong", {.timeout = forever, .newer_than = seen});
        seen = pong.version();
        EXPECT_EQ(text_of(pong), std::to_string(i));
    }
    echo.get();
}

TEST_F(WaitTest, WhatTheHookThrowsAfterASignalEndsTheWaitAndHoldsNothing) {
    SignalledGet get(other);
    get.start([] {
        if (signals.load() != 0) {
            throw std::runtime_error("interrupted");
        }
    });
    get.interrupt();
    EXPECT_EQ(get.join(), "interrupted");
    EXPECT_EQ(other.stats().own_leases, 0U);
    publish_text(ctx, "late", "now");
    EXPECT_EQ(text_of(other.get("late")), "now");
}

TEST_F(WaitTest, AHookThatThrowsNothingLetsTheWaitGoOn) {
    static std::atomic<int> calls;
    calls = 0;
    SignalledGet get(other);
    get.start([] { calls.fetch_add(1); });
    get.interrupt();
    while (calls.load() == 0) {
        std::this_thread::yield();
    }
    publish_text(ctx, "late", "now");
    EXPECT_EQ(get.join(), "now");
}

TEST_F(WaitTest, WithoutAHookASignalChangesNothing) {
    SignalledGet get(other);
    get.start(nullptr);
    get.interrupt();
    while (signals.load() == 0) {
        std::this_thread::yield();
    }
    publish_text(ctx, "late", "now");
    EXPECT_EQ(get.join(), "now");
}

}  // namespace
}  // namespace fastio::test
