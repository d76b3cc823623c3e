// A service that lies unasked, on the event socket of a client.
#include <array>
#include <filesystem>
#include <future>
#include <limits>

#include "hostile_service.hpp"

namespace fastio::test {
namespace {

using wire::Kind;

constexpr std::size_t kMostQueued = 1024;  // events of a watch, fastio/watch.hpp

class HostileEvents : public HostileServiceTest {
protected:
    HostileEvents() {
        middle_.change([this](Kind kind, Reply& reply) {
            if (kind == Kind::create_reply && reply.bytes.size() == sizeof(wire::CreateReply)) {
                std::memcpy(&placed_, reply.bytes.data(), sizeof(placed_));
            }
        });
        client_.emplace(join());
    }

    static wire::Event event(const std::string& name, std::uint64_t version = 1) {
        wire::Event event;
        event.watch_count = 1;
        event.watches[0] = 1;  // a client's first
        event.type = static_cast<std::uint32_t>(WatchEvent::Kind::published);
        event.version = version;
        wire::set_text(event.job, "job");
        wire::set_text(event.name, name);
        return event;
    }

    /// Events are taken in their order: those before the one of this name. Whether some were lost is the first one's
    /// kind.
    static std::vector<WatchEvent> until(Watch& watch, const std::string& name) {
        std::vector<WatchEvent> before;
        for (;;) {
            WatchEvent next = watch.next(60s).value();
            if (next.name == name) {
                return before;
            }
            before.push_back(std::move(next));
        }
    }

    /// The client's session goes on: it can do all that it could.
    void expect_usable() {
        EXPECT_TRUE(client_->alive());
        Allocation made = client_->create(uint8, {1000});
        made.publish("mine", {.replace = true});
        made.free();
        EXPECT_EQ(read(client_->get("theirs")), "theirs");
        EXPECT_FALSE(client_->find("mine"));
    }

