// After each attack the service lives, bystanders have what they had, and everything counts as it did before.
#include <algorithm>
#include <ostream>
#include <sstream>
#include <thread>

#include "attacks.hpp"
#include "core/attributes.hpp"
#include "running_service.hpp"
#include "support/child_process.hpp"
#include "support/leak_check.hpp"
#include "support/pipe.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {
namespace {

/// A member with two published allocations, one of them with a name that comes and goes, and an unpublished one.
class Bystander {
public:
    Bystander(DeviceMemory& device, const std::string& socket, std::string_view job)
        : device_(device), client_(RawClient::member(socket, job)) {
        kept_ = client_->create(kBytes);
        held_ = client_->create(kBytes);
        wire::Slab request{};
        request.index = kept_.slab;
        request.generation = kept_.slab_generation;
        const auto reply = client_->ask<wire::SlabReply>(request);
        memory_ =
            static_cast<std::byte*>(device_.open(reply.handle, reply.bytes, client_->packet.descriptors[0].get()));
        bytes_ = reply.bytes;
        for (const wire::CreateReply& allocation : {kept_, held_}) {
            device_.fill(memory_ + allocation.offset, pattern(allocation), kBytes, {});
        }
        publish_with_attributes();
        client_->ask<wire::FencesReply>(wire::GrantFences{});  // the context has them from the first request on
        client_->totals();                                     // and the packet has no descriptor any more
    }
    Bystander(const Bystander&) = delete;
    Bystander& operator=(const Bystander&) = delete;
    ~Bystander() { device_.close(memory_, bytes_); }

    /// So that the context has a segment for them.
    void publish_with_attributes() {
        const std::vector<std::byte> encoded = encode_attributes({{"key", "value"}});
        wire::AttributesPart part{};
        part.bytes = static_cast<std::uint32_t>(encoded.size());
        std::ranges::copy(encoded, part.data);
        client_->send(part);
        wire::Publish message = client_->publish_message(kept_, "kept", kBytes);
        message.attribute_bytes = part.bytes;
        message.lease = client_->lease(kept_);
        client_->ask<wire::PublishReply>(message);
    }
    /// One request of each sort, answered as always.
    void work() {
        const wire::CreateReply passing = client_->create(100);
        EXPECT_EQ(passing.capacity, 256U);
        client_->publish(passing, "passing", 100);
        EXPECT_TRUE(client_->finds("passing"));
        const std::uint32_t lease = client_->last_lease;
        client_->free(passing, lease);
        client_->leases->drop(lease);
        EXPECT_FALSE(client_->finds("passing"));
    }
    /// The test asks with connections of its own, too.
    wire::TotalsReply wait_until_only_bystanders_are_there(std::uint64_t count) {
        for (;;) {
            if (const wire::TotalsReply now = client_->totals(); now.sessions == count) {
                return now;
            }
        }
    }
    void expect_intact() {
        EXPECT_TRUE(client_->finds("kept"));
        for (const wire::CreateReply& allocation : {kept_, held_}) {
            std::vector<std::byte> contents(kBytes);
            device_.copy(contents.data(), memory_ + allocation.offset, kBytes, {});
            EXPECT_TRUE(std::ranges::all_of(contents, [&](std::byte b) { return b == pattern(allocation); }));
        }
        EXPECT_EQ(client_->publish(held_, "held", kBytes, wire::Publish::kReplace) > 0, true);
        client_->leases->drop(client_->last_lease);
        EXPECT_TRUE(client_->finds("held"));
    }

private:
    static constexpr std::int64_t kBytes = 100'000;
    static std::byte pattern(const wire::CreateReply& allocation) {
        return static_cast<std::byte>(allocation.slot + 7);
    }

