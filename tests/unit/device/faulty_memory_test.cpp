#include "support/faulty_memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "core/limits.hpp"
#include "device/host_memory.hpp"
#include "support/errors.hpp"
#include "support/leak_check.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kSlab = kSlabGranularity;

class FaultyMemoryTest : public testing::Test {
protected:
    FaultyMemory memory_{make_host_memory()};
    Faults& faults_ = memory_.faults();

    void reserve_and_release() { memory_.release(memory_.reserve(kSlab)); }
};

TEST_F(FaultyMemoryTest, FailsExactlyTheNthCall) {
    faults_.fail(DeviceCall::reserve, 3, Errc::out_of_memory, "the third slab was ordered to fail");
    reserve_and_release();
    reserve_and_release();
    EXPECT_EQ(errc_of([&] { (void)memory_.reserve(kSlab); }), Errc::out_of_memory);
    reserve_and_release();
    EXPECT_EQ(faults_.calls(DeviceCall::reserve), 4U);
    EXPECT_EQ(faults_.calls(DeviceCall::release), 3U);
}

TEST_F(FaultyMemoryTest, CountsFromTheOrderOn) {
    reserve_and_release();
    faults_.fail(DeviceCall::reserve, 1, Errc::device_error, "the next slab was ordered to fail");
    EXPECT_EQ(errc_of([&] { (void)memory_.reserve(kSlab); }), Errc::device_error);
    reserve_and_release();
}

TEST_F(FaultyMemoryTest, OrdersAddUp) {
    faults_.fail(DeviceCall::reserve, 1, Errc::out_of_memory, "the first slab was ordered to fail");
    faults_.fail(DeviceCall::reserve, 2, Errc::device_error, "the second slab was ordered to fail");
    EXPECT_EQ(errc_of([&] { (void)memory_.reserve(kSlab); }), Errc::out_of_memory);
    EXPECT_EQ(errc_of([&] { (void)memory_.reserve(kSlab); }), Errc::device_error);
    reserve_and_release();
}

TEST_F(FaultyMemoryTest, ThrowsTheOrderedMessage) {
    faults_.fail(DeviceCall::synchronise, 1, Errc::device_error, "cudaErrorUnknown (999), as ordered");
    try {
        memory_.synchronise({});
        ADD_FAILURE() << "no error was thrown";
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "cudaErrorUnknown (999), as ordered");
    }
}

TEST_F(FaultyMemoryTest, FailsAlwaysUntilCleared) {
    faults_.fail_always(DeviceCall::reserve, Errc::out_of_memory, "every slab was ordered to fail");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(errc_of([&] { (void)memory_.reserve(kSlab); }), Errc::out_of_memory);
    }
    faults_.clear(DeviceCall::reserve);
    reserve_and_release();
}

TEST_F(FaultyMemoryTest, EveryCallButCloseCanFailAndOnlyThatOne) {
    OwnedSlab slab = memory_.reserve(kSlab);
    std::atomic<std::uint64_t> word{1};
    std::byte byte{};
    const std::vector<std::pair<DeviceCall, std::function<void()>>> calls{
        {DeviceCall::reserve, [&] { (void)memory_.reserve(kSlab); }},
        {DeviceCall::release, [&] { memory_.release({}); }},
        {DeviceCall::open, [&] { (void)memory_.open(slab.handle, slab.bytes, slab.file.get()); }},
        {DeviceCall::copy, [&] { memory_.copy(slab.data, &byte, 1, {}); }},
        {DeviceCall::fill, [&] { memory_.fill(slab.data, byte, 1, {}); }},
        {DeviceCall::signal, [&] { memory_.signal(word, 7, {}); }},
        {DeviceCall::wait, [&] { memory_.wait(word, 1, {}); }},
        {DeviceCall::synchronise, [&] { memory_.synchronise({}); }},
    };
    for (const auto& [call, invoke] : calls) {
        faults_.fail(call, 1, Errc::device_error, "this call was ordered to fail");
        EXPECT_EQ(errc_of(invoke), Errc::device_error) << static_cast<int>(call);
    }
    EXPECT_EQ(word.load(), 1U) << "a failed signal must not store";
    memory_.release(std::move(slab));
}

TEST_F(FaultyMemoryTest, RefusesOrdersThatMeanNothing) {
    EXPECT_EQ(errc_of([&] { faults_.fail(DeviceCall::reserve, 0, Errc::out_of_memory, "text"); }),
              Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { faults_.fail(DeviceCall::close, 1, Errc::out_of_memory, "text"); }),
              Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { faults_.fail_always(DeviceCall::close, Errc::out_of_memory, "text"); }),
              Errc::invalid_argument);
}

TEST_F(FaultyMemoryTest, AFailedReleaseStillGivesTheMemoryBack) {
    const LeakCheck leaks;
    faults_.fail(DeviceCall::release, 1, Errc::device_error, "this release was ordered to fail");
    EXPECT_EQ(errc_of([&] { reserve_and_release(); }), Errc::device_error);
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(FaultyMemoryTest, AGateHoldsCallsUntilItOpens) {
    const Watchdog watchdog("two calls at the gate");
    std::atomic<int> done{0};
    faults_.block(DeviceCall::reserve);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            reserve_and_release();
            ++done;
        });
    }
    faults_.wait_until_blocked(DeviceCall::reserve, 2);
    EXPECT_EQ(done.load(), 0);
    EXPECT_EQ(faults_.blocked(DeviceCall::reserve), 2U);
    memory_.synchronise({});  // another call passes
    faults_.unblock(DeviceCall::reserve);
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(done.load(), 2);
    EXPECT_EQ(faults_.blocked(DeviceCall::reserve), 0U);
}

TEST_F(FaultyMemoryTest, ACallAtTheGateCanStillBeOrderedToFail) {
    const Watchdog watchdog("a call at the gate that is to fail");
    faults_.block(DeviceCall::reserve);
    std::atomic<bool> failed{false};
    std::thread thread([&] { failed = errc_of([&] { (void)memory_.reserve(kSlab); }) == Errc::out_of_memory; });
    faults_.wait_until_blocked(DeviceCall::reserve);
    faults_.fail_always(DeviceCall::reserve, Errc::out_of_memory, "every slab was ordered to fail");
    faults_.unblock(DeviceCall::reserve);
    thread.join();
    EXPECT_TRUE(failed.load());
}

TEST(ForwardingMemory, NeedsADevice) {
    EXPECT_EQ(errc_of([] { const ForwardingMemory memory(nullptr); }), Errc::invalid_argument);
}

}  // namespace
}  // namespace fastio::test
