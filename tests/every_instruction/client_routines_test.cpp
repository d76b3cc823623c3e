#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "context_subject.hpp"
#include "support/watchdog.hpp"
#include "table/reader.hpp"
#include "unit/table/table_fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kNudged = std::uint64_t{1} << 63;

/// A client in the stepped process; the service is the tracer.
class Client final : public Subject, public table::SegmentSource {
public:
    using Routine = std::function<void(Client&)>;
    Client(ContextWorld& service, const Routine& prepare, const Routine& routine)
        : service_(service),
          routine_(routine),
          reader(duplicate(service.context.writer().segment(table::SegmentKind::header, 0).fd), *this),
          pages(duplicate(service.consumer_leases()), 1) {
        table::PublicationCopy copy;  // maps what there is
        static_cast<void>(reader.lookup("volume", table::hash_name("volume", 6), copy));
        prepare(*this);
    }
    Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override {
        return duplicate(service_.context.writer().segment(kind, ordinal).fd);
    }
    [[nodiscard]] std::vector<SubjectFile> files() const override { return {}; }
    void run() override { routine_(*this); }
    void settle() override {
        if (lease) {
            pages.drop(*lease);
            lease.reset();
        }
    }
    [[nodiscard]] std::uint64_t outcome() const override { return (lease ? 1U : 0U) | (nudged ? kNudged : 0U); }

    void get() {
        if (table::acquire(reader, pages, "volume", table::hash_name("volume", 6), 0, acquired, retries,
                           [this](table::AllocationRef) { nudged = true; }) == table::AcquireResult::acquired) {
            lease = acquired.lease;
        }
    }
    /// Until every entry that it has is taken; the one behind them is looked at first.
    void take_all_entries() {
        constexpr table::AllocationRef kNobody{4711, 1};
        while (pages.claim(kNobody)) {
        }
        pages.drop(table::kLeasesPerChunk - 1);
        static_cast<void>(pages.claim(kNobody));
    }
    [[nodiscard]] AllocationState state() { return reader.allocation_state(acquired.copy.allocation.slot).state; }

private:
    ContextWorld& service_;
    Routine routine_;

public:
    table::TableReader reader;
    table::LeasePages pages;
    table::Acquired acquired{};
    std::uint64_t retries = 0;
    std::optional<std::uint32_t> lease{};
    bool nudged = false;
};

/// After each instruction of a client's routine, the service takes the name away and scans; then the client goes on.
class ClientRoutine : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = why_not_steppable(); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }

    struct Options {
        bool leaves_a_lease = true;  ///< the routine, when nobody interferes
        std::uint32_t chunks = 1;    ///< of leases, that the service has granted
    };
    /// What went wrong first; empty where nothing did.
    static std::string first_violation(const std::string& title, const Client::Routine& prepare,
                                       const Client::Routine& routine, Options options) {
        const Watchdog watchdog("stepping through " + title);
        ContextWorld world;
        while (world.consumer.leases->granted_chunks() < options.chunks) {
            world.consumer.leases->grant();
        }
        table::AllocationRef allocation = publish(world);
        SteppedProcess process([&] { return std::make_unique<Client>(world, prepare, routine); });
        for (std::uint64_t steps = 0;; ++steps) {
            std::uint64_t at = 0;
            while (at < steps && process.step()) {
                ++at;
            }
            const bool returned = at < steps;
            world.context.unpublish("volume");
            world.context.collect();
            const auto gone = [&] { return world.context.allocations().find(allocation) == nullptr; };
            const bool gone_at_once = gone();
            if (!returned) {
                process.go_on();
            }
            const bool leased = (process.outcome() & 1U) != 0;
            const bool nudged = (process.outcome() & kNudged) != 0;
            const std::string where = " after instruction " + std::to_string(steps);
            if (returned && leased != options.leaves_a_lease) {
                return leased ? "the lease is still there" : "there is no lease";
            }
            if (leased && gone_at_once) {
                return "memory went in spite of its lease" + where;
            }
            if (!leased && !gone_at_once && !nudged) {
                return "nobody tells the service that the lease is gone" + where;
            }
            process.go_on();
            world.context.collect();
            if (!gone()) {
                return "memory stays without a lease" + where;
            }
            if (returned) {
                std::cout << "[ every instruction ] " << title << ": " << steps << " instructions\n";
                return {};
            }
            allocation = publish(world);
            process.next_round();
        }
    }

    /// The client dies after each instruction. Its lease counts while it is a member; then nothing of it does.
    static std::string first_trace_of_a_death(const std::string& title, const Client::Routine& prepare,
                                              const Client::Routine& routine, bool gives_up_its_lease = false) {
        const Watchdog watchdog("deaths in " + title);
        for (std::uint64_t steps = 0;; ++steps) {
            ContextWorld world;
            const table::AllocationRef allocation = publish(world);
            bool returned = false;
            std::uint64_t outcome = 0;
            {
                SteppedProcess process([&] { return std::make_unique<Client>(world, prepare, routine); });
                std::uint64_t at = 0;
                while (at < steps && process.step()) {
                    ++at;
                }
                returned = at < steps;
                outcome = process.outcome();
                process.kill();
            }
            const std::string where = " after instruction " + std::to_string(steps);
            world.context.unpublish("volume");
            world.context.collect();
            const auto gone = [&] { return world.context.allocations().find(allocation) == nullptr; };
            if (!gives_up_its_lease && (outcome & 1U) != 0 && gone()) {
                return "memory went in spite of a dead member's lease" + where;
            }
            world.context.remove_member(world.consumer);
            world.context.collect();
            if (!gone()) {
                return "a dead client's lease stays" + where;
            }
            if (returned) {
                std::cout << "[ every instruction ] deaths in " << title << ": " << steps << " instructions\n";
                return {};
            }
        }
    }

