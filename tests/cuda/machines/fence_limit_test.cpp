// A producer that lives but does not get done: its consumers go on at the fence limit, and what its GPU writes late is
// nobody else's (docs/decisions/0006).
#include <gtest/gtest.h>

#include "cuda/device/gate.hpp"
#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class FenceLimitOnStreams : public testing::Test {
protected:
    /// An allocation whose words a kernel in the stream writes.
    Allocation written(const TestStream& stream, std::uint64_t seed) {
        constexpr std::int64_t kWords = 4096;
        Allocation made = producer_.create(uint64, {kWords});
        EXPECT_EQ(cudart_emulator::find()->launch_pattern(stream.get(), made.data(), made.size(), seed, 1), 0);
        return made;
    }

    Watchdog watchdog_{"a fence limit"};
    ServiceProcess service_{{"--fence-limit", "5"}};  // what is not held is done long before, also on a slow machine
    Context producer_ = service_.join("job");
    TestStream held_;
    TestStream free_;
    Gate gate_;
    StreamOperator consumer_{service_.socket()};
};

TEST_F(FenceLimitOnStreams, LetsConsumersGoOnAndSaysThatTheirContentsAreLost) {
    gate_.hold(held_.get());
    Allocation late = written(held_, 7);
    late.publish("name", {.stream = Stream(held_.get())});
    ASSERT_EQ(consumer_.ask("get a name"), "ok");
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    EXPECT_TRUE(consumer_.ask("check a").starts_with("error producer_lost: "));
    EXPECT_TRUE(consumer_.ask("get b name host").starts_with("error producer_lost: "));
    const Error lost = error_of([&] { (void)producer_.get("name"); });
    EXPECT_EQ(lost.errc(), Errc::producer_lost);
    EXPECT_EQ(lost.version(), late.version());
    EXPECT_FALSE(producer_.find("name", {.newer_than = lost.version()}));

    Allocation again = written(free_, 8);
    EXPECT_NO_THROW(again.publish("name", {.stream = Stream(free_.get())})) << "the name is free";
    ASSERT_EQ(consumer_.ask("get a name"), "ok");
    ASSERT_EQ(consumer_.ask("read a"), "ok");
    EXPECT_EQ(consumer_.ask("verify a 8"), "right");
    EXPECT_EQ(consumer_.ask("check a"), "ok");
}

// Every fence word of the producer is in use once more before the held stream writes the one that it was to complete.
TEST_F(FenceLimitOnStreams, LeavesTheWordThatAStreamStillWritesToThatStream) {
    constexpr int kNames = 600;  // a client has 512 words at the most
    gate_.hold(held_.get());
    Allocation late = written(held_, 7);
    late.publish("late", {.stream = Stream(held_.get())});
    ASSERT_EQ(consumer_.ask("get late late"), "ok");
    ASSERT_EQ(consumer_.ask("finish"), "ok");
    Allocation next = written(free_, 8);
    for (int i = 0; i < kNames; ++i) {
        next.publish("name-" + std::to_string(i), {.stream = Stream(free_.get())});
    }
    ASSERT_EQ(cudaStreamSynchronize(free_.get()), cudaSuccess);
    gate_.open();
    ASSERT_EQ(cudaStreamSynchronize(held_.get()), cudaSuccess);
    for (int i = 0; i < kNames; ++i) {
        ASSERT_EQ(consumer_.ask("get a name-" + std::to_string(i) + " host"), "ok") << i;
    }
    EXPECT_EQ(consumer_.ask("see a 8"), "right");
    EXPECT_TRUE(consumer_.ask("check late").starts_with("error producer_lost: ")) << "for good";
}

}  // namespace
}  // namespace fastio::test
