// What a dead client had sent: a program of its own, whose recvmsg says when the service gets it.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "running_service.hpp"
#include "support/channel.hpp"
#include "support/watchdog.hpp"

namespace {

std::atomic<int> refilled{-1};  ///< the client's end of what is never to be empty
std::atomic<bool> held{false};  ///< other threads than the first wait before they receive anything
const pthread_t first_thread = ::pthread_self();

std::atomic<pid_t> counted{0};  ///< the client of which is counted how many messages are received one after the other
std::atomic<int> in_a_row{0};
std::atomic<int> most_in_a_row{0};

void count(int fd) {
    ucred peer{};
    socklen_t bytes = sizeof(peer);
    const bool is_its = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.pid == counted;
    in_a_row = is_its ? in_a_row + 1 : 0;
    most_in_a_row = std::max(most_in_a_row.load(), in_a_row.load());
}

}  // namespace

/// In libc's place.
extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static const auto real = reinterpret_cast<decltype(&recvmsg)>(::dlsym(RTLD_NEXT, "recvmsg"));
    const bool is_service = ::pthread_equal(::pthread_self(), first_thread) == 0;
    if (is_service) {
        held.wait(true);
    }
    const ssize_t got = real(fd, message, flags);
    if (is_service && got > 0 && counted != 0) {
        count(fd);
    }
    if (const int other_end = refilled; got > 0 && other_end >= 0) {
        fastio::wire::Copied copied{};  // has no reply
        copied.header = {fastio::wire::kMagic, fastio::wire::Kind::copied, sizeof(copied), 1};
        static_cast<void>(::send(other_end, &copied, sizeof(copied), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    return got;
}

namespace fastio::test {
namespace {

constexpr int kSent = 100;

/// Joins, says where its connection is, and sends kSent messages or dies when it is told to.
[[noreturn]] void be_a_client(const std::string& socket, Channel channel) {
    static_cast<void>(channel.hear());
    const auto client = RawClient::member(socket);
    const int connection = client->request_socket.fd();
    channel.say("joined", {&connection, 1});
    while (channel.hear().text == "send") {
        for (int i = 0; i < kSent; ++i) {
            client->send(wire::Copied{});
        }
        channel.say("sent");
    }
    ::_exit(0);
}

class DeadClientTest : public ServiceTest {
protected:
    /// And the service: after it, because there is no other thread before.
    void fork_client() {
        auto [here, there] = Channel::pair();
        child_ = ::fork();
        ASSERT_GE(child_, 0);
        if (child_ == 0) {
            here.reset();
            be_a_client(socket(), std::move(there));
        }
        here_ = std::move(here);
        start();
    }

    Channel here_{wire::Socket{}};
    pid_t child_ = -1;
};

// Without a bound on what is read of a dead client nobody else is served any more.
TEST_F(DeadClientTest, ADeadClientsConnectionThatIsNeverEmptyHoldsUpNobody) {
    fork_client();
    const auto bystander = member("other");
    here_.say("the service is there");
    const Channel::Message joined = here_.hear();
    ASSERT_EQ(joined.descriptors.size(), 1U);

    const Watchdog watchdog("the service to answer while a dead client's connection is filled");
    refilled = joined.descriptors[0].get();
    wire::Copied first{};
    first.header = {wire::kMagic, wire::Kind::copied, sizeof(first), 1};
    ASSERT_EQ(::send(refilled, &first, sizeof(first), MSG_NOSIGNAL), static_cast<ssize_t>(sizeof(first)));
    here_.say("die");
    while (bystander->totals().sessions != 1) {
    }
    refilled = -1;
}

// A long queue of what takes long would hold up all others.
TEST_F(DeadClientTest, WhatADeadClientHadSentIsServedInTurnWithWhatOthersAsk) {
    fork_client();
    const auto bystander = member("other");
    here_.say("the service is there");
    static_cast<void>(here_.hear());

    const Watchdog watchdog("what a dead client had sent to be served");
    held = true;
    here_.say("send");
    static_cast<void>(here_.hear());
    for (int i = 0; i < 2 * kSent; ++i) {
        bystander->send(wire::Copied{});
    }
    here_.say("die");
    siginfo_t dead{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child_), &dead, WEXITED | WNOWAIT), 0);  // its number stays its own
    counted = child_;
    held = false;
    held.notify_all();
    while (bystander->totals().sessions != 1) {
    }
    counted = 0;
    ::waitpid(child_, nullptr, 0);
    EXPECT_GE(most_in_a_row, 1);
    EXPECT_LE(most_in_a_row, 2) << "there was always one of the bystander's too";
}

}  // namespace
}  // namespace fastio::test
