// What the clients of one user may use together: each limit has its own error, with its name and number, and counts
// from where it began once the user has gone.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <future>

#include "helper.hpp"
#include "running_service.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

class UserLimitsTest : public ServiceTest {
protected:
    UserLimitsTest() { options.metrics = "127.0.0.1:0"; }

    [[nodiscard]] std::string figure(const std::string& name) {
        ensure();
        const std::string body = ask_http(running->metrics_address(), "GET", "/metrics").body;
        const std::size_t at = body.find("\n" + name + " ");
        return at == std::string::npos ? "missing" : body.substr(at + 1, body.find('\n', at + 1) - at - 1);
    }
    /// Scrapes until the figures have this line: they may be some moments old. ctest's timeout is the watchdog.
    void wait_for(const std::string& line) {
        while (figure(line.substr(0, line.find(' '))) != line) {
            std::this_thread::yield();
        }
    }
    /// The refusal of a connection, or of its hello.
    [[nodiscard]] std::string refusal_of_connection(Errc expected) {
        RawClient client(socket());
        try {
            client.send(client.hello_message());
        } catch (const std::runtime_error&) {
            // refused before it said hello; why can still be read
        }
        const auto failure = client.receive<wire::Failure>();
        EXPECT_EQ(failure.code, static_cast<int>(expected));
        EXPECT_TRUE(client.closed_after());
        return std::string(wire::get_text(failure.message).value_or(""));
    }
    static void expect_names(const std::string& why, const std::string& option, const std::string& number) {
        EXPECT_NE(why.find(option), std::string::npos) << why;
        EXPECT_NE(why.find(number), std::string::npos) << why;
    }
    static wire::Create create_of(std::uint64_t size) {
        wire::Create create{};
        create.size = size;
        return create;
    }
};

TEST_F(UserLimitsTest, OfMemoryCountsAllContextsAndIsBackWhenTheUserIsGone) {
    options.user_quota = 8192;
    for (int round = 0; round < 3; ++round) {
        const auto a = member("a");
        const auto b = member("b");
        a->create(4096);
        b->create(4096);
        EXPECT_EQ(a->refused(create_of(1)), Errc::quota_exceeded);
        expect_names(a->why, "--user-quota", "8192");
        a->bye();
        b->bye();
    }
    wait_for("fastio_in_use_bytes 0");
}

// Without a word of goodbye.
TEST_F(UserLimitsTest, OfAllKindsAreBackWhenTheUsersProcessesWereKilled) {
    options.user_quota = 8192;
    options.user.leases = std::uint64_t{2} * table::kLeasesPerChunk;
    options.user.clients = 2;
    const auto other = member("other");
    for (const char* const before_its_death : {"", "hang_up", "misbehave"}) {
        Helper helper;
        helper.tell("join " + socket() + " job");
        helper.tell("create 8192");
        helper.tell("publish name 8192");
        EXPECT_EQ(other->refused(create_of(1)), Errc::quota_exceeded);
        EXPECT_EQ(other->refused(wire::GrantLeases{}), Errc::lease_limit);
        expect_names(refusal_of_connection(Errc::quota_exceeded), "--user-clients", "2");
        if (*before_its_death != '\0') {
            helper.tell(before_its_death);
        }
        helper.process.kill();
        while (other->totals().sessions != 1) {
            std::this_thread::yield();
        }
        const wire::CreateReply all = other->create(8192);
        other->free(all, wire::kNoLease);
        member("room for one more")->bye();
    }
    wait_for("fastio_in_use_bytes 0");
}