    DeviceMemory& device_;  ///< the service's own: it is in this process
    std::unique_ptr<RawClient> client_;
    wire::CreateReply kept_{};
    wire::CreateReply held_{};
    std::byte* memory_ = nullptr;
    std::uint64_t bytes_ = 0;
};

/// A context keeps a slab that is empty for its next allocation.
std::string without_slabs(const std::string& difference) {
    std::istringstream lines(difference);
    std::string left;
    for (std::string line; std::getline(lines, line);) {
        left += line.find("memfd:fastio-slab") == std::string::npos ? line + '\n' : "";
    }
    return left;
}

struct AttackCase {
    std::string name;
    bool needs_root = false;
};
std::ostream& operator<<(std::ostream& out, const AttackCase& attack) {
    return out << attack.name;
}

class AttackedService : public ServiceTest {
protected:
    AttackedService() {
        device = std::make_shared<FaultyMemory>(make_test_device(FASTIO_TEST_DEVICE));
        options.max_clients = 400;
        options.max_contexts = 100;
        options.max_allocations = 8192;
        options.pool_max = 64 * kMiB;
        options.closing_patience = std::chrono::milliseconds(1);
    }
    static bool counts_as(const wire::TotalsReply& a, const wire::TotalsReply& b) {
        return a.sessions == b.sessions && a.contexts == b.contexts && a.allocations == b.allocations &&
               a.leases == b.leases && a.publications == b.publications && a.bytes_in_use == b.bytes_in_use &&
               a.bytes_quarantined == b.bytes_quarantined;
    }
    [[nodiscard]] ChildProcess attack(const char* name, std::vector<int> descriptors = {}) {
        ensure();
        ChildOptions child;
        child.capture_output = true;
        child.descriptors = std::move(descriptors);
        return ChildProcess::start(FASTIO_HOSTILE_CLIENT, {name, socket()}, child);
    }
};

class HostileClient : public AttackedService, public ::testing::WithParamInterface<AttackCase> {};

TEST_P(HostileClient, DisturbsNobodyAndLeavesNothing) {
    if (GetParam().needs_root && ::geteuid() != 0) {
        GTEST_SKIP() << "needs root";
    }
    start();
    Bystander same_job(*device, socket(), "job");
    Bystander other_job(*device, socket(), "other");
    same_job.work();
    other_job.work();
    const wire::TotalsReply before = same_job.wait_until_only_bystanders_are_there(2);
    const std::size_t threads = Resources::now().threads;
    const LeakCheck leaks;  // the service is in this process
    {
        ChildProcess attacker = attack(GetParam().name.c_str());
        while (!attacker.try_wait()) {
            same_job.work();
            other_job.work();
        }
        EXPECT_EQ(attacker.wait(), (ExitStatus{.code = 0})) << attacker.output();
    }
    wait_for_totals([&](const wire::TotalsReply& now) { return counts_as(now, before); });
    same_job.work();
    other_job.work();
    EXPECT_TRUE(counts_as(same_job.wait_until_only_bystanders_are_there(2), before));
    while (Resources::now().threads > threads) {  // some close what the attacker passed
        std::this_thread::yield();
    }
    // The files of a context go when the device has taken its slabs back, some rounds of the service after its end.
    for (int rounds = 0; !without_slabs(leaks.difference()).empty() && rounds < 10'000; ++rounds) {
        same_job.work();
    }
    EXPECT_EQ(without_slabs(leaks.difference()), "");
    for (Bystander* const bystander : {&same_job, &other_job}) {
        bystander->expect_intact();
    }
}

const AttackCase kAttacks[] = {
    {"writes_the_table"},
    {"resizes_files"},
    {"seals_files"},
    {"punches_holes"},
    {"scribbles_over_leases"},
    {"leases_everything"},
    {"floods_with_requests"},
    {"floods_with_one_way_messages"},
    {"floods_with_creates"},
    {"floods_and_reads"},
    {"floods_with_nudges"},
    {"never_reads_replies"},
    {"never_reads_events"},
    {"creates_to_the_limit"},
    {"sends_single_bytes"},
    {"connects_to_the_limit"},
    {"connects_and_says_nothing"},
    {"leaves_contexts_to_the_limit"},
    {"passes_descriptors_with_hello"},
    {"passes_sockets_that_linger"},
    {"passes_its_own_ends"},
    {"ends_what_it_was_given"},
    {"holds_the_locks_of_its_sockets", true},
    {"holds_the_lock_of_its_lease_file", true},
    {"passes_descriptors_with_every_request"},
    {"sends_every_length_before_hello"},
    {"sends_every_length_as_a_visitor"},
    {"sends_every_length"},
    {"states_every_length"},
    {"sends_every_kind"},
    {"asks_before_hello"},
    {"joins_at_extremes"},
    {"takes_what_is_others"},
    {"speaks_other_versions"},
    {"acknowledges_at_extremes"},
};
std::vector<AttackCase> attacks_with_extremes() {
    std::vector<AttackCase> all;
    for (const char* const request : kRequestNames) {
        for (const bool of_a_member : {false, true}) {
            all.push_back({attack_with_extremes(request, of_a_member)});
        }
    }
    return all;
}
const auto name_of = [](const auto& parameter) { return parameter.param.name; };
INSTANTIATE_TEST_SUITE_P(That, HostileClient, ::testing::ValuesIn(kAttacks), name_of);
INSTANTIATE_TEST_SUITE_P(ThatSends, HostileClient, ::testing::ValuesIn(attacks_with_extremes()), name_of);

/// Attacks that leave a process behind: what they hold is quarantined as long as it could still be used.
class HostileProcess : public AttackedService {
protected:
    HostileProcess() {
        start();
        same_job.emplace(*device, socket(), "job");
        before = totals();
    }
    void expect_quarantine_until_the_end_of(const char* name, bool attacker_ends) {
        Pipe pipe = make_pipe();
        ChildProcess attacker = attack(name, {pipe.read.get()});
        pipe.read.reset();
        if (attacker_ends) {
            EXPECT_EQ(attacker.wait(), (ExitStatus{.code = 0})) << attacker.output();
        }
        wait_for_totals([](const wire::TotalsReply& now) { return now.bytes_quarantined == 1024; });
        same_job->work();
        EXPECT_EQ(totals().sessions, before.sessions + 1);
        pipe.write.reset();
        expect_as_before();
    }
    void expect_as_before() {
        wait_for_totals([&](const wire::TotalsReply& now) { return counts_as(now, before); });
        same_job->work();
        same_job->expect_intact();
    }

