#include "service/watchers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace fastio::test {
namespace {

using service::Change;
using service::Session;
using service::Watchers;

/// Sessions of three users, the last of whom may see everything.
class WatchersTest : public ::testing::Test {
protected:
    WatchersTest() {
        for (std::size_t i = 0; i < 3; ++i) {
            auto [own, other] = wire::Socket::pair();
            sessions[i].id = i + 1;
            sessions[i].uid = static_cast<uid_t>(1000 + i);
            sessions[i].events = service::EventChannel{std::move(own), i + 1};
            clients[i] = std::move(other);
            watchers.add_for_all(sessions[i], 7, "v", i == 2);
        }
    }
    /// Which of them heard of it.
    std::vector<std::size_t> told(uid_t user, std::string_view name, std::uint64_t context = 1) {
        watchers.tell({WatchEvent::Kind::published, context, user, "job", name, 1});
        std::vector<std::size_t> heard;
        wire::Packet packet;
        for (std::size_t i = 0; i < 3; ++i) {
            if (clients[i].receive(packet, false) == wire::ReceiveResult::received) {
                heard.push_back(i);
                EXPECT_EQ(packet.as<wire::Event>()->watch_count, 1U);
                EXPECT_EQ(packet.as<wire::Event>()->watches[0], 7U);
            }
        }
        return heard;
    }

    service::Poller poller{};
    Watchers watchers{poller};
    std::array<Session, 3> sessions{};
    std::array<wire::Socket, 3> clients{};
};

using Heard = std::vector<std::size_t>;

TEST_F(WatchersTest, OfAllContextsHearOfTheirOwnUsersUnlessTheyMaySeeEverything) {
    EXPECT_EQ(told(1000, "volume"), (Heard{0, 2}));
    EXPECT_EQ(told(1001, "volume"), (Heard{1, 2}));
    EXPECT_EQ(told(4711, "volume"), (Heard{2}));
    EXPECT_EQ(told(1000, "mask"), (Heard{}));
}

TEST_F(WatchersTest, ThatAreRemovedHearNothing) {
    watchers.remove(sessions[0], 7);
    watchers.remove_all(sessions[2]);
    EXPECT_EQ(told(1000, "volume"), (Heard{}));
    EXPECT_EQ(told(1001, "volume"), (Heard{1}));
    watchers.remove(sessions[0], 7);
    EXPECT_EQ(sessions[0].watches, 0U);
}

TEST_F(WatchersTest, OfOneContextHearOfThatOne) {
    watchers.remove(sessions[0], 7);
    watchers.add_for_context(sessions[0], 7, "v", 5);
    EXPECT_EQ(told(1001, "volume", 5), (Heard{0, 1, 2}));
    EXPECT_EQ(told(1000, "volume", 6), (Heard{2}));
    EXPECT_THROW(watchers.add_for_all(sessions[0], 7, "", false), Error);
}

}  // namespace
}  // namespace fastio::test