TEST_F(UserLimitsTest, OfAllocationsNamesContextsAndQueuesAreBackWhenTheUsersProcessesWereKilled) {
    options.user.allocations = 1;
    options.user.names = 1;
    options.user.contexts = 2;
    const auto other = member("other");
    wait_for("fastio_connections 1");
    const std::string queues = figure("fastio_queue_bytes");
    for (const char* const before_its_death : {"", "hang_up", "misbehave"}) {
        Helper helper;
        helper.tell("join " + socket() + " job");
        helper.tell("create 100");
        helper.tell("publish name 100");
        EXPECT_EQ(other->refused(create_of(1)), Errc::quota_exceeded);
        wire::Join third{};
        third.job = text("third");
        EXPECT_EQ(visitor()->refused(third), Errc::quota_exceeded);
        if (*before_its_death != '\0') {
            helper.tell(before_its_death);
        }
        helper.process.kill();
        while (other->totals().sessions != 1) {
            std::this_thread::yield();
        }
        const wire::CreateReply mine = other->create(100);
        other->publish(mine, "mine", 100);
        other->free(mine, other->last_lease);
        other->leases->drop(other->last_lease);
        other->stats();  // and gives back what nobody holds any more
        member("third")->bye();
    }
    wait_for(queues);
}

/// Of contexts there are two limits, a user's and the service's; they hold in the same way.
class ContextLimitsTest : public UserLimitsTest, public ::testing::WithParamInterface<bool> {
protected:
    [[nodiscard]] static bool of_user() { return GetParam(); }
    void expect_full() {
        const auto late = visitor();
        wire::Join join{};
        join.job = text("one more");
        EXPECT_EQ(late->refused(join), Errc::quota_exceeded);
        expect_names(late->why, of_user() ? "--user-contexts" : "--max-contexts", "3 contexts");
        EXPECT_EQ(totals().contexts, 3U);
        late->join("kept");  // the contexts that there are stay open to all
        late->bye();
    }
};

TEST_P(ContextLimitsTest, CountThoseWithoutMembersAndAreBackWhenTheContextHasEnded) {
    if (of_user()) {
        options.user.contexts = 3;
    } else {
        options.max_contexts = 3;
    }
    for (int round = 0; round < 3; ++round) {
        member("kept", 0, wire::Join::kPersistent)->bye();
        const auto a = member("a");
        auto b = member("b");
        expect_full();
        b->bye();  // its last member
        b = member("b");
        expect_full();
        wire::EndContext end{};
        for (const char* const job : {"a", "kept"}) {  // with a member, and without
            end.job = text(job);
            visitor()->ask<wire::Ok>(end);
            const auto room = member("room");
            EXPECT_EQ(room->create(10).capacity, 256U);
            room->bye();
        }
        a->bye();
        b->bye();
        wait_for("fastio_contexts 0");
    }
}
INSTANTIATE_TEST_SUITE_P(Of, ContextLimitsTest, ::testing::Bool(),
                         [](const auto& of_user) { return of_user.param ? "AUser" : "All"; });

TEST_F(UserLimitsTest, OfAllocationsCountsAllContextsAndIsBackWhenTheUserIsGone) {
    options.user.allocations = 3;
    for (int round = 0; round < 3; ++round) {
        const auto a = member("a");
        const auto b = member("b");
        a->create(1);
        a->create(1);
        const auto last = b->create(1);
        EXPECT_EQ(a->refused(create_of(1)), Errc::quota_exceeded);
        expect_names(a->why, "--user-allocations", "may have 3");
        b->free(last, wire::kNoLease);
        a->create(1);  // the one that went counts no more
        a->bye();
        b->bye();
    }
    wait_for("fastio_allocations 0");
}

