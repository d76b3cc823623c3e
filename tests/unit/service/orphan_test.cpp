// A dead client's connection in which there is always one more message: a program of its own, whose recvmsg sees to
// that.
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "running_service.hpp"
#include "support/channel.hpp"
#include "support/watchdog.hpp"

namespace {

std::atomic<int> refilled{-1};  ///< the client's end

}  // namespace

/// In libc's place. What was received at the service's end is followed by another message from the client's.
extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static const auto real = reinterpret_cast<decltype(&recvmsg)>(::dlsym(RTLD_NEXT, "recvmsg"));
    const ssize_t got = real(fd, message, flags);
    if (const int other_end = refilled; got > 0 && other_end >= 0) {
        fastio::wire::Copied copied{};  // has no reply
        copied.header = {fastio::wire::kMagic, fastio::wire::Kind::copied, sizeof(copied), 1};
        static_cast<void>(::send(other_end, &copied, sizeof(copied), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    return got;
}

namespace fastio::test {
namespace {

/// Joins, says where its connection is, and dies when it is told to.
[[noreturn]] void be_a_client(const std::string& socket, Channel channel) {
    static_cast<void>(channel.hear());
    const auto client = RawClient::member(socket);
    const int connection = client->request_socket.fd();
    channel.say("joined", {&connection, 1});
    static_cast<void>(channel.hear());
    ::_exit(0);
}

// Without a bound on what is read of a dead client nobody else is served any more.
TEST_F(ServiceTest, ADeadClientsConnectionThatIsNeverEmptyHoldsUpNobody) {
    auto [here, there] = Channel::pair();
    const pid_t child = ::fork();  // before there is another thread
    ASSERT_GE(child, 0);
    if (child == 0) {
        here.reset();
        be_a_client(socket(), std::move(there));
    }
    there.reset();
    start();
    const auto bystander = member("other");
    here.say("the service is there");
    const Channel::Message joined = here.hear();
    ASSERT_EQ(joined.descriptors.size(), 1U);

    const Watchdog watchdog("the service to answer while a dead client's connection is filled");
    refilled = joined.descriptors[0].get();
    wire::Copied first{};
    first.header = {wire::kMagic, wire::Kind::copied, sizeof(first), 1};
    ASSERT_EQ(::send(refilled, &first, sizeof(first), MSG_NOSIGNAL), static_cast<ssize_t>(sizeof(first)));
    here.say("die");
    while (bystander->totals().sessions != 1) {
    }
    refilled = -1;
}

}  // namespace
}  // namespace fastio::test
