// Kernels before 5.16 have no futex_waitv, and containers' filters may not know it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "support/refused_call.hpp"
#include "support/watchdog.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Reader;
using test::Watchdog;
using test::WrittenTable;
using Clock = std::chrono::steady_clock;

constexpr long kFutexWaitv = 449;
constexpr Clock::time_point kNever = Clock::time_point::max();
const std::string kName = "volume";
const std::uint64_t kHash = hash_name(kName.data(), kName.size());

class WaitWithoutFutexWaitv : public testing::TestWithParam<int> {
protected:
    void SetUp() override {
        on_refused_thread([] {}).join();
        if (!refused_) {
            GTEST_SKIP() << "this system does not let a program refuse itself a system call";
        }
    }

    /// A thread to which the kernel gives the parameter as the error of every futex_waitv.
    std::thread on_refused_thread(std::function<void()> body) {
        return std::thread([this, body = std::move(body)] {
            refused_ = test::refuse_system_call(kFutexWaitv, GetParam()) &&
                       ::syscall(kFutexWaitv, nullptr, 0, 0, nullptr, 0) == -1 && errno == GetParam();
            body();
        });
    }

    const Watchdog watchdog_{"a wait without futex_waitv"};
    WrittenTable table_;
    std::uint32_t cancel_ = 0;

private:
    std::atomic<bool> refused_{false};
};

TEST_P(WaitWithoutFutexWaitv, TimesOutWhenNothingChanges) {
    on_refused_thread([this] {
        Reader client(table_);
        const std::uint32_t* const bucket = client.reader.bucket(kHash);
        const std::uint32_t seen = client.reader.bucket_sequence(kHash);
        EXPECT_EQ(wait_for_change(bucket, seen, &cancel_, 0, Clock::time_point::min()), WaitResult::timed_out);
        const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(25);     // some slices
        while (wait_for_change(bucket, seen, &cancel_, 0, deadline) == WaitResult::woken) {  // after each slice
        }
        EXPECT_GE(Clock::now(), deadline);
    }).join();
}

TEST_P(WaitWithoutFutexWaitv, SeesEveryPublication) {
    // Each version is published only after the one before was seen.
    constexpr std::uint64_t kVersions = 300;
    std::atomic<std::uint64_t> last_seen{0};
    std::thread consumer = on_refused_thread([&] {
        Reader client(table_);
        while (last_seen < kVersions) {
            const std::uint32_t seen = client.reader.bucket_sequence(kHash);
            if (const std::uint64_t version = client.version(kName); version > last_seen) {
                last_seen = version;
                continue;
            }
            wait_for_change(client.reader.bucket(kHash), seen, &cancel_, 0, kNever);
        }
    });
    for (std::uint64_t version = 1; version <= kVersions; ++version) {
        {
            const std::lock_guard lock(table_.mutex);
            table_.publish(kName, 8, true);
        }
        while (last_seen != version) {
            std::this_thread::yield();
        }
    }
    consumer.join();
}

TEST_P(WaitWithoutFutexWaitv, IsEndedByCancelling) {
    std::atomic<bool> waits{false};
    std::thread waiter = on_refused_thread([&] {
        Reader client(table_);
        const std::uint32_t seen = client.reader.bucket_sequence(kHash);
        waits = true;
        while (__atomic_load_n(&cancel_, __ATOMIC_ACQUIRE) == 0) {
            wait_for_change(client.reader.bucket(kHash), seen, &cancel_, 0, kNever);
        }
    });
    while (!waits) {
        std::this_thread::yield();
    }
    __atomic_store_n(&cancel_, 1, __ATOMIC_RELEASE);
    wake(&cancel_, false);  // nobody sleeps on this word: it is looked at again and again
    waiter.join();
}

INSTANTIATE_TEST_SUITE_P(Errors, WaitWithoutFutexWaitv, testing::Values(ENOSYS, EPERM),
                         [](const auto& each) { return each.param == ENOSYS ? "ENOSYS" : "EPERM"; });

}  // namespace
}  // namespace fastio::table