TEST_F(UserLimitsTest, OfNamesCountsAllContextsAndIsBackWhenTheNameHasGone) {
    options.user.names = 3;
    const auto publish = [](RawClient& client, const wire::CreateReply& allocation, const char* name) {
        wire::Publish message = client.publish_message(allocation, name, 1);
        message.lease = client.last_lease;
        return message;
    };
    for (int round = 0; round < 3; ++round) {
        const auto a = member("a");
        const auto b = member("b");
        const auto of_a = a->create(1);
        const auto of_b = b->create(1);
        a->publish(of_a, "one", 1);
        a->ask<wire::PublishReply>(publish(*a, of_a, "two"));  // of the same allocation
        b->publish(of_b, "three", 1);
        for (RawClient* const client : {a.get(), b.get()}) {
            const wire::CreateReply& allocation = client == a.get() ? of_a : of_b;
            EXPECT_EQ(client->refused(publish(*client, allocation, "four")), Errc::quota_exceeded);
            expect_names(client->why, "--user-names", "may have 3");
            EXPECT_FALSE(client->finds("four"));
        }
        wire::Publish again = publish(*a, of_a, "one");  // no further name
        again.flags = wire::Publish::kReplace;
        a->ask<wire::PublishReply>(again);
        wire::Unpublish unpublish{};
        unpublish.name = text("two");
        a->ask<wire::Ok>(unpublish);
        b->ask<wire::PublishReply>(publish(*b, of_b, "four"));  // the one that went counts no more
        b->free(of_b, b->last_lease);                           // and takes both of its names along
        a->ask<wire::PublishReply>(publish(*a, of_a, "two"));
        a->ask<wire::PublishReply>(publish(*a, of_a, "three"));
        a->bye();  // the context ends, and its names
        b->bye();
    }
    wait_for("fastio_publications 0");
}

TEST_F(UserLimitsTest, OfNamesCountsWhatIsLeftInAPersistentContext) {
    options.user.names = 1;
    {
        const auto a = member("kept", 0, wire::Join::kPersistent);
        a->publish(a->create(1), "left", 1);
        a->bye();
    }
    const auto b = member("b");
    const auto of_b = b->create(1);
    EXPECT_EQ(b->refused(b->publish_message(of_b, "mine", 1)), Errc::quota_exceeded);
    wire::EndContext end{};
    end.job = text("kept");
    visitor()->ask<wire::Ok>(end);
    b->publish(of_b, "mine", 1);
}

TEST_F(UserLimitsTest, OfLeasesCountsAllClientsAndIsBackWhenTheUserIsGone) {
    options.user.leases = 3 * table::kLeasesPerChunk;
    for (int round = 0; round < 3; ++round) {
        const auto a = member("a");
        const auto b = member("b");
        EXPECT_EQ(a->ask<wire::GrantReply>(wire::GrantLeases{}).granted_chunks, 2U);
        EXPECT_EQ(b->refused(wire::GrantLeases{}), Errc::lease_limit);
        expect_names(b->why, "--user-leases", "1536");
        const auto late = visitor();
        wire::Join join{};
        join.job = text("c");
        EXPECT_EQ(late->refused(join), Errc::lease_limit);
        EXPECT_EQ(totals().contexts, 2U) << "a join that is refused makes no context";
        a->bye();
        b->bye();
    }
    wait_for("fastio_granted_leases 0");
}

TEST_F(UserLimitsTest, OfConnectionsCountsSilentOnesAndIsBackWhenTheUserIsGone) {
    options.user.clients = 3;
    for (int round = 0; round < 3; ++round) {
        {
            const auto a = member();
            const auto b = visitor();
            const RawClient silent(socket());
            // Connections are accepted in their order, so that the silent one counts.
            expect_names(refusal_of_connection(Errc::quota_exceeded), "--user-clients", "may have 3");
            a->bye();
            wait_for("fastio_connections 2");
        }
        wait_for("fastio_connections 0");
    }
}

TEST_F(UserLimitsTest, OfRequestsThatWaitCountsAllClientsAndIsBackWhenTheyAreAnswered) {
    options.user.requests = 2;
    const auto a = member("a");
    const auto b = member("b");
    const auto c = member("c");
    for (int round = 0; round < 2; ++round) {
        faults().block(DeviceCall::reserve);
        a->send(create_of(50 * kMiB));
        b->send(create_of(50 * kMiB));
        wait_for("fastio_waiting_requests 2");
        EXPECT_EQ(c->refused(create_of(50 * kMiB)), Errc::quota_exceeded);
        expect_names(c->why, "--user-requests", "2 requests");
        faults().unblock(DeviceCall::reserve);
        a->free(a->receive<wire::CreateReply>(), wire::kNoLease);
        b->free(b->receive<wire::CreateReply>(), wire::kNoLease);
        wait_for("fastio_waiting_requests 0");
        // The next round needs new slabs again.
        c->free(c->create(50 * kMiB), wire::kNoLease);
        a->create(50 * kMiB);
        b->create(50 * kMiB);
        c->create(50 * kMiB);
    }
}

