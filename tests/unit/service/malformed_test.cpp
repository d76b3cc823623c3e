#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <functional>
#include <ostream>

#include "running_service.hpp"
#include "support/pipe.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

/// Something that no honest client does.
struct Offence {
    const char* name;
    std::function<void(RawClient&)> commit;
};
std::ostream& operator<<(std::ostream& out, const Offence& offence) {
    return out << offence.name;
}

template <class Message>
Message filled(std::uint16_t bytes = sizeof(Message)) {
    Message message{};
    message.header = {wire::kMagic, Message::kKind, bytes, 99};
    return message;
}

template <class Message>
void send_part(RawClient& client, std::size_t bytes) {
    const auto message = filled<Message>(static_cast<std::uint16_t>(bytes));
    client.send_raw(&message, bytes);
}

void send_kind(RawClient& client, int kind) {
    wire::Header header{wire::kMagic, static_cast<wire::Kind>(kind), sizeof(wire::Header), 1};
    client.send_raw(&header, sizeof(header));
}

const Offence kAsMember[] = {
    {"one_byte", [](RawClient& client) { client.send_raw("x", 1); }},
    {"shorter_than_a_header", [](RawClient& client) { send_part<wire::Create>(client, 15); }},
    {"cut_off", [](RawClient& client) { send_part<wire::Create>(client, sizeof(wire::Create) - 8); }},
    {"another_length_than_stated",
     [](RawClient& client) {
         const auto message = filled<wire::Create>(sizeof(wire::Create) - 8);
         client.send_raw(&message, sizeof(message));
     }},
    {"longer_than_its_kind",
     [](RawClient& client) {
         std::vector<std::byte> bytes(sizeof(wire::Create) + 64);
         const auto message = filled<wire::Create>(static_cast<std::uint16_t>(bytes.size()));
         std::memcpy(bytes.data(), &message, sizeof(message));
         client.send_raw(bytes.data(), bytes.size());
     }},
    {"longer_than_any_message",
     [](RawClient& client) {
         std::vector<std::byte> bytes(2 * wire::kMaxMessageBytes);
         const auto message = filled<wire::Create>();
         std::memcpy(bytes.data(), &message, sizeof(message));
         client.send_raw(bytes.data(), bytes.size());
     }},
    {"another_magic",
     [](RawClient& client) {
         auto message = filled<wire::Create>();
         message.header.magic ^= 1;
         client.send_raw(&message, sizeof(message));
     }},
    {"an_unknown_kind", [](RawClient& client) { send_kind(client, 77); }},
    {"kind_0", [](RawClient& client) { send_kind(client, 0); }},
    {"kind_65535", [](RawClient& client) { send_kind(client, 65535); }},
    {"a_reply", [](RawClient& client) { client.send(wire::CreateReply{}); }},
    {"an_ok", [](RawClient& client) { client.send(wire::Ok{}); }},
    {"an_event", [](RawClient& client) { client.send(wire::Event{}); }},
    {"an_acknowledgement_on_the_request_socket", [](RawClient& client) { client.send(wire::SlabClosed{}); }},
    {"a_second_hello", [](RawClient& client) { client.send(client.hello_message()); }},
    {"a_second_join",
     [](RawClient& client) {
         wire::Join join{};
         join.job = text("other");
         client.send(join);
     }},
    {"a_descriptor_where_none_belongs", [](RawClient& client) { client.send(wire::Create{}, {0}); }},
    {"more_descriptors_than_any_message",
     [](RawClient& client) {
         const auto message = filled<wire::Create>();
         client.send_raw(&message, sizeof(message), std::vector<int>(wire::kMaxDescriptors + 1, 0));
     }},
    {"a_text_longer_than_its_field",
     [](RawClient& client) {
         wire::Unpublish message{};
         message.name.bytes = sizeof(message.name.data) + 1;
         client.send(message);
     }},
    {"a_device_longer_than_its_field",
     [](RawClient& client) {
         wire::Create message{};
         message.device.bytes = 0xffff'ffff;
         client.send(message);
     }},
    {"attributes_with_a_gap",
     [](RawClient& client) {
         wire::AttributesPart part{};
         part.offset = 8;
         part.bytes = 8;
         client.send(part);
     }},
    {"attributes_longer_than_their_field",
     [](RawClient& client) {
         wire::AttributesPart part{};
         part.bytes = 2049;
         client.send(part);
     }},
    {"attributes_above_the_limit",
     [](RawClient& client) {
         wire::AttributesPart part{};
         part.bytes = 2048;
         for (int i = 0; i < 3; ++i) {
             client.send(part);
             part.offset += 2048;
         }
     }},
    {"nonsense_on_the_event_socket",
     [](RawClient& client) {
         wire::Create message{};
         client.event_socket.send(message);
     }},
    {"a_descriptor_on_the_event_socket",
     [](RawClient& client) {
         wire::SlabClosed message{};
         const int fd = 0;
         client.event_socket.send(message, {&fd, 1});
     }},
    {"descriptors_that_it_does_not_take",
     [](RawClient& client) {
         for (;;) {  // until it is cut, which is when the second is served
             client.send(wire::Segment{});
         }
     }},
};

