#include <fastio/watch.hpp>

#include "core/attributes.hpp"
#include "running_service.hpp"

namespace fastio::test {
namespace {

class PublishTest : public ServiceTest {
protected:
    void SetUp() override {
        client = member();
        allocation = client->create(1000);
        message = client->publish_message(allocation, "name", 1000);
    }
    table::PublicationCopy copy_of(std::string_view name) {
        table::PublicationCopy copy;
        EXPECT_TRUE(client->table->lookup(name, table::hash_name(name.data(), name.size()), copy)) << name;
        return copy;
    }

    std::unique_ptr<RawClient> client;
    wire::CreateReply allocation{};
    wire::Publish message{};
};

TEST_F(PublishTest, BindsTheNameToTheAllocation) {
    EXPECT_EQ(client->publish(allocation, "name", 1000), 1U);
    const table::PublicationCopy copy = copy_of("name");
    EXPECT_EQ(copy.allocation, (table::AllocationRef{allocation.slot, allocation.generation}));
    EXPECT_EQ(copy.version, 1U);
    EXPECT_EQ(copy.type, uint8);
    EXPECT_EQ(copy.size, 1000U);
    EXPECT_EQ(copy.publisher_pid, ::getpid());
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::live);
}

// libspdlog.so has a copy of fmt's code that takes the place of libfmt's, and ends the program when it quotes such
// bytes.
TEST_F(PublishTest, ANameOfAnyByteThatIsNoTextIsRefused) {
    for (int byte = 0x80; byte <= 0xFF; ++byte) {
        const std::string name(1, static_cast<char>(byte));
        wire::Publish wrong = client->publish_message(allocation, name, 1000);
        EXPECT_EQ(client->refused(wrong), Errc::invalid_argument) << byte;
    }
    EXPECT_EQ(client->publish(allocation, "name", 1000), 1U) << "the service goes on";
}

// The timer is for the next one: the second publish brings it forward.
TEST_F(PublishTest, ANameGoesAfterItsTimeToLive) {
    const auto watcher = member();
    watcher->watch(1);
    message.lease = client->lease(allocation);
    message.time_to_live_ns = 3'600'000'000'000;
    client->ask<wire::PublishReply>(message);
    wire::Publish brief = client->publish_message(allocation, "brief", 1000);
    brief.lease = message.lease;
    brief.time_to_live_ns = 1;
    client->ask<wire::PublishReply>(brief);
    while (watcher->event<wire::Event>().type != static_cast<std::uint32_t>(WatchEvent::Kind::unpublished)) {
    }
    EXPECT_FALSE(client->finds("brief"));
    EXPECT_TRUE(client->finds("name"));
    EXPECT_EQ(client->stats().allocations, 1U) << "it has a name and a lease yet";
    message.time_to_live_ns = 1;
    message.flags = wire::Publish::kReplace;
    client->ask<wire::PublishReply>(message);
    while (client->finds("name")) {
    }
}

TEST_F(PublishTest, VersionsRiseThroughTheWholeContext) {
    EXPECT_EQ(client->publish(allocation, "a", 1000), 1U);
    EXPECT_EQ(client->publish(allocation, "b", 1000), 2U);
    EXPECT_EQ(client->publish(allocation, "a", 1000, wire::Publish::kReplace), 3U);
}

TEST_F(PublishTest, ATakenNameIsRefusedAndNothingChanges) {
    client->publish(allocation, "name", 1000);
    const auto other = client->create(500);
    wire::Publish taken = client->publish_message(other, "name", 500);
    EXPECT_EQ(client->refused(taken), Errc::already_exists);
    EXPECT_NE(client->why.find("'name'"), std::string::npos);
    EXPECT_EQ(copy_of("name").version, 1U);
    EXPECT_EQ(client->table->allocation_state(other.slot).state, AllocationState::created);
    EXPECT_EQ(client->publish(other, "free", 500), 2U) << "its hold is still there";
}

TEST_F(PublishTest, ReplaceMovesTheNameAndRetiresWhatLostIt) {
    client->publish(allocation, "name", 1000);
    const std::uint32_t old_lease = client->last_lease;
    const auto newer = client->create(500);
    EXPECT_EQ(client->publish(newer, "name", 500, wire::Publish::kReplace), 2U);
    EXPECT_EQ(copy_of("name").allocation.slot, newer.slot);
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::retired);
    EXPECT_EQ(client->stats().allocations, 2U) << "its lease keeps it";
    client->leases->drop(old_lease);
    client->nudge(allocation);
    EXPECT_EQ(client->stats().allocations, 1U);
}

