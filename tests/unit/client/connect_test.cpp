#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <future>

#include "client_fixture.hpp"
#include "fake_service.hpp"

namespace fastio::test {
namespace {

Context join(const std::string& socket, std::chrono::nanoseconds timeout = 0ns) {
    return Context({.job = "job", .socket = socket, .connect_timeout = timeout});
}

TEST(ConnectTest, AMissingSocketIsUnreachableAndTheErrorSaysWhatToDo) {
    const TempDir folder;
    const std::string path = folder.file("nothing.sock");
    try {
        const Context ctx = join(path);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::service_unreachable);
        EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("fastiod"), std::string::npos) << error.what();
    }
}

TEST(ConnectTest, ASocketThatNobodyServesIsUnreachable) {
    const TempDir folder;
    const std::string path = folder.file("stale.sock");
    listen_at(path).reset();
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(path)); }), Errc::service_unreachable);
}

TEST(ConnectTest, AServiceThatIsStartingIsWaitedFor) {
    const TempDir folder;
    const std::string path = folder.file("late.sock");
    auto joined = std::async(std::launch::async, [&] { return join(path, 60s).alive(); });
    const RunningService service({.socket = path});
    EXPECT_TRUE(joined.get());
}

TEST(ConnectTest, TheSocketDefaultsToTheEnvironments) {
    const RunningService service;
    ::setenv("FASTIO_SOCKET", service.socket().c_str(), 1);
    ::setenv("FASTIO_JOB", "from the environment", 1);
    ::setenv("FASTIO_DEVICE", "host", 1);
    const Context ctx;
    EXPECT_EQ(ctx.socket(), service.socket());
    EXPECT_EQ(ctx.job(), "from the environment");
    EXPECT_EQ(ctx.device(), "host");
    ::setenv("FASTIO_DEVICE", "cuda:0", 1);
    EXPECT_EQ(errc_of([&] { const Context refused; }), Errc::device_unavailable);
    ::unsetenv("FASTIO_SOCKET");
    ::unsetenv("FASTIO_JOB");
    ::unsetenv("FASTIO_DEVICE");
}

TEST(ConnectTest, BadOptionsAreRefused) {
    const RunningService service;
    const auto with = [&](ContextOptions options) {
        options.socket = service.socket();
        return errc_of([&] { const Context ctx(options); });
    };
    EXPECT_EQ(with({.job = std::string(256, 'j')}), Errc::invalid_argument);
    EXPECT_EQ(with({.job = std::string("a\0b", 3)}), Errc::invalid_argument);
    EXPECT_EQ(with({.job = "\xff"}), Errc::invalid_argument);
    EXPECT_EQ(with({.device = "abacus"}), Errc::invalid_argument);
    EXPECT_EQ(with({.device = "cuda:0"}), Errc::device_unavailable);
    EXPECT_EQ(with({.device = "cuda:GPU-01234567-89ab-cdef-0123-456789abcdef"}), Errc::device_unavailable);
}

TEST(ConnectTest, AnotherProtocolIsAVersionMismatch) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::HelloReply reply = matching_reply(hello);
        reply.protocol_version += 1;
        send_reply(socket, reply);
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::version_mismatch);
}

TEST(ConnectTest, AnotherTableLayoutIsAVersionMismatch) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::HelloReply reply = matching_reply(hello);
        reply.layout_signature ^= 1;
        send_reply(socket, reply);
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::version_mismatch);
}

TEST(ConnectTest, AnotherBootIsAnIncompatibleHost) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::HelloReply reply = matching_reply(hello);
        reply.boot_id[0] ^= 1;
        send_reply(socket, reply);
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::incompatible_host);
}

TEST(ConnectTest, SomethingThatIsNoServiceIsAProtocolError) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::Ok ok;
        ok.header.request = hello.header.request;
        static_cast<void>(socket.send(ok));
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::protocol_error);
}