    std::optional<Bystander> same_job{};
    wire::TotalsReply before{};
};

TEST_F(HostileProcess, ThatLeavesAChildWithItsSocketHoldsNothing) {
    Pipe pipe = make_pipe();
    ChildProcess attacker = attack("leaves_a_child_with_its_socket", {pipe.read.get()});
    EXPECT_EQ(attacker.wait(), (ExitStatus{.code = 0})) << attacker.output();
    expect_as_before();
}

TEST_F(HostileProcess, ThatLeavesChildrenThatGoOnAskingHoldsUpNobody) {
    for (int i = 0; i < 3; ++i) {
        ChildProcess attacker = attack("leaves_children_that_ask");
        EXPECT_EQ(attacker.wait(), (ExitStatus{.code = 0})) << attacker.output();
        same_job->work();
    }
    expect_as_before();
}

TEST_F(HostileProcess, ThatLeavesAChildWithItsLifelineHoldsItsOwnUntilTheChildEnds) {
    expect_quarantine_until_the_end_of("leaves_a_child_with_its_lifeline", true);
}

TEST_F(HostileProcess, ThatLeavesAChildWithEverythingHoldsItsOwnUntilTheChildEnds) {
    expect_quarantine_until_the_end_of("leaves_a_child_with_everything", true);
}

TEST_F(HostileProcess, ThatExecutesAnotherProgramHoldsItsOwnUntilThatEnds) {
    expect_quarantine_until_the_end_of("executes_another_program", false);
}

/// An attack that succeeds must not pass unnoticed.
TEST_F(HostileProcess, ThatGetsThroughWouldBeNoticed) {
    EXPECT_EQ(attack("gets_through").wait(), (ExitStatus{.code = 1}));
    EXPECT_NE(attack("dies").wait().signal, 0);
    EXPECT_EQ(attack("leaves_a_name").wait(), (ExitStatus{.code = 0}));
    wait_for_totals([&](const wire::TotalsReply& now) { return now.sessions == before.sessions; });
    EXPECT_FALSE(counts_as(totals(), before));
}

}  // namespace
}  // namespace fastio::test