TEST_F(UserLimitsTest, OfRequestsThatWaitIsBackWhenTheUsersProcessesWereKilled) {
    options.user.requests = 1;
    const auto other = member("other");
    faults().block(DeviceCall::reserve);
    {
        Helper helper;
        helper.tell("join " + socket() + " job");
        helper.tell_last("create " + std::to_string(50 * kMiB));
        wait_for("fastio_waiting_requests 1");
        EXPECT_EQ(other->refused(create_of(50 * kMiB)), Errc::quota_exceeded);
        helper.process.kill();
        wait_for("fastio_waiting_requests 0");
    }
    other->send(create_of(50 * kMiB));
    wait_for("fastio_waiting_requests 1");
    faults().unblock(DeviceCall::reserve);
    other->free(other->receive<wire::CreateReply>(), wire::kNoLease);
    wait_for("fastio_waiting_requests 0");
}

TEST_F(UserLimitsTest, OfQueuedBytesCountsTheBuffersOfAllSocketsAndIsBackWhenTheUserIsGone) {
    {
        const auto one = visitor();
        wait_for("fastio_connections 1");
        const std::string line = figure("fastio_queue_bytes");
        const std::uint64_t of_one = std::stoull(line.substr(line.find(' ')));
        EXPECT_GT(of_one, kMaxAttributeBytes);
        options.user.queued = 3 * of_one;
    }
    running.reset();
    for (int round = 0; round < 3; ++round) {
        const auto a = member();
        const auto b = visitor();
        const auto c = visitor();
        expect_names(refusal_of_connection(Errc::quota_exceeded), "--user-queued", std::to_string(options.user.queued));
        EXPECT_EQ(a->create(10).capacity, 256U);
        wait_for("fastio_connections 3");  // figures of now, not of the last round
        a->bye();
        b->request_socket.reset();
        c->request_socket.reset();
        wait_for("fastio_queue_bytes 0");
    }
}

TEST_F(UserLimitsTest, OfQueuedBytesHoldsForTheEventSocketToo) {
    {
        const auto one = visitor();
        wait_for("fastio_connections 1");
        const std::string line = figure("fastio_queue_bytes");
        options.user.queued = std::stoull(line.substr(line.find(' '))) - 1;
    }
    running.reset();
    start();
    expect_names(refusal_of_connection(Errc::quota_exceeded), "--user-queued", std::to_string(options.user.queued));
    wait_for("fastio_queue_bytes 0");
}

/// Root can play another user; SO_PEERCRED says who called connect().
class OtherUsersTest : public UserLimitsTest {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root, to connect as another user";
        }
    }
    void let_everybody_connect() {
        ensure();
        ::chmod(folder.path().c_str(), 0711);
        ::chmod(socket().c_str(), 0666);
    }
    template <class Call>
    static auto as_nobody(Call&& call) {
        return std::async(std::launch::async,
                          [&] {
                              constexpr uid_t kNobody = 65534;
                              if (::syscall(SYS_setresuid, -1, kNobody, -1) != 0) {  // of this thread only
                                  throw std::runtime_error("setresuid");
                              }
                              return call();
                          })
            .get();
    }
};