    std::optional<Context> client_;  // the one that is lied to
    wire::CreateReply placed_;       // the last
};

TEST_F(HostileEvents, ThatCloseSlabsOfNobodyUnmapNothing) {
    Allocation made = client_->create(uint8, {6});
    made.copy_from("theirs", 6);
    for (const std::uint32_t index : {placed_.slab, placed_.slab + 1, 0x7fff'ffffU, 0xffff'ffffU}) {
        for (const std::uint32_t generation : {0U, placed_.slab_generation + 1, 0x8000'0000U, 0xffff'ffffU}) {
            EXPECT_TRUE(middle_.close_slab(index, generation));
        }
    }
    EXPECT_EQ(read(made), "theirs");
    EXPECT_EQ(client_->stats().slabs_mapped, 1U);
    expect_usable();
}

// Whoever gives the memory can take it away: an access would end the client. Its calls go on.
TEST_F(HostileEvents, ThatCloseASlabInUseTakeItsMemoryAndNothingElse) {
    Allocation made = client_->create(uint8, {6});
    made.publish("made");
    Allocation got = client_->get("theirs");
    for (int times = 0; times < 3; ++times) {
        ASSERT_TRUE(middle_.close_slab(placed_.slab, placed_.slab_generation));
        EXPECT_EQ(client_->stats().slabs_mapped, 0U);
        EXPECT_EQ(read(client_->get("theirs")), "theirs") << "it is mapped again";
        EXPECT_EQ(client_->stats().slabs_mapped, 1U);
    }
    ASSERT_TRUE(middle_.close_slab(placed_.slab, placed_.slab_generation));
    got.release();
    made.free();
    EXPECT_FALSE(client_->find("made"));
    expect_usable();
    EXPECT_EQ(client_->stats().own_leases, 0U);
}

TEST_F(HostileEvents, ThatTheContextEndedEndItsCallsAndNoMemory) {
    for (const std::int32_t reason :
         {0, 1, -1, 12345, static_cast<std::int32_t>(Errc::context_closed),
          static_cast<std::int32_t>(Errc::device_unavailable), std::numeric_limits<std::int32_t>::min()}) {
        client_.reset();
        client_.emplace(join());
        Allocation got = client_->get("theirs");
        Watch watch = client_->watch("");
        const auto said = std::async(std::launch::async, [&] {
            wait_until_sleeping(*client_);
            wire::ContextEnded ended;
            ended.reason = reason;
            return middle_.say(ended);
        });
        const Errc expected = reason == static_cast<std::int32_t>(Errc::device_unavailable) ? Errc::device_unavailable
                                                                                            : Errc::context_closed;
        EXPECT_EQ(outcome_of([&] { static_cast<void>(client_->get("nobody", {.timeout = 600s})); }), expected);
        said.wait();
        EXPECT_EQ(outcome_of([&] { static_cast<void>(client_->create(1)); }), expected);
        EXPECT_EQ(outcome_of([&] { static_cast<void>(watch.next(600s)); }), expected);
        EXPECT_FALSE(client_->alive());
        EXPECT_EQ(read(got), "theirs");
        got.release();
    }
    EXPECT_EQ(text_of(ctx_.get("theirs")), "theirs") << "the context is as it was";
}

TEST_F(HostileEvents, ThatFloodAWatchLeaveTheLastAndSayThatSomeWereLost) {
    Watch watch = client_->watch("");
    Watch other = client_->watch("");
    constexpr std::uint64_t kFlood = 20'000;
    for (std::uint64_t i = 1; i <= kFlood; ++i) {
        ASSERT_TRUE(middle_.say(event("flood", i)));
        wire::Event unknown = event("nobody's");
        unknown.watches[0] = 0xffff'ffff;
        ASSERT_TRUE(middle_.say(unknown));
        if (i % 16 == 0) {
            ASSERT_TRUE(middle_.say(wire::Ok{}));
        }
    }
    wire::Event last = event("last");
    last.watches[0] = 2;
    ASSERT_TRUE(middle_.say(last));
    EXPECT_TRUE(until(other, "last").empty()) << "now the client has read all";
    ASSERT_TRUE(middle_.say(event("last")));
    last.version = 2;
    ASSERT_TRUE(middle_.say(last));
    EXPECT_TRUE(until(other, "last").empty());
    const std::vector<WatchEvent> kept = until(watch, "last");
    ASSERT_EQ(kept.size(), kMostQueued);
    EXPECT_EQ(kept[0].kind, WatchEvent::Kind::lost);
    for (std::size_t i = 1; i < kept.size(); ++i) {
        EXPECT_EQ(kept[i].version, kFlood - kMostQueued + 1 + i);
    }
    expect_usable();
}

TEST_F(HostileEvents, ThatEventsWereLostAreOneEachTimeThatAWatchIsAsked) {
    Watch watch = client_->watch("");
    for (int times = 0; times < 10'000; ++times) {
        ASSERT_TRUE(middle_.say(wire::EventsLost{}));
    }
    ASSERT_TRUE(middle_.say(event("last")));
    const auto before = until(watch, "last");
    EXPECT_GE(before.size(), 1U);
    EXPECT_LE(before.size(), 10'000U);
    for (const WatchEvent& one : before) {
        EXPECT_EQ(one.kind, WatchEvent::Kind::lost);
    }
    expect_usable();
}

TEST_F(HostileEvents, WithAnyFieldAtItsExtremesReachAWatchOrNobody) {
    Watch watch = client_->watch("");
    for (std::size_t offset = 0; offset < sizeof(wire::Event); offset += 4) {
        for (const std::uint32_t value : kExtremes) {
            wire::Event one = event("changed");
            one.header = {wire::kMagic, Kind::event, sizeof(one), 0};
            std::memcpy(reinterpret_cast<std::byte*>(&one) + offset, &value, sizeof(value));
            ASSERT_TRUE(middle_.say_bytes(std::as_bytes(std::span(&one, 1))));
        }
        ASSERT_TRUE(middle_.say(event("last")));
        const auto reached = until(watch, "last");
        EXPECT_LE(reached.size(), std::size(kExtremes));
        if (offset < offsetof(wire::Event, header.request)) {
            EXPECT_TRUE(reached.empty()) << "it is no event, at " << offset;
        }
        for (const WatchEvent& one : reached) {
            EXPECT_LE(one.name.size(), sizeof(wire::Event::name.data));
            EXPECT_LE(one.job.size(), sizeof(wire::Event::job.data));
            EXPECT_LE(static_cast<int>(one.kind), static_cast<int>(WatchEvent::Kind::lost));
        }
    }
    expect_usable();
}

TEST_F(HostileEvents, OfAnyLengthAndKindWithoutMeaningAreIgnoredWithTheirDescriptors) {
    Watch watch = client_->watch("");
    const auto descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    const auto before = descriptors();
    const std::array<int, 2> some{0, 1};
    for (const std::size_t bytes : kOtherLengths) {
        std::vector<std::byte> packet(bytes, std::byte{0xff});
        ASSERT_TRUE(middle_.say_bytes(packet, some));
    }
    for (std::uint16_t kind = 0; kind < 120; ++kind) {
        if (static_cast<Kind>(kind) == Kind::context_ended) {
            continue;  // an end without a reason is one
        }
        for (const std::size_t bytes : {std::size_t{16}, std::size_t{24}, std::size_t{1000}}) {
            const wire::Header head{wire::kMagic, static_cast<Kind>(kind), static_cast<std::uint16_t>(bytes), 1};
            std::vector<std::byte> packet(bytes);
            std::memcpy(packet.data(), &head, sizeof(head));
            ASSERT_TRUE(middle_.say_bytes(packet, some));
        }
    }
    ASSERT_TRUE(middle_.say(event("last")));
    for (const WatchEvent& one : until(watch, "last")) {
        EXPECT_EQ(one.kind, WatchEvent::Kind::lost) << "that is a whole message of 16 bytes";
    }
    EXPECT_EQ(descriptors(), before);
    expect_usable();
}

TEST_F(HostileEvents, ThatEndLoseTheService) {
    Allocation got = client_->get("theirs");
    const auto ended = std::async(std::launch::async, [&] {
        wait_until_sleeping(*client_);
        middle_.end_events();
    });
    EXPECT_EQ(outcome_of([&] { static_cast<void>(client_->get("nobody", {.timeout = 600s})); }), Errc::service_lost);
    EXPECT_EQ(outcome_of([&] { static_cast<void>(client_->create(1)); }), Errc::service_lost);
    EXPECT_EQ(read(got), "theirs");
}

}  // namespace
}  // namespace fastio::test
