// Before a client's first wait in a stream all slabs of its context are opened (design P6).
#include <gtest/gtest.h>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

// Allocations of 2 and 8 MiB have slabs of their own.
class AllSlabs : public testing::Test {
protected:
    /// "name" is published and its contents are not complete, until `go`.
    static void publish_held(StreamOperator& producer) {
        ASSERT_EQ(producer.ask("create out 4096"), "ok");
        ASSERT_EQ(producer.ask("hold"), "ok");
        ASSERT_EQ(producer.ask("write out 7"), "ok");
        ASSERT_EQ(producer.ask("publish out name"), "ok");
    }

    Watchdog watchdog_{"all slabs of a context"};
    ServiceProcess service_{{"--device", "cuda:0", "--device", "cuda:1", "--fence-limit", "3600", "--trim-after", "0"}};
};

TEST_F(AllSlabs, AreOpenAfterAGetThatQueuesAWait) {
    StreamOperator owner(service_.socket());
    StreamOperator producer(service_.socket());
    StreamOperator consumer(service_.socket());
    ASSERT_EQ(owner.ask("create one 262144"), "ok");
    ASSERT_EQ(owner.ask("create two 1048576"), "ok");
    publish_held(producer);
    ASSERT_EQ(consumer.ask("get in name"), "ok");
    EXPECT_EQ(consumer.ask("slabs"), "3");
    EXPECT_EQ(consumer.ask("calls cudaIpcOpenMemHandle"), "3");
    ASSERT_EQ(producer.ask("go"), "ok");
}

TEST_F(AllSlabs, AreNotOpenedByAGetThatDoesNotWait) {
    StreamOperator producer(service_.socket());
    StreamOperator consumer(service_.socket());
    ASSERT_EQ(producer.ask("create one 262144"), "ok");
    ASSERT_EQ(producer.ask("create out 4096"), "ok");
    ASSERT_EQ(producer.ask("publish out name"), "ok");
    ASSERT_EQ(producer.ask("finish"), "ok");
    ASSERT_EQ(consumer.ask("get in name"), "ok");
    EXPECT_EQ(consumer.ask("slabs"), "1");
}

TEST_F(AllSlabs, ThatAreOutOfReachFailTheGetsThatNeedThemAndNoOther) {
    StreamOperator far(service_.socket(), "cuda:1");
    StreamOperator producer(service_.socket());
    StreamOperator consumer(service_.socket(), "cuda:0", {{"FASTIO_EMU_P2P", "0"}});
    ASSERT_EQ(far.ask("create a 100"), "ok");
    ASSERT_EQ(far.ask("publish a far"), "ok");
    ASSERT_EQ(far.ask("finish"), "ok");
    publish_held(producer);
    EXPECT_EQ(consumer.ask("get in name"), "ok");
    EXPECT_EQ(consumer.ask("slabs"), "1");
    EXPECT_TRUE(consumer.ask("get a far").starts_with("error peer_access_unavailable: "));
    ASSERT_EQ(producer.ask("go"), "ok");
}

TEST_F(AllSlabs, AreClosedIfTheyWereTakenBackWhileTheyWereOpened) {
    const cudart_emulator::Api& emulator = *cudart_emulator::find();
    StreamOperator owner(service_.socket());
    StreamOperator producer(service_.socket());
    StreamOperator consumer(service_.socket());
    ASSERT_EQ(owner.ask("create smaller 262144"), "ok");
    ASSERT_EQ(owner.ask("create larger 1048576"), "ok");
    ASSERT_EQ(producer.ask("create ready 4096"), "ok");
    ASSERT_EQ(producer.ask("publish ready ready"), "ok");
    ASSERT_EQ(producer.ask("finish"), "ok");
    ASSERT_EQ(consumer.ask("get ready ready"), "ok");
    publish_held(producer);
    emulator.close_gate("cudaIpcOpenMemHandle");
    consumer.say("get in name");
    emulator.wait_at_gate("cudaIpcOpenMemHandle", 1);  // the smaller slab, which the table has first
    ASSERT_EQ(owner.ask("drop larger"), "ok");
    ASSERT_EQ(owner.ask("drop smaller"), "ok");
    while (owner.ask("slabs") != "1") {  // of two empty slabs the service gives the smaller one back
    }
    emulator.open_gate("cudaIpcOpenMemHandle");
    EXPECT_EQ(consumer.hear(), "ok");
    while (consumer.ask("slabs") != "2") {
    }
    ASSERT_EQ(producer.ask("go"), "ok");
    EXPECT_EQ(consumer.ask("finish"), "ok");
}

}  // namespace
}  // namespace fastio::test
