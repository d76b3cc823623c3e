// SIGSTOP to the service: what asks it something waits until it goes on.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <optional>

#include "raw_client.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

using namespace std::chrono_literals;

class RequestsToAStoppedService : public testing::Test {
protected:
    /// Once there is a service.
    [[nodiscard]] std::unique_ptr<RawClient> visitor() const {
        for (;;) {
            try {
                return RawClient::visitor(socket_);
            } catch (const Error&) {  // it is starting
            }
        }
    }
    [[nodiscard]] std::unique_ptr<RawClient> member() const {
        auto client = visitor();
        client->join("job");
        return client;
    }

    Watchdog watchdog_{"a stopped service"};
    TempDir folder_;
    std::string socket_ = folder_.file("s");
    ChildProcess service_ =
        ChildProcess::start(FASTIO_TEST_FASTIOD, {"--socket", socket_, "--device", "host", "--log-level", "warning"});
};

TEST_F(RequestsToAStoppedService, AreAnsweredWhenItGoesOnAndNotBefore) {
    const auto creator = member();
    const auto publisher = member();
    const auto freer = member();
    const auto unpublisher = member();
    const auto joiner = visitor();
    const auto leaver = member();
    const wire::CreateReply published = publisher->create(8);
    wire::Publish publish = publisher->publish_message(published, "new", 8);
    publish.lease = publisher->lease(published);
    const wire::CreateReply freed = freer->create(8);
    unpublisher->publish(unpublisher->create(8), "old", 8);

    service_.stop();
    wire::Create create{};
    create.size = 8;
    creator->send(create);  // from here on it lies in the service's queue
    publisher->send(publish);
    wire::Free free{};
    free.slot = freed.slot;
    free.generation = freed.generation;
    freer->send(free);
    wire::Unpublish unpublish{};
    unpublish.name = text("old");
    unpublisher->send(unpublish);
    wire::Join join{};
    join.job = text("other job");
    joiner->send(join);
    leaver->send(wire::Bye{});
    for (const auto* client : {&creator, &publisher, &freer, &unpublisher, &joiner, &leaver}) {
        pollfd reply{(*client)->request_socket.fd(), POLLIN, 0};
        EXPECT_EQ(::poll(&reply, 1, 0), 0) << "who answered?";
    }

    service_.resume();
    EXPECT_EQ(creator->receive<wire::CreateReply>().capacity, 256U);
    EXPECT_EQ(publisher->receive<wire::PublishReply>().version, 2U);
    freer->receive<wire::Ok>();
    unpublisher->receive<wire::Ok>();
    joiner->receive<wire::JoinReply>();
    leaver->receive<wire::Ok>();
    EXPECT_TRUE(creator->finds("new"));
    EXPECT_FALSE(creator->finds("old"));
}

}  // namespace
}  // namespace fastio::test
