#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "support/errors.hpp"
#include "support/leak_check.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

using namespace wire;

Descriptor listen_at(const std::string& path, int type = SOCK_SEQPACKET, int backlog = 8) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    Descriptor listener{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)};
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener.get(), backlog), 0);
    return listener;
}

Errc connect_error(const std::string& path) {
    return errc_of([&] { (void)Socket::connect(path); });
}

class Connect : public testing::Test {
protected:
    TempDir folder_;
    const std::string path_ = folder_.file("s");
};

TEST_F(Connect, ReachesWhoListensAndMayBlockAfterwards) {
    const Descriptor listener = listen_at(path_);
    Socket client = Socket::connect(path_);
    Socket server{Descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)}};
    Ok ok;
    ASSERT_EQ(client.send(ok), SendResult::sent);
    const auto packet = std::make_unique<Packet>();
    ASSERT_EQ(server.receive(*packet), ReceiveResult::received);
    EXPECT_TRUE(packet->as<Ok>());
    EXPECT_EQ(::fcntl(client.fd(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(client.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(Connect, MissingSocketIsUnreachable) {
    EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
    EXPECT_EQ(connect_error(folder_.file("no/such/folder")), Errc::service_unreachable);
}

TEST_F(Connect, AFileThatIsNoSocketIsUnreachable) {
    write_file(path_, "text");
    EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
    EXPECT_EQ(connect_error(path_ + "/below"), Errc::service_unreachable);
    EXPECT_EQ(connect_error(folder_.path().string()), Errc::service_unreachable);
}

TEST_F(Connect, ASocketThatNobodyServesIsUnreachable) {
    listen_at(path_).reset();
    EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
}

TEST_F(Connect, ASocketOfAnotherTypeIsUnreachable) {
    const Descriptor listener = listen_at(path_, SOCK_STREAM);
    EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
}

TEST_F(Connect, NeverWaitsForAServiceThatAcceptsNobody) {
    const Descriptor listener = listen_at(path_, SOCK_SEQPACKET, 0);
    const Socket first = Socket::connect(path_);  // fills the queue
    EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
}

TEST_F(Connect, ImpossiblePathsAreInvalidArguments) {
    EXPECT_EQ(connect_error(""), Errc::invalid_argument);
    EXPECT_EQ(connect_error("/" + std::string(107, 'x')), Errc::invalid_argument);
    EXPECT_EQ(connect_error("/" + std::string(5000, 'x')), Errc::invalid_argument);
    EXPECT_EQ(connect_error(std::string("/tmp/a\0b", 8)), Errc::invalid_argument);
    // One byte less fits.
    EXPECT_EQ(connect_error("/" + std::string(106, 'x')), Errc::service_unreachable);
}

TEST_F(Connect, ASocketOfAnotherUserIsPermissionDenied) {
    const Descriptor listener = listen_at(path_);
    ASSERT_EQ(::chmod(path_.c_str(), 0600), 0);
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
    const auto code_seen_from_here = [&] {
        try {
            (void)Socket::connect(path_);
            return 0;
        } catch (const Error& error) {
            return static_cast<int>(error.errc());
        }
    };
    if (::geteuid() == 0) {
        // Modes do not bind root: look with the eyes of "nobody", who can also be had in a child only.
        EXPECT_EXIT(
            {
                const bool changed = ::setgid(65534) == 0 && ::setuid(65534) == 0;
                ::_exit(changed ? code_seen_from_here() : 255);
            },
            testing::ExitedWithCode(static_cast<int>(Errc::permission_denied)), "");
    } else {
        ASSERT_EQ(::chmod(path_.c_str(), 0), 0);
        EXPECT_EQ(code_seen_from_here(), static_cast<int>(Errc::permission_denied));
    }
}

TEST_F(Connect, FailuresLeakNothing) {
    const LeakCheck leaks;
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(connect_error(path_), Errc::service_unreachable);
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(Connect, TheMessageNamesThePathAndTheRemedy) {
    try {
        (void)Socket::connect(path_);
        ADD_FAILURE() << "no error was thrown";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(path_), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("start fastiod"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace fastio::test