TEST_F(PublishTest, ReplaceOfANameThatIsFreeIsAFirstPublish) {
    EXPECT_EQ(client->publish(allocation, "name", 1000, wire::Publish::kReplace), 1U);
}

TEST_F(PublishTest, ReplaceByTheSameAllocationKeepsItLive) {
    client->publish(allocation, "name", 1000);
    EXPECT_EQ(client->publish(allocation, "name", 400, wire::Publish::kReplace), 2U);
    EXPECT_EQ(copy_of("name").size, 400U);
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::live);
    EXPECT_EQ(client->stats().publications, 1U);
}

TEST_F(PublishTest, WithoutALeaseTheNameAloneKeepsTheMemory) {
    EXPECT_EQ(client->ask<wire::PublishReply>(message).version, 1U);
    EXPECT_EQ(client->stats().allocations, 1U);
    wire::Unpublish unpublish{};
    unpublish.name = text("name");
    client->ask<wire::Ok>(unpublish);
    EXPECT_EQ(client->stats().allocations, 0U);
}

TEST_F(PublishTest, ALeaseHolderMayPublishUnderFurtherNames) {
    client->publish(allocation, "first", 1000);
    const auto reader = member();
    wire::Publish further = reader->publish_message(allocation, "second", 100);
    EXPECT_EQ(reader->refused(further), Errc::permission_denied) << "it has no lease";
    further.lease = reader->lease(allocation);
    EXPECT_EQ(reader->ask<wire::PublishReply>(further).version, 2U);
    EXPECT_EQ(copy_of("second").allocation.slot, allocation.slot);
}

TEST_F(PublishTest, ALeaseHolderMayPublishWhatHasNoNameAnyMore) {
    client->publish(allocation, "first", 1000);
    wire::Unpublish unpublish{};
    unpublish.name = text("first");
    client->ask<wire::Ok>(unpublish);
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::retired);
    message.lease = client->last_lease;
    EXPECT_EQ(client->ask<wire::PublishReply>(message).version, 2U);
    EXPECT_EQ(client->table->allocation_state(allocation.slot).state, AllocationState::live);
    EXPECT_EQ(client->stats().allocations, 1U);
}

TEST_F(PublishTest, ThePrivateAllocationOfAnotherIsRefused) {
    const auto stranger = member();
    EXPECT_EQ(stranger->refused(message), Errc::permission_denied);
    message.lease = stranger->lease(allocation);
    EXPECT_EQ(stranger->refused(message), Errc::permission_denied);
    EXPECT_EQ(client->stats().publications, 0U);
}

