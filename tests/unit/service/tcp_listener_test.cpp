#include "service/tcp_listener.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/fail.hpp"
#include "support/pipe.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

using service::TcpListener;

Errc listen_fails(std::string_view address) {
    try {
        const TcpListener listener(address);
    } catch (const Error& error) {
        return error.errc();
    }
    return Errc{};
}

TEST(TcpListenerTest, TakesAFreePortAndSaysWhich) {
    TcpListener listener("127.0.0.1:0");
    EXPECT_TRUE(listener.address().starts_with("127.0.0.1:")) << listener.address();
    EXPECT_NE(listener.address(), "127.0.0.1:0");
    EXPECT_FALSE(listener.accept());
    const TcpClient client(listener.address());
    wait_until_readable(listener.fd());
    EXPECT_TRUE(listener.accept());
}

TEST(TcpListenerTest, ListensAtIpv6) {
    if (!has_ipv6()) {
        GTEST_SKIP() << "this machine has no ::1";
    }
    TcpListener listener("[::1]:0");
    EXPECT_TRUE(listener.address().starts_with("[::1]:")) << listener.address();
    const TcpClient client(listener.address());
    wait_until_readable(listener.fd());
    EXPECT_TRUE(listener.accept());
}

TEST(TcpListenerTest, APortInUseIsRefused) {
    const TcpListener first("127.0.0.1:0");
    EXPECT_EQ(listen_fails(first.address()), Errc::already_exists);
}

TEST(TcpListenerTest, APortIsFreeAgainWhileItsOldConnectionsFade) {
    std::string address;
    {
        TcpListener first("127.0.0.1:0");
        address = first.address();
        const TcpClient client(address);
        wait_until_readable(first.fd());
        const Descriptor accepted = first.accept();  // ends first, and so leaves TIME_WAIT behind
    }
    EXPECT_EQ(TcpListener(address).address(), address);
}

TEST(TcpListenerTest, AnAddressOfAnotherMachineIsRefused) {
    EXPECT_EQ(listen_fails("192.0.2.1:0"), Errc::io_error);
}

TEST(TcpListenerTest, RefusesWhatIsNoAddress) {
    for (const char* const text : {"", ":", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:+1",
                                   "127.0.0.1:65536", "127.0.0.1:1x", "127.0.0.1: 1", "127.1:0", "localhost:0", "::1:0",
                                   "[::1]", "[::1:0", "[]:0", "[127.0.0.1]:0", "[::1]x:0"}) {
        EXPECT_EQ(listen_fails(text), Errc::invalid_argument) << text;
    }
}

TEST(TcpListenerTest, WithoutADescriptorLeftTheNewcomerIsClosedAndTheListenerLivesOn) {
    TcpListener listener("127.0.0.1:0");
    const TcpClient client(listener.address());
    wait_until_readable(listener.fd());
    std::vector<Descriptor> all;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 64;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (Descriptor next{::dup(client.fd())}; next; next = Descriptor{::dup(client.fd())}) {
        all.push_back(std::move(next));
    }
    const Descriptor none = listener.accept();
    all.clear();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_FALSE(none);
    EXPECT_EQ(client.receive_all(), "");
    EXPECT_FALSE(is_readable(listener.fd())) << "nothing is left that would wake the loop again and again";

    const TcpClient next(listener.address());
    wait_until_readable(listener.fd());
    EXPECT_TRUE(listener.accept());
}

}  // namespace
}  // namespace fastio::test