class MalformedMessage : public ServiceTest, public ::testing::WithParamInterface<Offence> {};

TEST_P(MalformedMessage, EndsThatSessionAndNobodyElseNotices) {
    const auto bystander = member();
    const auto allocation = bystander->create(1000);
    const auto asker = visitor();
    const auto offender = member();
    try {
        GetParam().commit(*offender);
    } catch (const std::runtime_error&) {
        // the service may have hung up before the last of it was sent or read
    }
    EXPECT_TRUE(offender->closed_after(1));
    const wire::TotalsReply sums = asker->totals();
    EXPECT_EQ(sums.sessions_cut, 1U);
    EXPECT_EQ(sums.sessions, 2U) << "its process lives: what it held is quarantined";
    EXPECT_EQ(bystander->publish(allocation, "fine", 1000), 1U);
}

INSTANTIATE_TEST_SUITE_P(AsMember, MalformedMessage, ::testing::ValuesIn(kAsMember),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

const Offence kAsNewcomer[] = {
    {"a_join_before_hello", [](RawClient& client) { client.send(wire::Join{}); }},
    {"a_request_before_hello", [](RawClient& client) { client.send(wire::TotalsRequest{}); }},
    {"noise", [](RawClient& client) { client.send_raw("GET / HTTP/1.1", 14); }},
    {"a_hello_with_a_descriptor", [](RawClient& client) { client.send(client.hello_message(), {0}); }},
    {"a_hello_of_version_1_but_for_its_number",
     [](RawClient& client) {
         const auto [own_events, events] = wire::Socket::pair();
         client.send(client.hello_message(), {make_pipe().read.get(), events.fd()});
     }},
    {"a_hello_with_more_descriptors_than_any_message",
     [](RawClient& client) {
         auto hello = client.hello_message();
         hello.header = {wire::kMagic, wire::Kind::hello, sizeof(hello), 1};
         client.send_raw(&hello, sizeof(hello), std::vector<int>(wire::kMaxDescriptors + 1, 0));
     }},
    {"a_cut_off_hello", [](RawClient& client) { send_part<wire::Hello>(client, 18); }},
};

class MalformedHello : public ServiceTest, public ::testing::WithParamInterface<Offence> {};

TEST_P(MalformedHello, EndsThatConnectionAndNobodyElseNotices) {
    const auto bystander = member();
    const auto asker = visitor();
    RawClient offender(socket());
    GetParam().commit(offender);
    EXPECT_TRUE(offender.closed_after());
    const wire::TotalsReply sums = asker->totals();
    EXPECT_EQ(sums.sessions_cut, 1U);
    EXPECT_EQ(sums.sessions, 1U);
    EXPECT_EQ(bystander->create(10).capacity, 256U);
}

INSTANTIATE_TEST_SUITE_P(AsNewcomer, MalformedHello, ::testing::ValuesIn(kAsNewcomer),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

class MalformedVisit : public ServiceTest {};

TEST_F(MalformedVisit, AMembersRequestBeforeJoinIsCut) {
    start();
    const auto asker = visitor();
    for (const wire::Kind kind : {wire::Kind::create, wire::Kind::publish, wire::Kind::free, wire::Kind::bye,
                                  wire::Kind::nudge, wire::Kind::segment, wire::Kind::context_stats}) {
        const auto offender = visitor();
        send_kind(*offender, static_cast<int>(kind));
        EXPECT_TRUE(offender->closed_after()) << static_cast<int>(kind);
    }
    EXPECT_EQ(asker->totals().sessions_cut, 7U);
}

TEST_F(MalformedVisit, ARequestBeforeTheReplyToTheLastOneIsCut) {
    faults().block(DeviceCall::reserve);
    const auto offender = member();
    const auto bystander = member("other");
    offender->send(wire::Create{});
    faults().wait_until_blocked(DeviceCall::reserve);
    offender->send(wire::Nudge{});  // one-way: allowed at any time
    offender->send(wire::TotalsRequest{});
    EXPECT_TRUE(offender->closed_after());
    EXPECT_EQ(totals().sessions_cut, 1U);
    faults().unblock(DeviceCall::reserve);
    EXPECT_EQ(bystander->create(10).capacity, 256U);
}

TEST_F(MalformedVisit, AClientThatNeverReadsItsRepliesIsCut) {
    const auto bystander = member();
    const auto asker = visitor();
    const auto offender = member();
    try {
        for (;;) {
            offender->send(wire::TotalsRequest{});
        }
    } catch (const std::runtime_error&) {
        // cut
    }
    EXPECT_EQ(asker->totals().sessions_cut, 1U);
    EXPECT_EQ(bystander->create(10).capacity, 256U);
}

TEST_F(MalformedVisit, WhoShutsItsLifelineDownIsServedOn) {
    for (const int how : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
        const auto client = member();
        ASSERT_EQ(::shutdown(client->lifeline.get(), how), 0);
        EXPECT_EQ(client->create(10).capacity, 256U);
        client->bye();
        EXPECT_EQ(totals().sessions, 0U);
    }
}

}  // namespace
}  // namespace fastio::test
