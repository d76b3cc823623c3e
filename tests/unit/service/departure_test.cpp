#include <sys/socket.h>

#include "helper.hpp"
#include "running_service.hpp"

namespace fastio::test {
namespace {

class DepartureTest : public ServiceTest {
protected:
    wire::SessionRow row_of(std::uint64_t id) {
        wire::ListSessions list{};
        list.cursor = id;
        return visitor()->ask<wire::SessionRow>(list);
    }
    /// Asks until the session is quarantined for a reason with this text in it.
    std::string wait_for_reason(std::uint64_t id, std::string_view part) {
        for (;;) {
            const wire::SessionRow row = row_of(id);
            if (row.row.valid == 0 || row.id != id) {
                return "the session is gone";
            }
            const std::string reason(wire::get_text(row.reason).value());
            if (row.quarantined == 1 && reason.find(part) != std::string::npos) {
                return reason;
            }
            std::this_thread::yield();
        }
    }
    void wait_for_sessions(std::uint64_t count) {
        wait_for_totals([&](const wire::TotalsReply& sums) { return sums.sessions == count; });
    }
    std::uint64_t join(Helper& helper, const std::string& job = "job") {
        ensure();
        return std::stoull(helper.tell("join " + socket() + " " + job));
    }
};

TEST_F(DepartureTest, AKilledClientsHoldsAndLeasesComeBack) {
    const auto witness = member();
    const auto shared = witness->create(1000);
    witness->publish(shared, "shared", 1000);
    Helper helper;
    join(helper);
    helper.tell("create 5000");
    helper.tell("lease " + std::to_string(shared.slot) + " " + std::to_string(shared.generation));
    EXPECT_EQ(witness->stats().allocations, 2U);
    EXPECT_EQ(witness->stats().leases, 2U);
    witness->free(shared, witness->last_lease);
    EXPECT_EQ(witness->stats().allocations, 2U) << "the other's lease";
    helper.process.kill();
    wait_for_sessions(1);
    const wire::ContextStatsReply stats = witness->stats();
    EXPECT_EQ(stats.allocations, 0U);
    EXPECT_EQ(stats.leases, 0U);
    EXPECT_EQ(stats.bytes_in_use, 0U);
}

TEST_F(DepartureTest, WhatAKilledClientPublishedStays) {
    const auto witness = member();
    Helper helper;
    join(helper);
    helper.tell("create 1000");
    helper.tell("publish kept 1000");
    helper.process.kill();
    wait_for_sessions(1);
    EXPECT_TRUE(witness->finds("kept"));
    EXPECT_EQ(witness->stats().allocations, 1U);
}

TEST_F(DepartureTest, APublishThatWasSentBeforeDeathCounts) {
    const auto witness = member();
    for (int i = 0; i < 20; ++i) {
        Helper helper;
        join(helper);
        helper.tell("create 1000");
        const std::string name = "n" + std::to_string(i);
        helper.tell_last("publish_and_die " + name + " 1000");
        helper.process.wait();
        wait_for_sessions(1);
        EXPECT_TRUE(witness->finds(name));
    }
    EXPECT_EQ(witness->stats().allocations, 20U);
}

TEST_F(DepartureTest, TheLastMembersDeathEndsTheContext) {
    Helper helper;
    join(helper);
    helper.tell("create 1000");
    helper.tell("publish gone 1000");
    helper.process.kill();
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.contexts == 0 && sums.bytes_reserved == 0; });
    EXPECT_EQ(totals().sessions, 0U);
}

TEST_F(DepartureTest, AForkedChildKeepsItsDeadParentsMemoryQuarantined) {
    const auto witness = member();
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("create 5000");
    helper.tell("fork close_socket");
    const pid_t pid = helper.process.pid();
    helper.process.kill();
    EXPECT_EQ(wait_for_reason(session, "lifeline"),
              "process " + std::to_string(pid) + " exited; its lifeline is still held by a forked child");
    const wire::ContextStatsReply stats = witness->stats();
    EXPECT_EQ(stats.bytes_quarantined, 5120U);
    EXPECT_EQ(stats.allocations, 1U);
    EXPECT_EQ(stats.members, 2U);
    const wire::SessionRow row = row_of(session);
    EXPECT_EQ(row.pid, pid);
    EXPECT_EQ(row.holds, 1U);
    EXPECT_EQ(row.bytes_held, 5120U);
    EXPECT_NE(row.lifeline_inode, 0U);

    helper.end_grandchildren();
    wait_for_sessions(1);
    EXPECT_EQ(witness->stats().bytes_quarantined, 0U);
    EXPECT_EQ(witness->stats().allocations, 0U);
}