TEST_F(PublishTest, ALeaseThatIsNotThereIsRefused) {
    for (const std::uint32_t entry : {0U, 511U, 512U, 0xffff'fffeU}) {
        message.lease = entry;
        EXPECT_EQ(client->refused(message), Errc::permission_denied) << entry;
    }
    EXPECT_EQ(client->publish(allocation, "name", 1000), 1U);
}

TEST_F(PublishTest, WhatIsGoneIsReleased) {
    client->free(allocation, wire::kNoLease);
    EXPECT_EQ(client->refused(message), Errc::released);
    message.slot = 0xffff'ffff;
    EXPECT_EQ(client->refused(message), Errc::released);
    message.generation = 0;
    EXPECT_EQ(client->refused(message), Errc::released);
}

TEST_F(PublishTest, RefusesBadNames) {
    for (const std::string& name : {std::string(), std::string(256, 'x'), std::string("a\0b", 3),
                                    std::string("\xc0\xaf"), std::string("\xed\xa0\x80")}) {
        message.name = text(name);
        EXPECT_EQ(client->refused(message), Errc::invalid_argument) << name.size();
    }
    message.name = text(std::string(255, 'x'));
    EXPECT_EQ(client->ask<wire::PublishReply>(message).version, 1U);
}

TEST_F(PublishTest, RefusesShapesThatDoNotFit) {
    message.extents[0] = 1001;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    EXPECT_NE(client->why.find("1001 bytes, the allocation has 1000"), std::string::npos) << client->why;
    message.extents[0] = -1;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.rank = 2;
    message.extents[0] = std::int64_t{1} << 40;
    message.extents[1] = std::int64_t{1} << 40;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.rank = 9;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.rank = 0xffff'ffff;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.rank = 0;
    EXPECT_EQ(client->ask<wire::PublishReply>(message).version, 1U) << "a scalar";
}

TEST_F(PublishTest, RefusesTypesThatAreNone) {
    message.type_bits = 7;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.type_bits = 8;
    message.type_code = 200;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
    message.type_code = 1;
    message.type_lanes = 0;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
}

TEST_F(PublishTest, RefusesUnknownFlags) {
    message.flags = 6;
    EXPECT_EQ(client->refused(message), Errc::invalid_argument);
}

TEST_F(PublishTest, AttributesComeWithIt) {
    const std::vector<std::byte> encoded =
        encode_attributes({{"spacing-mm", "0.5 0.5 1.0"}, {"note", std::string(3000, 'n')}});
    wire::AttributesPart part{};
    for (; part.offset < encoded.size(); part.offset += part.bytes) {
        part.bytes = static_cast<std::uint32_t>(std::min(sizeof(part.data), encoded.size() - part.offset));
        std::copy_n(encoded.begin() + part.offset, part.bytes, part.data);
        client->send(part);
    }
    message.attribute_bytes = static_cast<std::uint32_t>(encoded.size());
    client->ask<wire::PublishReply>(message);
    EXPECT_EQ(copy_of("name").attributes, encoded);
}

TEST_F(PublishTest, RefusesAttributesOfAnotherLengthThanAnnounced) {
    message.attribute_bytes = 10;
    EXPECT_EQ(client->refused(message), Errc::protocol_error);
    EXPECT_EQ(client->stats().publications, 0U);
}

TEST_F(PublishTest, RefusesAttributesThatAreNone) {
    wire::AttributesPart part{};
    part.bytes = 8;
    part.data[0] = std::byte{255};
    client->send(part);
    message.attribute_bytes = 8;
    EXPECT_EQ(client->refused(message), Errc::corrupt_input);
    message.attribute_bytes = 0;
    EXPECT_EQ(client->ask<wire::PublishReply>(message).version, 1U) << "what was collected went with the failure";
}

TEST_F(PublishTest, UnpublishOfWhatIsNotThereIsNotFound) {
    wire::Unpublish unpublish{};
    unpublish.name = text("nothing");
    EXPECT_EQ(client->refused(unpublish), Errc::not_found);
    EXPECT_NE(client->why.find("'nothing'"), std::string::npos);
}

TEST_F(PublishTest, UnpublishOfAVersionLeavesEveryOther) {
    client->publish(allocation, "name", 1000);
    client->publish(allocation, "name", 400, wire::Publish::kReplace);
    wire::Unpublish unpublish{};
    unpublish.name = text("name");
    for (const std::uint64_t other : {1U, 3U, ~0U}) {
        unpublish.version = other;
        EXPECT_EQ(client->refused(unpublish), Errc::not_found) << other;
        EXPECT_NE(client->why.find("version 2"), std::string::npos);
    }
    EXPECT_TRUE(client->finds("name"));
    unpublish.version = 2;
    client->ask<wire::Ok>(unpublish);
    EXPECT_FALSE(client->finds("name"));
    EXPECT_EQ(client->publish(allocation, "name", 1000), 3U) << "a name's versions never come again";
}

TEST_F(PublishTest, NamesOfTwoContextsAreApart) {
    const auto other = member("other");
    client->publish(allocation, "name", 1000);
    EXPECT_FALSE(other->finds("name"));
    EXPECT_EQ(other->publish(other->create(10), "name", 10), 1U);
    EXPECT_EQ(totals().publications, 2U);
}

TEST_F(PublishTest, ManyNamesOfOneAllocationGoInAnyOrder) {
    for (int i = 0; i < 200; ++i) {
        client->publish(allocation, "n" + std::to_string(i), 1000);
        client->leases->drop(client->last_lease);
    }
    for (int i = 0; i < 200; ++i) {
        wire::Unpublish unpublish{};
        unpublish.name = text("n" + std::to_string((i * 37) % 200));
        client->ask<wire::Ok>(unpublish);
    }
    EXPECT_EQ(client->stats().publications, 0U);
    EXPECT_EQ(client->stats().allocations, 0U);
}

}  // namespace
}  // namespace fastio::test
