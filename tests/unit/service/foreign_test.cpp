#include "service/foreign.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "support/leak_check.hpp"
#include "support/lingering_socket.hpp"
#include "support/pipe.hpp"
#include "support/watchdog.hpp"
#include "wire/messages.hpp"

namespace fastio::test {
namespace {

using service::ForeignDescriptors;

void wait_until_closed(ForeignDescriptors& foreign, uid_t user) {
    while (foreign.pending(user) != 0) {
        std::this_thread::yield();
    }
}

// Each would hang for an hour where the close is done, and done as it is, by the caller.
TEST(ForeignDescriptors, ASocketThatLingersIsClosedAtOnce) {
    const Watchdog watchdog("descriptors to be closed");
    LingeringSocket socket = make_lingering_socket();
    socket.peer.reset();
    LeakCheck leaks;
    ForeignDescriptors foreign;
    for (const uid_t user : {1U, 2U, 1U}) {
        LingeringSocket another = make_lingering_socket();
        foreign.close(user, std::move(another.lingering));
        wait_until_closed(foreign, user);
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(ForeignDescriptors, AConnectionInWhichNoDescriptorIsQueuedIsClosedByTheCaller) {
    auto [own, other] = wire::Socket::pair();
    wire::Ok ok{};
    ASSERT_EQ(other.send(ok), wire::SendResult::sent);
    ForeignDescriptors foreign;
    foreign.close(1, own);
    EXPECT_FALSE(own);
    EXPECT_EQ(foreign.pending(1), 0U);
    EXPECT_EQ(other.send(ok), wire::SendResult::closed);
}

/// A socket in whose queue there is another one, in whose queue there is another one, and so on.
wire::Socket make_chain(int length) {
    wire::Socket first = wire::Socket::pair().first;
    for (int i = 0; i < length; ++i) {
        auto [own, other] = wire::Socket::pair();
        const std::array<int, 1> descriptor{first.fd()};
        wire::Ok ok{};
        if (other.send(ok, descriptor) != wire::SendResult::sent) {
            EXPECT_GT(i, 2'000) << "so many may be on their way, by the limit of open files";
            break;
        }
        first = std::move(own);
    }
    return first;
}

// Who goes down it call by call has no stack left at its end.
TEST(ForeignDescriptors, AChainOfSocketsMayBeLong) {
    const Watchdog watchdog("descriptors to be closed");
    rlimit most{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &most), 0);
    most.rlim_cur = most.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &most), 0);
    const LeakCheck leaks;
    ForeignDescriptors foreign;
    wire::Packet packet;
    packet.descriptors[0] = make_chain(20'000).release();
    packet.descriptor_count = 1;
    foreign.close(1, packet);
    wire::Socket connection = make_chain(20'000);
    foreign.close(2, connection);
    wait_until_closed(foreign, 1);
    wait_until_closed(foreign, 2);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(ForeignDescriptors, AllOfAPacketIsClosed) {
    const Watchdog watchdog("descriptors to be closed");
    const LeakCheck leaks;
    ForeignDescriptors foreign;
    for (std::size_t count : {std::size_t{1}, wire::kMaxDescriptors, wire::kMostReceived}) {
        wire::Packet packet;
        std::vector<Pipe> pipes;
        for (std::size_t i = 0; i < count; ++i) {
            pipes.push_back(make_pipe());
            Descriptor& place = i < wire::kMaxDescriptors ? packet.descriptors[packet.descriptor_count++]
                                                          : packet.surplus[packet.surplus_count++];
            place = std::move(pipes.back().write);
        }
        foreign.close(7, packet);
        EXPECT_EQ(packet.descriptor_count + packet.surplus_count, 0U);
        for (const Pipe& pipe : pipes) {
            char byte = 0;
            EXPECT_EQ(::read(pipe.read.get(), &byte, 1), 0);
        }
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(ForeignDescriptors, WhatIsQueuedInAConnectionIsClosedByNobodyElse) {
    const Watchdog watchdog("descriptors to be closed");
    const LeakCheck leaks;
    ForeignDescriptors foreign;
    {
        auto [own, other] = wire::Socket::pair();
        for (int i = 0; i < 3; ++i) {
            LingeringSocket socket = make_lingering_socket();
            const std::array<int, 1> descriptor{socket.lingering.get()};
            wire::Ok ok{};
            ASSERT_EQ(other.send(ok, descriptor), wire::SendResult::sent);
            socket.peer.reset();
        }
        foreign.close(9, own);
        EXPECT_FALSE(own);
        wire::Ok ok{};
        EXPECT_EQ(other.send(ok), wire::SendResult::closed);
    }
    wait_until_closed(foreign, 9);
    EXPECT_EQ(leaks.difference(), "");
}

}  // namespace
}  // namespace fastio::test