TEST_F(DepartureTest, AForkedChildThatKeepsTheSocketDoesNotHideTheDeath) {
    const auto witness = member();
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("create 5000");
    helper.tell("fork keep_socket");
    helper.process.kill();
    wait_for_reason(session, "exited; its lifeline is still held");
    helper.end_grandchildren();
    wait_for_sessions(1);
    EXPECT_EQ(witness->stats().allocations, 0U);
}

TEST_F(DepartureTest, AClientThatHangsUpAndLivesOnStaysQuarantined) {
    const auto witness = member();
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("create 5000");
    helper.tell("hang_up");
    const std::string pid = std::to_string(helper.process.pid());
    EXPECT_EQ(wait_for_reason(session, "hung up"),
              "process " + pid + " hung up without a bye; waiting for process " + pid + " to exit");
    EXPECT_EQ(witness->stats().bytes_quarantined, 5120U);
    helper.process.kill();
    wait_for_sessions(1);
    EXPECT_EQ(witness->stats().allocations, 0U);
}

TEST_F(DepartureTest, ACutClientStaysQuarantinedUntilItExits) {
    const auto witness = member();
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("create 5000");
    helper.tell("misbehave");
    const std::string pid = std::to_string(helper.process.pid());
    EXPECT_EQ(wait_for_reason(session, "cut"),
              "cut: message of unknown kind 2, or not its turn; waiting for process " + pid + " to exit");
    EXPECT_EQ(witness->stats().bytes_quarantined, 5120U);
    EXPECT_EQ(witness->totals().sessions_cut, 1U);
    helper.process.kill();
    wait_for_sessions(1);
    EXPECT_EQ(witness->stats().bytes_quarantined, 0U);
}

TEST_F(DepartureTest, WhatAConnectedMemberLeasesIsNotQuarantined) {
    const auto witness = member();
    const auto shared = witness->create(1000);
    witness->publish(shared, "shared", 1000);
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("lease " + std::to_string(shared.slot) + " " + std::to_string(shared.generation));
    helper.tell("hang_up");
    wait_for_reason(session, "hung up");
    EXPECT_EQ(witness->stats().bytes_quarantined, 0U) << "a name keeps it";
    wire::Unpublish unpublish{};
    unpublish.name = text("shared");
    witness->ask<wire::Ok>(unpublish);
    EXPECT_EQ(witness->stats().bytes_quarantined, 0U) << "a connected member leases it";
    witness->leases->drop(witness->last_lease);
    witness->nudge(shared);
    EXPECT_EQ(witness->stats().bytes_quarantined, 1024U);
}

TEST_F(DepartureTest, AStoppedClientDelaysNobody) {
    const auto witness = member();
    Helper helper;
    join(helper);
    helper.tell("create 5000");
    helper.process.stop();
    for (int i = 0; i < 100; ++i) {
        witness->free(witness->create(1000), wire::kNoLease);
    }
    EXPECT_EQ(witness->stats().allocations, 1U);
    helper.process.kill();
    wait_for_sessions(1);
}

TEST_F(DepartureTest, EndingAContextTakesItsNamesAndTellsItsMembers) {
    const auto client = member();
    const auto allocation = client->create(1000);
    client->publish(allocation, "name", 1000);
    const auto kept = client->create(500);
    wire::EndContext end{};
    end.job = text("job");
    visitor()->ask<wire::Ok>(end);

    client->event<wire::ContextEnded>();
    EXPECT_TRUE(client->table->ended());
    EXPECT_FALSE(client->finds("name"));
    EXPECT_EQ(client->refused(wire::Create{}), Errc::context_closed);
    EXPECT_EQ(client->refused(client->publish_message(kept, "late", 500)), Errc::context_closed);
    EXPECT_EQ(client->stats().allocations, 2U) << "its lease and its hold";
    EXPECT_EQ(totals().contexts, 0U);

    const auto next = member();
    EXPECT_NE(next->context, client->context) << "the job's name is free";
    client->free(kept, wire::kNoLease);
    client->leases->drop(client->last_lease);
    client->nudge(allocation);
    const auto closing = client->event<wire::SlabClosing>();
    EXPECT_EQ(client->stats().allocations, 0U);
    client->acknowledge(closing);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 0; });
    client->bye();
    EXPECT_EQ(totals().sessions, 1U);
}