TEST_F(OtherUsersTest, HaveLimitsOfTheirOwn) {
    options.user.clients = 3;
    options.user.allocations = 1;
    options.user.contexts = 1;
    options.user.names = 1;
    let_everybody_connect();
    const auto mine = member("mine");
    mine->create(1);
    const auto theirs = as_nobody([&] { return member("theirs"); });
    const auto second = as_nobody([&] { return visitor(); });
    const auto third = as_nobody([&] { return visitor(); });
    const std::string why = as_nobody([&] { return refusal_of_connection(Errc::quota_exceeded); });
    expect_names(why, "--user-clients", "user 65534");
    wire::Join join{};
    join.job = text("their second");
    EXPECT_EQ(second->refused(join), Errc::quota_exceeded);
    expect_names(second->why, "--user-contexts", "user 65534");
    const auto allocation = theirs->create(1);
    EXPECT_EQ(theirs->refused(create_of(1)), Errc::quota_exceeded);
    theirs->publish(allocation, "first", 1);
    wire::Publish publish = theirs->publish_message(allocation, "second", 1);
    publish.lease = theirs->last_lease;
    EXPECT_EQ(theirs->refused(publish), Errc::quota_exceeded);
    expect_names(theirs->why, "--user-names", "user 65534");
    EXPECT_EQ(visitor()->totals().sessions, 2U) << "root's connections are counted apart";
}

TEST_F(OtherUsersTest, AreChargedForTheNamesThatTheyReplace) {
    options.group = "root";
    options.user.names = 1;
    let_everybody_connect();
    const auto mine = member("shared");
    const auto theirs = as_nobody([&] { return member("shared"); });
    const auto of_mine = mine->create(1);
    const auto of_theirs = theirs->create(1);
    mine->publish(of_mine, "name", 1);
    theirs->publish(of_theirs, "name", 1, wire::Publish::kReplace);
    wire::Publish second = theirs->publish_message(of_theirs, "their second", 1);
    second.lease = theirs->last_lease;
    EXPECT_EQ(theirs->refused(second), Errc::quota_exceeded);
    wire::Publish other = mine->publish_message(of_mine, "my other", 1);
    other.lease = mine->last_lease;
    mine->ask<wire::PublishReply>(other);
    wire::Unpublish unpublish{};
    unpublish.name = text("name");
    mine->ask<wire::Ok>(unpublish);  // theirs
    theirs->ask<wire::PublishReply>(second);
}

TEST_F(OtherUsersTest, ArePushedOutByNobodysSilentConnections) {
    options.max_clients = 2;
    let_everybody_connect();
    const auto honest = std::make_unique<RawClient>(socket());
    const auto silent = as_nobody([&] {
        std::vector<std::unique_ptr<RawClient>> all;
        for (int i = 0; i < 60; ++i) {
            all.push_back(std::make_unique<RawClient>(socket()));
        }
        return all;
    });
    EXPECT_TRUE(silent.front()->closed_after());
    honest->hello();
    EXPECT_EQ(honest->totals().sessions, 0U);
}

TEST_F(OtherUsersTest, CannotConnectWithoutTheGroup) {
    ensure();
    ::chmod(folder.path().c_str(), 0711);
    const auto outcome = as_nobody([&] {
        try {
            const RawClient client(socket());
            return Errc{};
        } catch (const Error& error) {
            return error.errc();
        }
    });
    EXPECT_EQ(outcome, Errc::permission_denied);
}

TEST_F(OtherUsersTest, CannotJoinOrEndOrEmptyAContext) {
    let_everybody_connect();
    const auto mine = member("mine");
    mine->publish(mine->create(10), "kept", 10);
    const auto theirs = as_nobody([&] { return visitor(); });
    wire::Join join{};
    join.job = text("mine");
    EXPECT_EQ(theirs->refused(join), Errc::permission_denied);
    wire::EndContext end{};
    end.job = text("mine");
    EXPECT_EQ(theirs->refused(end), Errc::permission_denied);
    wire::AdminUnpublish unpublish{};
    unpublish.job = text("mine");
    unpublish.name = text("kept");
    EXPECT_EQ(theirs->refused(unpublish), Errc::permission_denied);
    wire::ListAllocations list{};
    list.job = text("mine");
    EXPECT_EQ(theirs->refused(list), Errc::permission_denied);
    EXPECT_EQ(theirs->totals().allocations, 0U);
    EXPECT_TRUE(mine->finds("kept"));
}

}  // namespace
}  // namespace fastio::test