TEST(ConnectTest, TheServicesRefusalArrivesWithItsText) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello&) {
        wire::Failure failure;
        failure.code = static_cast<std::int32_t>(Errc::quota_exceeded);
        wire::set_text(failure.message, "this service has as many clients as it may");
        static_cast<void>(socket.send(failure));
    });
    try {
        static_cast<void>(join(fake.socket()));
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::quota_exceeded);
        EXPECT_STREQ(error.what(), "this service has as many clients as it may");
    }
}

TEST(ConnectTest, AServiceThatClosesDuringHelloIsUnreachable) {
    const FakeService fake([](wire::Socket&, const wire::Hello&) {});
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::service_unreachable);
}

TEST(ConnectTest, AServiceThatDiesDuringJoinIsLost) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::HelloReply reply = matching_reply(hello);
        send_reply(socket, reply);
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::service_lost);
}

TEST(ConnectTest, AReplyOfAnotherKindIsAProtocolError) {
    const FakeService fake([](wire::Socket& socket, const wire::Hello& hello) {
        wire::HelloReply reply = matching_reply(hello);
        send_reply(socket, reply);
        wire::Packet packet;
        if (socket.receive(packet) == wire::ReceiveResult::received) {
            wire::PublishReply odd;
            odd.header.request = packet.header()->request;
            static_cast<void>(socket.send(odd));
        }
    });
    EXPECT_EQ(errc_of([&] { static_cast<void>(join(fake.socket())); }), Errc::protocol_error);
}

// SO_PEERCRED says who called listen(), so only root can play another user here.
TEST(ConnectTest, AServiceOfAnotherUserIsRefused) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to listen as another user";
    }
    const TempDir folder;
    const std::string path = folder.file("other.sock");
    const Descriptor listener = listen_at(path);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::syscall(SYS_setresuid, -1, kNobody, -1), 0);  // of this thread only
    ::listen(listener.get(), 4);
    ASSERT_EQ(::syscall(SYS_setresuid, -1, 0, -1), 0);
    for (const std::string& by : {path, "/run/.." + path}) {
        EXPECT_EQ(errc_of([&] { static_cast<void>(join(by)); }), Errc::permission_denied) << by;
        EXPECT_EQ(errc_of([&] { static_cast<void>(Service(by, 0ns)); }), Errc::permission_denied) << by;
    }
}

TEST(ConnectTest, AnEmbeddedServiceServesThisProcessAndOthers) {
    Context ctx({.job = "job", .embedded = true});
    EXPECT_TRUE(ctx.alive());
    EXPECT_EQ(ctx.device(), "host");
    Context joined = join(ctx.socket());
    publish_text(ctx, "a", "embedded");
    const Allocation here = ctx.get("a");
    const Allocation there = joined.get("a");
    EXPECT_EQ(text_of(there), "embedded");
    EXPECT_EQ(here.data(), there.data()) << "the owner's process has the slab mapped once";
}

TEST(ConnectTest, AnEmbeddedServiceCanListenWhereItIsTold) {
    const TempDir folder;
    const std::string path = folder.file("here.sock");
    const Context ctx({.job = "job", .socket = path, .embedded = true});
    EXPECT_EQ(ctx.socket(), path);
    EXPECT_EQ(errc_of([&] { const Context second({.job = "job", .socket = path, .embedded = true}); }),
              Errc::already_exists);
}

TEST(ConnectTest, AMovedFromContextIsClosed) {
    const RunningService service;
    Context first = join(service.socket());
    Context second = std::move(first);
    EXPECT_FALSE(first.alive());  // NOLINT(bugprone-use-after-move): that is the promise
    EXPECT_EQ(first.job(), "");
    EXPECT_EQ(errc_of([&] { static_cast<void>(first.create(8)); }), Errc::context_closed);
    EXPECT_EQ(errc_of([&] { static_cast<void>(first.get("a")); }), Errc::context_closed);
    first.close();
    EXPECT_TRUE(second.alive());
    EXPECT_EQ(second.job(), "job");
    first = std::move(second);
    EXPECT_TRUE(first.alive());
}

}  // namespace
}  // namespace fastio::test
