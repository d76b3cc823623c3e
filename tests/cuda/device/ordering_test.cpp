// Streams of several processes, ordered without their hosts (design P6 to P8).
#include <gtest/gtest.h>

#include <array>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class StreamsOfTwoProcesses : public testing::Test {
protected:
    void publish_held(const std::string& name) {
        ASSERT_EQ(producer_.ask("create out 4096"), "ok");
        ASSERT_EQ(producer_.ask("hold"), "ok");
        ASSERT_EQ(producer_.ask("write out 7"), "ok");
        ASSERT_EQ(producer_.ask("publish out " + name), "ok");
    }

    Watchdog watchdog_{"streams of two processes"};
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
    EXPECT_EQ(consumer_.ask("stats"), "memory_operations 0");
}

// Also by who has opened no slab of a GPU.
TEST_F(StreamsOfTwoProcesses, ContentsAreListedAsPendingThenCompleteAndAsLostWhereTheirProducerDied) {
    Context onlooker({.job = "job", .socket = service_.socket()});
    Service view = service_.view();
    const auto listed = [&](std::size_t row) {
        const Contents contents = onlooker.list().at(row).contents;
        EXPECT_EQ(view.publications("job").at(row).contents, contents);
        return contents;
    };
    publish_held("a");
    EXPECT_EQ(listed(0), Contents::pending);
    ASSERT_EQ(producer_.ask("go"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    EXPECT_EQ(listed(0), Contents::complete);
    publish_held("b");
    EXPECT_EQ(listed(1), Contents::pending);
    producer_.process().kill();
    while (onlooker.list().at(1).contents != Contents::lost) {
    }
    EXPECT_EQ(listed(1), Contents::lost);
    EXPECT_EQ(listed(0), Contents::complete);
    EXPECT_EQ(onlooker.stats().slabs_mapped, 0U);
}

TEST_F(StreamsOfTwoProcesses, AGetWithoutAStreamWaitsOnTheHostAndNotForEver) {
    publish_held("name");
    EXPECT_TRUE(consumer_.ask("get in name host").starts_with("error timed_out: "));
    ASSERT_EQ(producer_.ask("go"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    EXPECT_EQ(consumer_.ask("get in name host"), "ok");
}

TEST_F(StreamsOfTwoProcesses, AStreamThatWaitsForADeadProducerGoesOnAndCheckSaysSo) {
    publish_held("name");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    producer_.process().kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    EXPECT_TRUE(consumer_.ask("check in").starts_with("error producer_lost: "));
    EXPECT_TRUE(consumer_.ask("get again name host").starts_with("error producer_lost: "));
}

TEST_F(StreamsOfTwoProcesses, AStreamThatWaitsGoesOnWhenTheServiceDies) {
    publish_held("name");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    service_.process().kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    EXPECT_TRUE(consumer_.ask("check in").starts_with("error service_lost: "));
    ASSERT_EQ(producer_.ask("go"), "ok");
}

// A consumer's helper thread completes the word that its stream waits for, and the others see that before they have
// heard of the service's death themselves: they were stopped.
TEST_F(StreamsOfTwoProcesses, WhatAConsumerCompletesAfterTheServicesDeathIsNobodysContents) {
    publish_held("name");
    ASSERT_EQ(consumer_.ask("get in name"), "ok");
    std::array<StreamOperator, 4> late{StreamOperator(service_.socket()), StreamOperator(service_.socket()),
                                       StreamOperator(service_.socket()), StreamOperator(service_.socket())};
    for (StreamOperator& one : late) {
        ASSERT_TRUE(one.ask("get in name host").starts_with("error timed_out: "));
        one.process().stop();
    }
    service_.process().kill();
    EXPECT_EQ(consumer_.ask("finish"), "ok");
    for (StreamOperator& one : late) {
        one.say("get in name host");
        one.process().resume();
    }
    for (StreamOperator& one : late) {
        EXPECT_TRUE(one.hear().starts_with("error service_lost: "));
    }
    ASSERT_EQ(producer_.ask("go"), "ok");
}

// Only when the service has died does a consumer complete words that are others'.
TEST_F(StreamsOfTwoProcesses, WhoGivesTheServiceUpLeavesTheWordsToIt) {
    publish_held("name");
    StreamOperator impatient(service_.socket());
    ASSERT_EQ(impatient.ask("join " + service_.socket() + " cuda:0 impatient"), "ok");
    ASSERT_EQ(impatient.ask("get in name"), "ok");
    service_.process().stop();
    EXPECT_TRUE(impatient.ask("create other 4096").starts_with("error service_unreachable: "));
    service_.process().resume();
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(consumer_.ask("get in name host").starts_with("error timed_out: "));
    }
    ASSERT_EQ(producer_.ask("go"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    EXPECT_EQ(impatient.ask("finish"), "ok");
    EXPECT_TRUE(impatient.ask("check in").starts_with("error service_lost: "));
    EXPECT_EQ(consumer_.ask("get in name host"), "ok");
    EXPECT_EQ(consumer_.ask("check in"), "ok");
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

TEST_F(StreamsOfTwoProcesses, WhatIsReleasedOrFreedWithoutAStreamStaysUntilTheDeviceIsDone) {
    ASSERT_EQ(producer_.ask("create out 4096"), "ok");
    ASSERT_EQ(producer_.ask("create hold 4096"), "ok");
    ASSERT_EQ(producer_.ask("hold"), "ok");
    ASSERT_EQ(producer_.ask("write out 7"), "ok");
    ASSERT_EQ(producer_.ask("drop out"), "ok");  // never published: a hold
    ASSERT_EQ(producer_.ask("drop hold"), "ok");
    EXPECT_EQ(service_.view().totals().allocations, 2U);
    ASSERT_EQ(producer_.ask("go"), "ok");
    Service view = service_.view();
    while (view.totals().allocations != 0) {
    }
}

TEST_F(StreamsOfTwoProcesses, AStreamThatIsBeingCapturedIsRefusedByEveryCallAndChangesNothing) {
    ASSERT_EQ(producer_.ask("create a 4096"), "ok");
    ASSERT_EQ(producer_.ask("put a 7"), "ok");
    ASSERT_EQ(producer_.ask("publish a name"), "ok");
    for (const std::string how : {"capture ", "capture_legacy "}) {
        for (const char* const call : {"create_zero", "publish", "publish_array", "publish_array_there", "get",
                                       "release", "free", "order_first", "order_later", "copy_from", "copy_to"}) {
            EXPECT_EQ(producer_.ask(how + call + " a"), "error unsupported") << how << call;
        }
        EXPECT_EQ(producer_.ask(how + "create a"), "ok") << "nothing is queued there";
    }
    EXPECT_EQ(producer_.ask("see a 7"), "right");
    for (const char* const call : {"capture first_get name", "capture create_zero a", "capture publish_array_there a",
                                   "capture_legacy first_get name"}) {
        EXPECT_EQ(consumer_.ask(call), "error unsupported") << call << ": before a slab is opened";
    }
    EXPECT_EQ(consumer_.ask("get a name"), "ok");
    EXPECT_TRUE(consumer_.ask("get b captured").starts_with("error not_found: "));
}

TEST_F(StreamsOfTwoProcesses, ADyingGpuWritesToMemoryThatNobodyElseHas) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer cannot follow an engine with a process of its own";
#endif
    // The engine of this one goes on for its killed client while a forked child of it lives.
    StreamOperator dying(service_.socket(), "cuda:0",
                         {{"FASTIO_EMU_EXECUTOR", "process"}, {"FASTIO_EMU_LINGER_MS", "0"}});
    constexpr int kWords = 1 << 18;
    ASSERT_EQ(dying.ask("create a " + std::to_string(kWords)), "ok");
    ASSERT_EQ(dying.ask("long_write a 7"), "ok");
    static_cast<void>(dying.ask("fork"));
    dying.process().kill();

    Service view = service_.view();
    while (view.totals().bytes_quarantined == 0) {
    }
    for (int i = 0; i < 8; ++i) {  // each would be given that memory if it were free
        const std::string key = "k" + std::to_string(i);
        ASSERT_EQ(consumer_.ask("create " + key + " " + std::to_string(kWords)), "ok");
        ASSERT_EQ(consumer_.ask("put " + key + " " + std::to_string(i)), "ok");
    }
    EXPECT_GE(view.totals().bytes_quarantined, kWords * sizeof(std::uint64_t));
    dying.let_children_end();
    while (view.totals().bytes_quarantined != 0) {
    }
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(consumer_.ask("see k" + std::to_string(i) + " " + std::to_string(i)), "right");
    }
}

}  // namespace
}  // namespace fastio::test
