#include <fastio/watch.hpp>

#include "running_service.hpp"

namespace fastio::test {
namespace {

class ServiceWatchTest : public ServiceTest {
protected:
    static std::string next(RawClient& client) {
        const auto event = client.event<wire::Event>();
        std::string ids;
        for (std::uint32_t i = 0; i < event.watch_count; ++i) {
            ids += (i == 0 ? "" : ",") + std::to_string(event.watches[i]);
        }
        EXPECT_TRUE(std::all_of(event.watches + event.watch_count, std::end(event.watches), [](std::uint32_t id) {
            return id == 0;
        })) << "nothing of other clients' watches";
        return ids + " " + to_string(static_cast<WatchEvent::Kind>(event.type)) + " " +
               std::string(wire::get_text(event.job).value()) + "/" + std::string(wire::get_text(event.name).value()) +
               " " + std::to_string(event.version);
    }
};

TEST_F(ServiceWatchTest, TellsWhatHappensToNames) {
    const auto watcher = member();
    const auto client = member();
    watcher->watch(7);
    const auto allocation = client->create(10);
    client->publish(allocation, "name", 10);
    client->publish(allocation, "name", 10, wire::Publish::kReplace);
    client->free(allocation, client->last_lease);
    EXPECT_EQ(next(*watcher), "7 published job/name 1");
    EXPECT_EQ(next(*watcher), "7 replaced job/name 2");
    EXPECT_EQ(next(*watcher), "7 unpublished job/name 2");
}

TEST_F(ServiceWatchTest, OnlyThePrefixAndOnlyTheOwnContext) {
    const auto watcher = member();
    const auto other = member("other");
    watcher->watch(1, "a/");
    other->publish(other->create(1), "a/elsewhere", 1);
    watcher->publish(watcher->create(1), "b", 1);
    watcher->publish(watcher->create(1), "a/x", 1);
    EXPECT_EQ(next(*watcher), "1 published job/a/x 2");
}

TEST_F(ServiceWatchTest, OneMessageTellsAllWatchesOfAClientThatAChangeConcerns) {
    const auto watcher = member();
    const auto other = member();
    for (std::uint32_t id = 0; id < 63; ++id) {
        watcher->watch(id, id % 2 == 0 ? "a/" : "b/");
        other->watch(id, "nothing");
    }
    watcher->watch(100, "a/x");
    other->watch(100);
    watcher->publish(watcher->create(1), "a/x", 1);
    std::string even;
    for (std::uint32_t id = 0; id < 63; id += 2) {
        even += std::to_string(id) + ",";
    }
    EXPECT_EQ(next(*watcher), even + "100 published job/a/x 1");
    EXPECT_EQ(next(*other), "100 published job/a/x 1");
    watcher->publish(watcher->create(1), "c", 1);
    EXPECT_EQ(next(*other), "100 published job/c 2");
    watcher->publish(watcher->create(1), "a/", 1);
    EXPECT_EQ(next(*watcher), even.substr(0, even.size() - 1) + " published job/a/ 3");
}

TEST_F(ServiceWatchTest, AVisitorHearsOfEveryContextAndSession) {
    const auto watcher = visitor();
    watcher->watch(3, {}, true);
    const auto client = member("ct");
    client->publish(client->create(1), "x", 1);
    client->bye();
    EXPECT_EQ(next(*watcher), "3 context_created ct/ 0");
    EXPECT_EQ(next(*watcher), "3 session_joined ct/raw 0");
    EXPECT_EQ(next(*watcher), "3 published ct/x 1");
    EXPECT_EQ(next(*watcher), "3 session_left ct/raw 0");
    EXPECT_EQ(next(*watcher), "3 context_ended ct/ 0");
}

TEST_F(ServiceWatchTest, UnwatchEndsIt) {
    const auto watcher = member();
    watcher->watch(1);
    watcher->watch(2);
    wire::Unwatch unwatch{};
    unwatch.id = 1;
    watcher->send(unwatch);
    watcher->send(unwatch);  // of nothing
    watcher->publish(watcher->create(1), "x", 1);
    EXPECT_EQ(next(*watcher), "2 published job/x 1");
}

TEST_F(ServiceWatchTest, RefusesATakenIdAndTooMany) {
    const auto watcher = member();
    wire::Watch watch{};
    for (; watch.id < 64; ++watch.id) {
        watcher->ask<wire::Ok>(watch);
    }
    EXPECT_EQ(watcher->refused(watch), Errc::quota_exceeded);
    watch.id = 5;
    EXPECT_EQ(watcher->refused(watch), Errc::invalid_argument);
    EXPECT_EQ(watcher->create(1).capacity, 256U);
}

TEST_F(ServiceWatchTest, AVisitorWithoutAContextMustAskForAll) {
    const auto watcher = visitor();
    EXPECT_EQ(watcher->refused(wire::Watch{}), Errc::invalid_argument);
}

TEST_F(ServiceWatchTest, AWatcherThatStopsReadingLosesEventsAndDelaysNobody) {
    const auto watcher = member();
    const auto client = member();
    watcher->watch(1);
    const auto allocation = client->create(10);
    for (int i = 0; i < 3000; ++i) {
        client->publish(allocation, "name", 10, wire::Publish::kReplace);
        client->leases->drop(client->last_lease);
    }
    int events = 0;
    while (watcher->event_socket.receive(watcher->packet) == wire::ReceiveResult::received &&
           watcher->packet.as<wire::Event>()) {
        ++events;
    }
    EXPECT_GT(events, 10);
    EXPECT_LT(events, 3000);
    EXPECT_TRUE(watcher->packet.as<wire::EventsLost>());
    EXPECT_EQ(watcher->totals().sessions_cut, 0U);
    client->publish(allocation, "name", 10, wire::Publish::kReplace);
    EXPECT_EQ(next(*watcher), "1 replaced job/name 3001");
}

TEST_F(ServiceWatchTest, AFullWatcherIsStillToldOfClosingSlabsAndTheEnd) {
    const auto watcher = member();
    const auto client = member();
    watcher->watch(1);
    const auto small = client->create(2 * kMiB);
    const auto large = client->create(20 * kMiB);
    for (int i = 0; i < 3000; ++i) {
        client->publish(large, "name", 10, wire::Publish::kReplace);
        client->leases->drop(client->last_lease);
    }
    const std::uint32_t entry = client->lease(large);
    client->free(large, entry);
    client->free(small, wire::kNoLease);
    wire::EndContext end{};
    end.job = text("job");
    visitor()->ask<wire::Ok>(end);
    bool ended = false;
    bool lost = false;
    int closing = 0;
    while (!ended || !lost || closing < 1) {
        ASSERT_EQ(watcher->event_socket.receive(watcher->packet), wire::ReceiveResult::received);
        ended = ended || watcher->packet.as<wire::ContextEnded>();
        lost = lost || watcher->packet.as<wire::EventsLost>();
        closing += watcher->packet.as<wire::SlabClosing>() ? 1 : 0;
    }
    EXPECT_TRUE(watcher->table->ended());
}

TEST_F(ServiceWatchTest, AClosedEventSocketDoesNotEndTheSession) {
    const auto watcher = member();
    watcher->watch(1);
    watcher->event_socket.reset();
    watcher->publish(watcher->create(1), "x", 1);
    EXPECT_EQ(watcher->stats().publications, 1U);
    watcher->bye();
    EXPECT_EQ(totals().sessions, 0U);
}

}  // namespace
}  // namespace fastio::test
