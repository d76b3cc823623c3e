#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "running_service.hpp"
#include "service/unread.hpp"

namespace fastio::test {
namespace {

using HelloTest = ServiceTest;
using JoinTest = ServiceTest;

TEST_F(HelloTest, AnswersWithTheServicesIdentityAndItsPidfd) {
    start();
    RawClient client(socket());
    const wire::HelloReply reply = client.hello();
    EXPECT_EQ(reply.protocol_version, wire::kProtocolVersion);
    EXPECT_EQ(reply.layout_signature, table::layout_signature());
    EXPECT_EQ(reply.pid, ::getpid());
    EXPECT_EQ(wire::get_text(reply.version), "0.1.0");
    // A pidfd takes signal 0; another descriptor does not.
    EXPECT_EQ(::syscall(SYS_pidfd_send_signal, client.service_pidfd.get(), 0, nullptr, 0), 0);
}

TEST_F(HelloTest, NobodyCanSendDescriptorsWhereTheKernelRefusesThem) {
    if (!wire::refuse_descriptors(wire::Socket::pair().first.fd())) {
        GTEST_SKIP() << "SO_PASSRIGHTS came with Linux 6.16";
    }
    options.let_descriptors_in = false;
    start();
    RawClient client(socket());
    const auto refused = [](wire::Socket& end) {
        wire::Ok ok{};
        const int descriptor = 0;
        return end.send(ok, {&descriptor, 1}) == wire::SendResult::closed && errno == EPERM;
    };
    EXPECT_TRUE(refused(client.request_socket));
    client.hello();
    client.join("job");
    EXPECT_TRUE(refused(client.request_socket));
    EXPECT_TRUE(refused(client.event_socket));
    EXPECT_EQ(client.create(10).capacity, 256U) << "what was refused was not sent";
}

TEST_F(HelloTest, GivesALifelineIntoWhichNobodyCanSend) {
    start();
    RawClient client(socket());
    client.hello();
    const int itself = client.lifeline.get();
    wire::Ok ok{};
    wire::Socket end{std::move(client.lifeline)};
    EXPECT_EQ(end.send(ok, {&itself, 1}), wire::SendResult::closed) << "in there it would keep itself open for ever";
}

TEST_F(HelloTest, RefusesAnotherProtocolVersionAndHangsUp) {
    start();
    RawClient client(socket());
    wire::Hello hello = client.hello_message();
    hello.protocol_version = 7;
    client.send(hello);
    const auto failure = client.receive<wire::Failure>();
    EXPECT_EQ(failure.code, static_cast<int>(Errc::version_mismatch));
    EXPECT_NE(wire::get_text(failure.message)->find("version 7"), std::string::npos);
    EXPECT_TRUE(client.closed_after());
}

TEST_F(HelloTest, RefusesAnotherVersionWhoseHelloHasAnotherSize) {
    start();
    RawClient client(socket());
    struct {
        wire::Header header{wire::kMagic, wire::Kind::hello, 48, 1};
        std::uint32_t version = 1;
        std::uint32_t rest[7] = {};
    } hello;
    client.send_raw(&hello, sizeof(hello));
    ASSERT_EQ(client.request_socket.receive(client.packet), wire::ReceiveResult::received);
    ASSERT_TRUE(client.packet.as<wire::Failure>());
    EXPECT_EQ(client.packet.as<wire::Failure>()->code, static_cast<int>(Errc::version_mismatch));
}

TEST_F(HelloTest, RefusesAnotherTableLayout) {
    start();
    RawClient client(socket());
    wire::Hello hello = client.hello_message();
    hello.layout_signature ^= 1;
    client.send(hello);
    EXPECT_EQ(client.receive<wire::Failure>().code, static_cast<int>(Errc::version_mismatch));
    EXPECT_TRUE(client.closed_after());
}

TEST_F(HelloTest, RefusesAClientOfAnotherBoot) {
    start();
    RawClient client(socket());
    wire::Hello hello = client.hello_message();
    hello.boot_id[3] ^= 0xff;
    client.send(hello);
    EXPECT_EQ(client.receive<wire::Failure>().code, static_cast<int>(Errc::incompatible_host));
    EXPECT_TRUE(client.closed_after());
}

TEST_F(HelloTest, CountsNeitherVisitorsNorSilentConnections) {
    start();
    const RawClient silent(socket());
    const auto asker = visitor();
    EXPECT_EQ(asker->totals().sessions, 0U);
    const auto one = member();
    EXPECT_EQ(asker->totals().sessions, 1U);
}

TEST_F(HelloTest, RefusesOneMoreThanTheMostClients) {
    options.max_clients = 2;
    const auto first = member();
    auto second = member();
    RawClient third(socket());
    third.send(third.hello_message());
    const auto failure = third.receive<wire::Failure>();
    EXPECT_EQ(failure.code, static_cast<int>(Errc::quota_exceeded));
    EXPECT_NE(wire::get_text(failure.message)->find("2 clients"), std::string::npos);
    EXPECT_TRUE(third.closed_after());

    second->bye();
    EXPECT_TRUE(second->closed_after());
    const auto fourth = member();
    EXPECT_EQ(fourth->totals().sessions, 2U);
}

// What is on its way counts for the service's user, whoever it is for.
TEST_F(HelloTest, RepliesThatNobodyReadsAreLimitedAlsoWhenTheirSessionHasEnded) {
    start();
    std::vector<std::unique_ptr<RawClient>> deaf;
    for (std::size_t i = 0; i < service::UnreadReplies::kMostOfUser; ++i) {
        deaf.push_back(std::make_unique<RawClient>(socket()));
        deaf.back()->send(deaf.back()->hello_message());
        if (i % 2 == 0) {
            deaf.back()->send_raw("x", 1);  // and it is cut
        }
        pollfd answered{deaf.back()->request_socket.fd(), POLLIN, 0};
        ASSERT_EQ(::poll(&answered, 1, -1), 1);
    }
    for (int i = 0; i < 3; ++i) {
        RawClient late(socket());
        EXPECT_EQ(late.refused(late.hello_message()), Errc::quota_exceeded);
        EXPECT_NE(late.why.find("64 connections of user"), std::string::npos) << late.why;
    }
    deaf[0]->receive_hello_reply();  // of a session that has ended
    EXPECT_TRUE(deaf[0]->closed_after());
    deaf[1]->receive_hello_reply();
    EXPECT_EQ(visitor()->totals().sessions, 0U);
    EXPECT_EQ(member()->create(10).capacity, 256U);
    deaf.clear();
    EXPECT_EQ(visitor()->totals().sessions, 1U);
}

TEST_F(HelloTest, AReplyWithoutDescriptorsMayStayUnread) {
    start();
    std::vector<std::unique_ptr<RawClient>> gone;
    for (std::size_t i = 0; i <= service::UnreadReplies::kMostOfUser; ++i) {
        gone.push_back(member());
        gone.back()->send(wire::Bye{});
        pollfd ended{gone.back()->request_socket.fd(), 0, 0};
        ASSERT_EQ(::poll(&ended, 1, -1), 1);
    }
    EXPECT_EQ(visitor()->totals().sessions, 0U);
}

TEST_F(HelloTest, DropsTheOldestSilentConnectionAndServesTheRest) {
    options.max_clients = 2;
    start();
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int i = 0; i < 40; ++i) {
        silent.push_back(std::make_unique<RawClient>(socket()));
    }
    EXPECT_TRUE(silent.front()->closed_after());
    silent.back()->hello();
    EXPECT_EQ(silent.back()->totals().sessions, 0U);
}

TEST_F(JoinTest, GivesTheTableAndLeasePages) {
    options.max_leases = 2 * table::kLeasesPerChunk;
    start();
    RawClient client(socket());
    client.hello();
    const wire::JoinReply reply = client.join("ct-42");
    EXPECT_EQ(reply.granted_chunks, 1U);
    EXPECT_EQ(reply.default_device, 0U);
    EXPECT_EQ(std::string(client.table->header().job, client.table->header().job_bytes), "ct-42");
    EXPECT_EQ(client.table->header().device_count, 1U);
    EXPECT_STREQ(client.table->header().devices[0].name, "host");
    EXPECT_FALSE(client.table->ended());
}

TEST_F(JoinTest, OneJobIsOneContext) {
    const auto a = member("a");
    const auto also_a = member("a");
    const auto b = member("b");
    EXPECT_EQ(a->context, also_a->context);
    EXPECT_NE(a->context, b->context);
    EXPECT_NE(a->session, also_a->session);
    EXPECT_EQ(totals().contexts, 2U);
}

TEST_F(JoinTest, RefusesBadJobNames) {
    const auto client = visitor();
    for (const std::string& job : {std::string(), std::string(256, 'x'), std::string("a\0b", 3), std::string("\xff")}) {
        wire::Join join{};
        join.job = text(job);
        EXPECT_EQ(client->refused(join), Errc::invalid_argument) << job.size();
    }
    EXPECT_EQ(totals().contexts, 0U);
}

TEST_F(JoinTest, RefusesAnUnknownDeviceAndSaysWhatThereIs) {
    const auto client = visitor();
    wire::Join join{};
    join.job = text("job");
    wire::set_text(join.device, "cuda:3");
    EXPECT_EQ(client->refused(join), Errc::device_unavailable);
    EXPECT_NE(client->why.find("cuda:3"), std::string::npos);
    EXPECT_NE(client->why.find("host"), std::string::npos);
}

TEST_F(JoinTest, RefusesUnknownFlags) {
    const auto client = visitor();
    wire::Join join{};
    join.job = text("job");
    join.flags = 8;
    EXPECT_EQ(client->refused(join), Errc::invalid_argument);
}

TEST_F(JoinTest, TheQuotaIsTheSmallerOfWhatIsAskedAndWhatIsAllowed) {
    options.quota = 1000;
    start();
    RawClient a(socket());
    a.hello();
    a.join("a", 0);
    EXPECT_EQ(a.stats().quota, 1000U);
    RawClient b(socket());
    b.hello();
    b.join("b", 600);
    EXPECT_EQ(b.stats().quota, 600U);
    RawClient later(socket());
    later.hello();
    later.join("b", 100);
    EXPECT_EQ(later.stats().quota, 600U) << "of whoever made it";
    RawClient c(socket());
    c.hello();
    c.join("c", 5000);
    EXPECT_EQ(c.stats().quota, 1000U);
}

TEST_F(JoinTest, LeasesAreGrantedUpToTheLimit) {
    options.max_leases = 3 * table::kLeasesPerChunk;
    const auto client = member();
    EXPECT_EQ(client->ask<wire::GrantReply>(wire::GrantLeases{}).granted_chunks, 2U);
    EXPECT_EQ(client->ask<wire::GrantReply>(wire::GrantLeases{}).granted_chunks, 3U);
    EXPECT_EQ(client->refused(wire::GrantLeases{}), Errc::lease_limit);
    EXPECT_NE(client->why.find("1536"), std::string::npos);
}

TEST_F(JoinTest, ByeForgetsTheSessionAndTheLastOneTheContext) {
    const auto a = member();
    const auto b = member();
    a->bye();
    EXPECT_TRUE(a->closed_after());
    EXPECT_EQ(totals().sessions, 1U);
    EXPECT_EQ(totals().contexts, 1U);
    b->bye();
    EXPECT_TRUE(b->closed_after());
    EXPECT_EQ(totals().sessions, 0U);
    EXPECT_EQ(totals().contexts, 0U);
}

TEST_F(JoinTest, APersistentContextStaysWithoutMembers) {
    const auto a = member("job", 0, wire::Join::kPersistent);
    const auto allocation = a->create(1000);
    a->publish(allocation, "kept", 1000);
    const std::uint64_t context = a->context;
    a->bye();
    EXPECT_EQ(totals().contexts, 1U);
    EXPECT_EQ(totals().publications, 1U);
    const auto b = member();
    EXPECT_EQ(b->context, context);
    EXPECT_TRUE(b->finds("kept"));
}

TEST_F(JoinTest, ALingeringContextStaysForTheNextMember) {
    options.linger = std::chrono::hours(1);
    const auto a = member();
    a->publish(a->create(10), "kept", 10);
    const std::uint64_t context = a->context;
    a->bye();
    const auto b = member();
    EXPECT_EQ(b->context, context);
    EXPECT_TRUE(b->finds("kept"));
}

TEST_F(JoinTest, ALingeringContextEndsAfterItsTime) {
    options.linger = std::chrono::milliseconds(1);
    const auto a = member();
    a->publish(a->create(10), "gone", 10);
    a->bye();
    wait_for_totals([](const wire::TotalsReply& sums) { return sums.contexts == 0 && sums.bytes_reserved == 0; });
    EXPECT_EQ(totals().publications, 0U);
}

}  // namespace
}  // namespace fastio::test