private:
    static table::AllocationRef publish(ContextWorld& world) {
        const table::AllocationRef allocation = world.publish_new("volume");
        world.release(allocation);
        return allocation;
    }
};

constexpr auto kNothing = [](Client&) {};
constexpr auto kGet = [](Client& client) { client.get(); };

TEST_F(ClientRoutine, GetHasALeaseThatCountsOrNoMemory) {
    EXPECT_EQ(first_violation("get", kNothing, kGet, {}), "");
}

// The service counts a chunk's leases before it says so.
constexpr auto kGrantAndGet = [](Client& client) {
    client.pages.grant(2);
    client.get();
};
constexpr auto kTakeAllEntries = [](Client& client) { client.take_all_entries(); };

TEST_F(ClientRoutine, GetWithAnEntryThatWasJustGrantedHasALeaseThatCounts) {
    EXPECT_EQ(first_violation("grant of leases, and get", kTakeAllEntries, kGrantAndGet, {.chunks = 2}), "");
}

TEST_F(ClientRoutine, AGetWithAnEntryThatTheServiceDidNotGrantIsFound) {
    EXPECT_NE(first_violation("a broken grant", kTakeAllEntries, kGrantAndGet, {}).find("in spite of its lease"),
              std::string::npos);
}

constexpr auto kRelease = [](Client& client) {
    table::drop_lease(client.reader, client.pages, client.acquired.copy.allocation, *client.lease,
                      [&](table::AllocationRef) { client.nudged = true; });
    client.lease.reset();
};
constexpr auto kLeaveToStream = [](Client& client) { client.pages.leave_to_stream(*client.lease); };

TEST_F(ClientRoutine, ReleaseIsSeenByTheScanOrNudges) {
    EXPECT_EQ(first_violation("release", kGet, kRelease, {.leaves_a_lease = false}), "");
}

TEST_F(ClientRoutine, ALeaseThatIsLeftToAStreamCountsAllTheTime) {
    EXPECT_EQ(first_violation("lease left to a stream", kGet, kLeaveToStream, {}), "");
}

TEST_F(ClientRoutine, ADeathAtAnyInstructionLeavesNothing) {
    EXPECT_EQ(first_trace_of_a_death("get", kNothing, kGet), "");
    EXPECT_EQ(first_trace_of_a_death("release", kGet, kRelease, true), "");
    EXPECT_EQ(first_trace_of_a_death("lease left to a stream", kGet, kLeaveToStream), "");
}

TEST_F(ClientRoutine, AGetThatLooksAtTheStateBeforeItsLeaseIsFound) {
    EXPECT_NE(
        first_violation("a broken get", kNothing,
                        [](Client& client) {
                            if (!client.reader.lookup("volume", table::hash_name("volume", 6), client.acquired.copy) ||
                                client.state() != AllocationState::live) {
                                return;
                            }
                            client.lease = client.pages.claim(client.acquired.copy.allocation);
                        },
                        {})
            .find("in spite of its lease"),
        std::string::npos);
}

TEST_F(ClientRoutine, AReleaseThatLooksAtTheStateBeforeItClearsItsLeaseIsFound) {
    EXPECT_NE(first_violation("a broken release", kGet,
                              [](Client& client) {
                                  client.nudged = client.state() == AllocationState::retired;
                                  client.pages.drop(*client.lease);
                                  client.lease.reset();
                              },
                              {.leaves_a_lease = false})
                  .find("nobody tells the service"),
              std::string::npos);
}

}  // namespace
}  // namespace fastio::test
