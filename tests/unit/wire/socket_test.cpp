#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "support/leak_check.hpp"
#include "support/pipe.hpp"
#include "support/watchdog.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

using namespace wire;

/// Sends without the product's limit on descriptors.
void send_raw(int socket, const std::vector<std::byte>& bytes, const std::vector<int>& descriptors) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    std::vector<std::byte> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(socket, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

class SocketTest : public testing::Test {
protected:
    SocketTest() { std::tie(left_, right_) = Socket::pair(); }

    Socket left_;
    Socket right_;
    std::unique_ptr<Packet> packet_ = std::make_unique<Packet>();
};

TEST_F(SocketTest, PacketsKeepTheirBoundariesAndOrder) {
    for (std::uint64_t i = 0; i < 5; ++i) {
        Nudge nudge;
        nudge.header.request = i;
        ASSERT_EQ(left_.send(nudge), SendResult::sent);
    }
    for (std::uint64_t i = 0; i < 5; ++i) {
        ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
        ASSERT_EQ(packet_->bytes, sizeof(Nudge));
        EXPECT_EQ(packet_->header()->request, i);
    }
    EXPECT_EQ(right_.receive(*packet_, false), ReceiveResult::would_block);
}

TEST_F(SocketTest, APacketLongerThanAMessageIsFlaggedAndTheNextIsWhole) {
    send_raw(left_.fd(), std::vector<std::byte>(kMaxMessageBytes + 1), {});
    Ok ok;
    ASSERT_EQ(left_.send(ok), SendResult::sent);
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_TRUE(packet_->truncated);
    EXPECT_EQ(packet_->bytes, kMaxMessageBytes);
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_FALSE(packet_->truncated);
    EXPECT_TRUE(packet_->as<Ok>());
}

TEST_F(SocketTest, EveryPacketOfUpToAMessagesLengthArrivesWhole) {
    for (std::size_t length = 1; length <= kMaxMessageBytes; ++length) {
        send_raw(left_.fd(), std::vector<std::byte>(length, std::byte{1}), {});
        ASSERT_EQ(right_.receive(*packet_, false), ReceiveResult::received);
        ASSERT_EQ(packet_->bytes, length);
        ASSERT_FALSE(packet_->truncated);
        ASSERT_FALSE(packet_->header());  // its magic is wrong
    }
}

TEST_F(SocketTest, DescriptorsArriveUsableAndCloseOnExec) {
    const Pipe pipe = make_pipe();
    const std::array<int, 2> descriptors{pipe.read.get(), pipe.write.get()};
    Ok ok;
    ASSERT_EQ(left_.send(ok, descriptors), SendResult::sent);
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    ASSERT_EQ(packet_->descriptor_count, 2U);
    EXPECT_FALSE(packet_->truncated);
    for (const Descriptor& descriptor : packet_->descriptors) {
        EXPECT_NE(::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
    }
    send_byte(packet_->descriptors[1].get(), 'd');
    EXPECT_EQ(wait_for_byte(pipe.read.get()), 'd');
}

TEST_F(SocketTest, OneDescriptorArrivesAsOne) {
    const Pipe pipe = make_pipe();
    const std::array<int, 1> descriptors{pipe.write.get()};
    Ok ok;
    ASSERT_EQ(left_.send(ok, descriptors), SendResult::sent);
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_EQ(packet_->descriptor_count, 1U);
    EXPECT_TRUE(packet_->descriptors[0]);
    EXPECT_FALSE(packet_->descriptors[1]);
}

TEST_F(SocketTest, TooManyDescriptorsAreClosedAndFlagged) {
    const Pipe pipe = make_pipe();
    const LeakCheck leaks;
    for (std::size_t count = kMaxDescriptors + 1; count <= 20; ++count) {
        send_raw(left_.fd(), std::vector<std::byte>(sizeof(Ok)), std::vector<int>(count, pipe.read.get()));
        ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
        EXPECT_TRUE(packet_->truncated) << count;
        EXPECT_EQ(packet_->descriptor_count, kMaxDescriptors);
    }
    EXPECT_EQ(right_.receive(*packet_, false), ReceiveResult::would_block);  // this closes the last ones
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(SocketTest, ReceivingAgainClosesDescriptorsThatNobodyTook) {
    const Pipe pipe = make_pipe();
    const std::array<int, 2> descriptors{pipe.read.get(), pipe.write.get()};
    const LeakCheck leaks;
    Ok ok;
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(left_.send(ok, descriptors), SendResult::sent);
        ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    }
    ASSERT_EQ(left_.send(ok), SendResult::sent);
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_EQ(packet_->descriptor_count, 0U);
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(SocketTest, AnEmptyPacketWithDescriptorsIsTheEndAndLeaksNothing) {
    const Pipe pipe = make_pipe();
    const LeakCheck leaks;
    send_raw(left_.fd(), {}, {pipe.read.get(), pipe.write.get()});
    EXPECT_EQ(right_.receive(*packet_), ReceiveResult::closed);
    EXPECT_EQ(packet_->descriptor_count, 2U) << "who reads decides where they are closed";
    packet_.reset();
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(SocketTest, AsManyDescriptorsAsAPacketCarriesAreAllTaken) {
    const Pipe pipe = make_pipe();
    const LeakCheck leaks;
    send_raw(left_.fd(), std::vector<std::byte>(sizeof(Ok)), std::vector<int>(kMostReceived, pipe.read.get()));
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_EQ(packet_->descriptor_count + packet_->surplus_count, kMostReceived);
    EXPECT_TRUE(std::ranges::all_of(packet_->surplus, [](const Descriptor& one) { return static_cast<bool>(one); }));
    packet_.reset();
    EXPECT_EQ(leaks.difference(), "");
}

// A client made the event socket's pair, and may set options of the service's end.
TEST_F(SocketTest, WhatTheKernelAddsToPacketsIsNotKept) {
    constexpr int kPassPidfd = 76;  // SO_PASSPIDFD
    const int on = 1;
    ASSERT_EQ(::setsockopt(right_.fd(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    ASSERT_EQ(::setsockopt(right_.fd(), SOL_SOCKET, SO_PASSSEC, &on, sizeof(on)), 0);
    if (::setsockopt(right_.fd(), SOL_SOCKET, kPassPidfd, &on, sizeof(on)) != 0) {
        GTEST_SKIP() << "this kernel adds no pidfds";
    }
    const Pipe pipe = make_pipe();
    const std::array<int, 1> descriptor{pipe.read.get()};
    const LeakCheck leaks;
    for (int i = 0; i < 100; ++i) {
        Ok ok;
        ASSERT_EQ(left_.send(ok, descriptor), SendResult::sent);
        ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
        EXPECT_EQ(packet_->descriptor_count, 1U);
        EXPECT_TRUE(packet_->as<Ok>());
    }
    packet_.reset();
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(SocketTest, DiscardGivesTheDescriptorsOfEachPacketUntilNothingIsQueued) {
    const Pipe pipe = make_pipe();
    const LeakCheck leaks;
    const std::vector<std::byte> message(sizeof(Ok));
    send_raw(left_.fd(), message, {pipe.read.get()});
    send_raw(left_.fd(), {}, {});
    send_raw(left_.fd(), {}, {pipe.read.get(), pipe.read.get()});
    send_raw(left_.fd(), message, {});
    send_raw(left_.fd(), message, std::vector<int>(kMostReceived, pipe.read.get()));
    right_.shutdown();
    Ok ok;
    EXPECT_EQ(left_.send(ok), SendResult::closed);
    for (const std::size_t expected : {std::size_t{1}, std::size_t{0}, std::size_t{2}, std::size_t{0}, kMostReceived}) {
        ASSERT_TRUE(right_.discard(*packet_));
        EXPECT_EQ(packet_->descriptor_count + packet_->surplus_count, expected);
    }
    EXPECT_FALSE(right_.discard(*packet_));
    EXPECT_EQ(packet_->descriptor_count + packet_->surplus_count, 0U);
    EXPECT_EQ(leaks.difference(), "");
}

TEST_F(SocketTest, WithNoDescriptorFreeTheMessageIsFlagged) {
    const Pipe pipe = make_pipe();
    const std::array<int, 1> descriptors{pipe.read.get()};
    Ok ok;
    ASSERT_EQ(left_.send(ok, descriptors), SendResult::sent);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const ReceiveResult result = right_.receive(*packet_);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(result, ReceiveResult::received);
    EXPECT_TRUE(packet_->truncated);
    EXPECT_EQ(packet_->descriptor_count, 0U);
}

TEST_F(SocketTest, ANonBlockingSendToAPeerThatNeverReadsSaysSo) {
    AttributesPart part;
    std::size_t sent = 0;
    SendResult result = SendResult::sent;
    while ((result = left_.send(part, {}, false)) == SendResult::sent) {
        ++sent;
    }
    EXPECT_EQ(result, SendResult::would_block);
    EXPECT_GT(sent, 0U);
    // Nothing of it was lost, and there is room again.
    for (std::size_t i = 0; i < sent; ++i) {
        ASSERT_EQ(right_.receive(*packet_, false), ReceiveResult::received);
    }
    EXPECT_EQ(right_.receive(*packet_, false), ReceiveResult::would_block);
    EXPECT_EQ(left_.send(part, {}, false), SendResult::sent);
}

TEST_F(SocketTest, ABlockingSendWaitsForRoomAlsoOnANonBlockingSocket) {
    const Watchdog watchdog("a send that waits for room");
    left_.set_non_blocking();
    AttributesPart part;
    while (left_.send(part, {}, false) == SendResult::sent) {
    }
    SendResult result = SendResult::closed;
    std::thread sender([&] { result = left_.send(part, {}, true); });
    while (right_.receive(*packet_, false) == ReceiveResult::received) {
    }
    sender.join();
    EXPECT_EQ(result, SendResult::sent);
}

TEST_F(SocketTest, ABlockingReceiveWaitsAlsoOnANonBlockingSocket) {
    const Watchdog watchdog("a receive that waits for a packet");
    right_.set_non_blocking();
    ReceiveResult result = ReceiveResult::closed;
    std::thread receiver([&] { result = right_.receive(*packet_, true); });
    Ok ok;
    EXPECT_EQ(left_.send(ok), SendResult::sent);
    receiver.join();
    EXPECT_EQ(result, ReceiveResult::received);
}

TEST_F(SocketTest, TheEndOfThePeerIsClosedForBothDirections) {
    left_.reset();
    EXPECT_EQ(right_.receive(*packet_), ReceiveResult::closed);
    EXPECT_EQ(right_.receive(*packet_, false), ReceiveResult::closed);
    Ok ok;
    EXPECT_EQ(right_.send(ok), SendResult::closed);  // and no SIGPIPE
}

TEST_F(SocketTest, WhatAPeerSentBeforeItsEndIsReceived) {
    Ok ok;
    ASSERT_EQ(left_.send(ok), SendResult::sent);
    left_.reset();
    EXPECT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_EQ(right_.receive(*packet_), ReceiveResult::closed);
}

TEST_F(SocketTest, WhatAPeerSentIsReceivedEvenIfItClosedWithoutReadingOurs) {
    Ok ours;
    ASSERT_EQ(right_.send(ours), SendResult::sent);
    Failure reason;
    set_text(reason.message, "the reason why this ends");
    ASSERT_EQ(left_.send(reason), SendResult::sent);
    left_.reset();  // with our message unread, which the kernel reports as ECONNRESET first
    ASSERT_EQ(right_.receive(*packet_), ReceiveResult::received);
    EXPECT_EQ(get_text(packet_->as<Failure>()->message), "the reason why this ends");
    EXPECT_EQ(right_.receive(*packet_), ReceiveResult::closed);
}

TEST_F(SocketTest, ShutdownWakesABlockedReceive) {
    const Watchdog watchdog("a receive that a shutdown is to wake");
    ReceiveResult result = ReceiveResult::received;
    std::thread receiver([&] { result = right_.receive(*packet_); });
    right_.shutdown();
    receiver.join();
    EXPECT_EQ(result, ReceiveResult::closed);
}

TEST_F(SocketTest, ASocketThatWasResetIsClosed) {
    left_.reset();
    EXPECT_FALSE(left_);
    Ok ok;
    EXPECT_EQ(left_.send(ok), SendResult::closed);
    EXPECT_EQ(left_.receive(*packet_), ReceiveResult::closed);
}

TEST(SocketPair, IsCloseOnExecAndLeaksNothing) {
    const LeakCheck leaks;
    {
        const auto [left, right] = Socket::pair();
        EXPECT_NE(::fcntl(left.fd(), F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_NE(::fcntl(right.fd(), F_GETFD) & FD_CLOEXEC, 0);
    }
    EXPECT_EQ(leaks.difference(), "");
}

}  // namespace
}  // namespace fastio::test
