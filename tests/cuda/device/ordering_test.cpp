// Streams of several processes, ordered without their hosts (design P6 to P8).
#include <gtest/gtest.h>

#include "process/service_process.hpp"
#include "support/channel.hpp"
#include "support/child_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class StreamOperator {
public:
    explicit StreamOperator(const std::string& socket) : StreamOperator(Channel::pair()) {
        EXPECT_EQ(ask("join " + socket + " job"), "ok");
    }
    std::string ask(const std::string& request) { return channel_.ask(request); }
    void say(const std::string& request) { channel_.say(request); }
    std::string hear() { return channel_.hear().text; }
    [[nodiscard]] ChildProcess& process() noexcept { return process_; }

private:
    explicit StreamOperator(std::pair<Channel, Channel> ends)
        : channel_(std::move(ends.first)),
          process_(ChildProcess::start(FASTIO_TEST_STREAM_OPERATOR, {}, {.descriptors = {ends.second.fd()}})) {}

    Channel channel_;
    ChildProcess process_;
};

class StreamsOfTwoProcesses : public testing::Test {
protected:
    void publish_held(const std::string& name) {
        ASSERT_EQ(producer_.ask("create out 4096"), "ok");
        ASSERT_EQ(producer_.ask("hold"), "ok");
        ASSERT_EQ(producer_.ask("write out 7"), "ok");
        ASSERT_EQ(producer_.ask("publish out " + name), "ok");
    }

    Watchdog watchdog_{"streams of two processes", std::chrono::seconds(240)};
    ServiceProcess service_{{"--device", "cuda:0", "--fence-limit", "3600"}};
    StreamOperator producer_{service_.socket()};
    StreamOperator consumer_{service_.socket()};
};

TEST_F(StreamsOfTwoProcesses, WithoutOrderingTheConsumerReadsWhatWasThereBefore) {
    ASSERT_EQ(producer_.ask("create out 4096"), "ok");
    ASSERT_EQ(producer_.ask("publish_now out name"), "ok");
    ASSERT_EQ(producer_.ask("hold"), "ok");
    ASSERT_EQ(producer_.ask("write out 7"), "ok");  // after the publish: nothing orders it
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    ASSERT_EQ(consumer_.ask("read in"), "ok");
    EXPECT_EQ(consumer_.ask("verify in 7"), "wrong");
    ASSERT_EQ(producer_.ask("go"), "ok");
}

TEST_F(StreamsOfTwoProcesses, WithPublishAndGetOnStreamsItReadsWhatTheProducersKernelWrote) {
    publish_held("name");  // the producer's host has not waited: its kernel is held back
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    ASSERT_EQ(consumer_.ask("read in"), "ok");  // nor has the consumer's
    ASSERT_EQ(producer_.ask("go"), "ok");
    EXPECT_EQ(consumer_.ask("verify in 7"), "right");
    EXPECT_EQ(consumer_.ask("check in"), "ok");
    EXPECT_EQ(consumer_.ask("ordering"), "memory_operations");
}

TEST_F(StreamsOfTwoProcesses, AGetWithoutAStreamWaitsOnTheHostAndNotForEver) {
    publish_held("name");
    EXPECT_EQ(consumer_.ask("get in name host"), "error timed_out");
    ASSERT_EQ(producer_.ask("go"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    EXPECT_EQ(consumer_.ask("get in name host"), "ok");
}

TEST_F(StreamsOfTwoProcesses, AStreamThatWaitsForADeadProducerGoesOnAndCheckSaysSo) {
    publish_held("name");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    producer_.process().kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    EXPECT_EQ(consumer_.ask("check in"), "error producer_lost");
    EXPECT_EQ(consumer_.ask("get again name host"), "error producer_lost");
}

TEST_F(StreamsOfTwoProcesses, AStreamThatWaitsGoesOnWhenTheServiceDies) {
    publish_held("name");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    service_.process().kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    EXPECT_EQ(consumer_.ask("check in"), "error service_lost");
    ASSERT_EQ(producer_.ask("go"), "ok");
}

TEST_F(StreamsOfTwoProcesses, MemoryThatWasReleasedOnAStreamComesBackWhenTheStreamIsDone) {
    ASSERT_EQ(producer_.ask("create out 4096"), "ok");
    ASSERT_EQ(producer_.ask("publish out name"), "ok");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    ASSERT_EQ(consumer_.ask("hold"), "ok");
    ASSERT_EQ(consumer_.ask("release in"), "ok");
    ASSERT_EQ(producer_.ask("free out"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    Service view = service_.view();
    EXPECT_EQ(view.totals().allocations, 1U);
    EXPECT_EQ(view.totals().publications, 0U);
    ASSERT_EQ(consumer_.ask("go"), "ok");
    while (view.totals().allocations != 0) {
    }
}

}  // namespace
}  // namespace fastio::test
