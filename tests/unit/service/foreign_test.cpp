#include "service/foreign.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
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

void wait_until_closed(const ForeignDescriptors& foreign, uid_t user) {
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

TEST(ForeignDescriptors, PipesAreClosedByTheCallerBecauseTheyWaitForNothing) {
    Pipe pipe = make_pipe();
    ForeignDescriptors foreign;
    foreign.close(1, std::move(pipe.write));
    EXPECT_EQ(foreign.pending(1), 0U);
    char byte = 0;
    EXPECT_EQ(::read(pipe.read.get(), &byte, 1), 0) << "its writer is gone";
}

TEST(ForeignDescriptors, APacketSocketIsClosedByTheCallerAndWhatIsQueuedInItIsNot) {
    const Watchdog watchdog("descriptors to be closed");
    ForeignDescriptors foreign;
    auto [own, other] = wire::Socket::pair();
    LingeringSocket socket = make_lingering_socket();
    const std::array<int, 1> descriptor{socket.lingering.get()};
    wire::Ok ok{};
    ASSERT_EQ(other.send(ok, descriptor), wire::SendResult::sent);
    socket.lingering.reset();
    foreign.close(1, Descriptor{::dup(own.fd())});
    EXPECT_EQ(other.send(ok), wire::SendResult::closed);
    wait_until_closed(foreign, 1);
}

TEST(IsPacketSocket, IsOneThatIsConnectedOrMayBe) {
    const auto [own, other] = wire::Socket::pair();
    EXPECT_TRUE(service::is_packet_socket(Descriptor{::dup(own.fd())}));
    EXPECT_FALSE(service::is_packet_socket(make_pipe().read));
    EXPECT_FALSE(service::is_packet_socket(Descriptor{}));
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        EXPECT_FALSE(service::is_packet_socket(Descriptor{::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)}));
    }
    EXPECT_FALSE(service::is_packet_socket(Descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}));
    const Descriptor listening{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    const sockaddr_un unnamed{AF_UNIX, {}};
    ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&unnamed), sizeof(sa_family_t)), 0);
    ASSERT_EQ(::listen(listening.get(), 1), 0);
    EXPECT_FALSE(service::is_packet_socket(listening)) << "those that wait in its queue are closed with it";
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
