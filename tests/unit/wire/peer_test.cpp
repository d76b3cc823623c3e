#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "support/child_process.hpp"
#include "support/errors.hpp"
#include "support/pipe.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"
#include "wire/process.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

using namespace wire;

/// A child that lives until its end of the pipe is closed.
struct WaitingChild {
    Pipe pipe = make_pipe();
    ChildProcess process;

    WaitingChild() {
        ChildOptions options;
        options.descriptors = {pipe.read.get()};
        process = ChildProcess::start("sh", {"-c", "read line <&3; exit 7"}, options);
        pipe.read.reset();
    }
    ExitStatus finish() {
        pipe.write.reset();
        return process.wait();
    }
};

TEST(PeerCredentials, AreThoseOfTheOtherEnd) {
    const auto [left, right] = Socket::pair();
    const PeerCredentials peer = peer_credentials(left.fd());
    EXPECT_EQ(peer.pid, ::getpid());
    EXPECT_EQ(peer.uid, ::geteuid());
    EXPECT_EQ(peer.gid, ::getegid());
}

TEST(PeerCredentials, OfWhatIsNoSocketAreAnError) {
    const Pipe pipe = make_pipe();
    EXPECT_EQ(errc_of([&] { (void)peer_credentials(pipe.read.get()); }), Errc::io_error);
    EXPECT_EQ(errc_of([&] { (void)peer_pidfd(pipe.read.get()); }), Errc::io_error);
    EXPECT_EQ(errc_of([] { (void)peer_credentials(-1); }), Errc::io_error);
}

TEST(PeerPidfd, IsNotReadableWhileThePeerLives) {
    const auto [left, right] = Socket::pair();
    const Descriptor pidfd = peer_pidfd(left.fd());
    EXPECT_FALSE(is_readable(pidfd.get()));
}

TEST(PeerPidfd, BecomesReadableWhenThePeerEnds) {
    const Watchdog watchdog("the pidfd of a peer");
    const TempDir folder;
    const std::string path = folder.file("s");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    const Descriptor listener{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    Pipe stay = make_pipe();

    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        stay.write.reset();
        const Socket connection = Socket::connect(path);
        wait_for_end(stay.read.get());
        ::_exit(0);
    }
    const Socket connection{Descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)}};
    EXPECT_EQ(peer_credentials(connection.fd()).pid, child);
    const Descriptor pidfd = peer_pidfd(connection.fd());
    EXPECT_NE(::fcntl(pidfd.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_FALSE(is_readable(pidfd.get()));
    stay.write.reset();
    wait_until_readable(pidfd.get());
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), child);
}

TEST(OpenPidfd, BecomesReadableWhenTheProcessEnds) {
    const Watchdog watchdog("the pidfd of a child");
    WaitingChild child;
    const Descriptor pidfd = open_pidfd(child.process.pid());
    EXPECT_FALSE(is_readable(pidfd.get()));
    EXPECT_EQ(child.finish(), (ExitStatus{7, 0}));
    EXPECT_TRUE(is_readable(pidfd.get()));
}

TEST(OpenPidfd, RefusesAProcessOfAnotherNamespace) {
    EXPECT_EQ(errc_of([] { (void)open_pidfd(0); }), Errc::permission_denied);
}

TEST(OpenPidfd, OfAProcessThatIsGoneIsAnError) {
    WaitingChild child;
    child.finish();
    EXPECT_EQ(errc_of([&] { (void)open_pidfd(child.process.pid()); }), Errc::io_error);
    EXPECT_FALSE(start_ticks(child.process.pid()));
}

TEST(StartTicks, StayTheSameAndDoNotGoBack) {
    const auto own = start_ticks(::getpid());
    ASSERT_TRUE(own);
    EXPECT_EQ(start_ticks(::getpid()), own);
    WaitingChild child;
    ASSERT_TRUE(start_ticks(child.process.pid()));
    EXPECT_GE(*start_ticks(child.process.pid()), *own);
}

}  // namespace
}  // namespace fastio::test