TEST_F(DepartureTest, AByeThatNobodyWaitsForIsOneAllTheSame) {
    auto client = member();
    client->create(1000);
    ::shutdown(client->request_socket.fd(), SHUT_RD);
    client->send(wire::Bye{});
    client->request_socket.reset();
    client->event_socket.reset();
    // The process goes on, and the client has its lifeline.
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.sessions == 0 && sums.contexts == 0; });
}

TEST_F(DepartureTest, EndingAPersistentContextWithoutMembersGivesItsMemoryBack) {
    auto client = member("job", 0, wire::Join::kPersistent);
    client->publish(client->create(1000), "name", 1000);
    client->bye();
    EXPECT_EQ(totals().bytes_reserved, 2 * kMiB);
    wire::EndContext end{};
    end.job = text("job");
    visitor()->ask<wire::Ok>(end);
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 0 && sums.contexts == 0; });
    const auto asker = visitor();
    EXPECT_EQ(asker->refused(end), Errc::not_found);
}

TEST_F(DepartureTest, EndingAContextFailsTheCreatesThatWait) {
    const auto client = member();
    faults().block(DeviceCall::reserve);
    client->send(wire::Create{});
    faults().wait_until_blocked(DeviceCall::reserve);
    wire::EndContext end{};
    end.job = text("job");
    visitor()->ask<wire::Ok>(end);
    EXPECT_EQ(client->receive<wire::Failure>().code, static_cast<int>(Errc::context_closed));
    faults().unblock(DeviceCall::reserve);
    client->acknowledge(client->event<wire::ContextEnded>().header.kind == wire::Kind::context_ended
                            ? client->event<wire::SlabClosing>()
                            : wire::SlabClosing{});
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.bytes_reserved == 0; });
    client->bye();
    EXPECT_EQ(totals().sessions, 0U);
}

/// The host's memory, with a grace period like a GPU's.
class GracefulMemory final : public ForwardingMemory {
public:
    explicit GracefulMemory(std::chrono::nanoseconds grace) : ForwardingMemory(make_host_memory()) {
        info_ = ForwardingMemory::info();
        info_.reuse_grace = grace;
    }
    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }

private:
    DeviceInfo info_;
};

class GraceTest : public DepartureTest {
protected:
    void start_with(std::chrono::nanoseconds grace) {
        options.socket = socket();
        running = std::make_unique<RunningService>(options, std::make_shared<GracefulMemory>(grace));
    }
};

TEST_F(GraceTest, MemoryOfADeadClientIsNotUsedAgainDuringIt) {
    start_with(std::chrono::hours(1));
    const auto witness = member();
    Helper helper;
    const std::uint64_t session = join(helper);
    helper.tell("create 5000");
    helper.process.kill();
    wait_for_reason(session, "grace period");
    EXPECT_EQ(witness->stats().allocations, 1U);
    EXPECT_EQ(witness->stats().bytes_quarantined, 5120U);
    EXPECT_NE(witness->create(5000).offset, 0U);
}

TEST_F(GraceTest, MemoryOfADeadClientIsUsedAgainAfterIt) {
    constexpr std::chrono::milliseconds kGrace{200};
    start_with(kGrace);
    const auto witness = member();
    Helper helper;
    join(helper);
    helper.tell("create 5000");
    const auto alive = std::chrono::steady_clock::now();
    helper.process.kill();
    wait_for_sessions(1);
    EXPECT_GE(std::chrono::steady_clock::now() - alive, kGrace);
    EXPECT_EQ(witness->stats().bytes_quarantined, 0U);
    EXPECT_EQ(witness->create(5000).offset, 0U);
}

TEST_F(GraceTest, MemoryOfAClientThatSaidByeIsUsedAgainAtOnce) {
    start_with(std::chrono::hours(1));
    const auto witness = member();
    const auto leaving = member();
    const std::uint64_t offset = leaving->create(5000).offset;
    leaving->bye();
    EXPECT_EQ(witness->create(5000).offset, offset);
}

}  // namespace
}  // namespace fastio::test
