// Fences and poison as the service sees them (design P6, P7). A fence word is plain memory: these clients write theirs
// by hand, as a GPU would.
#include <thread>
#include <utility>

#include <fastio/contents.hpp>

#include "device/waiting.hpp"
#include "helper.hpp"
#include "running_service.hpp"
#include "table/fences.hpp"

namespace fastio::test {
namespace {

/// A client's fence words: the file, and the first one of its own.
struct Words {
    table::FenceWords words;
    std::uint32_t first = 0;
    [[nodiscard]] std::atomic<std::uint64_t>& operator[](std::uint32_t i) const { return words.word(first + i); }
};

Words grant(RawClient& client) {
    const auto reply = client.ask<wire::FencesReply>(wire::GrantFences{});
    return {table::FenceWords(std::move(client.packet.descriptors[0])), reply.first_word};
}

class FenceTest : public ServiceTest {
protected:
    static wire::Publish fenced(RawClient& client, const wire::CreateReply& allocation, std::string_view name,
                                std::uint32_t word, std::uint64_t value) {
        wire::Publish message = client.publish_message(allocation, name, 1000);
        message.lease = client.lease(allocation);
        message.fence_word = word;
        message.fence_value = value;
        return message;
    }
    /// A producer in a process of its own, which publishes `name` behind its first word, for the value 1.
    void publish_behind(Helper& producer, const std::string& name) {
        producer.tell("join " + socket() + " job");
        producer.tell("grant");
        producer.tell("publish_behind " + name);
    }
    /// What the service lists of the publication "name" and of its allocation.
    static std::pair<Contents, Contents> listed(RawClient& asker) {
        wire::ListPublications publications{};
        publications.job = text("job");
        wire::ListAllocations allocations{};
        allocations.job = text("job");
        return {static_cast<Contents>(asker.ask<wire::PublicationRow>(publications).contents),
                static_cast<Contents>(asker.ask<wire::AllocationRow>(allocations).contents)};
    }
    static bool is_poisoned(RawClient& client, const wire::CreateReply& allocation) {
        return client.table->allocation_state(allocation.slot).poisoned;
    }
    /// Reads what is published; its slot must be mapped first.
    static table::PublicationCopy look_up(RawClient& client, std::string_view name) {
        table::PublicationCopy copy;
        EXPECT_TRUE(client.table->lookup(name, table::hash_name(name.data(), name.size()), copy, nullptr));
        return copy;
    }
};

TEST_F(FenceTest, OneClientCannotHaveAllWords) {
    const auto greedy = member();
    for (std::uint32_t i = 0; i < table::kFenceChunks; ++i) {
        const auto reply = greedy->ask<wire::FencesReply>(wire::GrantFences{});
        EXPECT_EQ(reply.word_count, i < table::kMostFenceChunks ? table::kFencesPerChunk : 0) << i;
    }
    const auto other = member();
    EXPECT_EQ(other->ask<wire::FencesReply>(wire::GrantFences{}).word_count, table::kFencesPerChunk);
}

TEST_F(FenceTest, WordsAreGrantedInChunksThatNobodyShares) {
    const auto first = member();
    const auto second = member();
    const Words a = grant(*first);
    const Words b = grant(*second);
    const Words more = grant(*first);
    EXPECT_NE(a.first / table::kFencesPerChunk, b.first / table::kFencesPerChunk);
    EXPECT_NE(a.first / table::kFencesPerChunk, more.first / table::kFencesPerChunk);
    // One file for the whole context.
    a[0].store(77);
    EXPECT_EQ(b.words.word(a.first).load(), 77U);
}

TEST_F(FenceTest, APublicationCarriesItsPendingFence) {
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "name", words.first + 3, 1));
    const table::PublicationCopy copy = look_up(*producer, "name");
    EXPECT_EQ(copy.fence_word, words.first + 3);
    EXPECT_EQ(copy.fence_value, 1U);
}

TEST_F(FenceTest, APublicationThatIsCompleteByThenCarriesNone) {
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    words[3].store(1);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "name", words.first + 3, 1));
    EXPECT_EQ(look_up(*producer, "name").fence_value, 0U);
}

TEST_F(FenceTest, AListSaysWhetherContentsArePendingCompleteOrLost) {
    const auto asker = visitor();
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "name", words.first, 1));
    EXPECT_EQ(listed(*asker), std::pair(Contents::pending, Contents::pending));
    words[0].store(1);
    EXPECT_EQ(listed(*asker), std::pair(Contents::complete, Contents::complete));
    producer->publish(made, "second", 1000);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "third", words.first, 2));
    EXPECT_EQ(listed(*asker), std::pair(Contents::complete, Contents::pending)) << "another of its names is";

    const auto witness = member();  // keeps the context
    producer->request_socket.reset();
    producer->event_socket.reset();
    while (listed(*asker).first != Contents::lost) {
        std::this_thread::yield();
    }
    EXPECT_EQ(listed(*asker), std::pair(Contents::lost, Contents::lost)) << "poison is the allocation's";
}

TEST_F(FenceTest, WhoOnlyLooksGetsTheFileAndNoWords) {
    const auto producer = member();
    const Words words = grant(*producer);
    const auto onlooker = member();
    wire::GrantFences request{};
    request.flags = wire::GrantFences::kNoWords;
    EXPECT_EQ(onlooker->ask<wire::FencesReply>(request).word_count, 0U);
    const table::FenceWords seen(std::move(onlooker->packet.descriptors[0]));
    words[0].store(77);
    EXPECT_EQ(seen.word(words.first).load(), 77U);
    request.flags = 2;
    EXPECT_EQ(onlooker->refused(request), Errc::invalid_argument);
}

TEST_F(FenceTest, RefusesAWordOfSomebodyElse) {
    const auto producer = member();
    const auto other = member();
    const Words words = grant(*other);
    const wire::CreateReply made = producer->create(1000);
    EXPECT_EQ(producer->refused(fenced(*producer, made, "name", words.first, 1)), Errc::permission_denied);
    EXPECT_EQ(producer->refused(fenced(*producer, made, "name", 0xffff'ffffU, 1)), Errc::permission_denied);
    EXPECT_FALSE(producer->finds("name"));
}

TEST_F(FenceTest, RefusesAWordThatStandsForAnotherPublication) {
    const auto producer = member();
    const Words words = grant(*producer);
    producer->ask<wire::PublishReply>(fenced(*producer, producer->create(1000), "a", words.first, 1));
    EXPECT_EQ(producer->refused(fenced(*producer, producer->create(1000), "b", words.first, 2)), Errc::protocol_error);
    words[0].store(1);
    producer->ask<wire::PublishReply>(fenced(*producer, producer->create(1000), "b", words.first, 2));
}

TEST_F(FenceTest, APublishThatIsRefusedLeavesNothingPending) {
    const auto producer = member();
    const Words words = grant(*producer);
    producer->ask<wire::PublishReply>(producer->publish_message(producer->create(1000), "taken", 1000));
    EXPECT_EQ(producer->refused(fenced(*producer, producer->create(1000), "taken", words.first, 1)),
              Errc::already_exists);
    // What is pending keeps its word, and would be poisoned with its producer's death.
    producer->ask<wire::PublishReply>(fenced(*producer, producer->create(1000), "free", words.first, 1));
}

TEST_F(FenceTest, ADeadProducersContentsArePoisonedFirstAndItsWordCompletedOnceItIsGone) {
    const auto consumer = member();
    const Words watched = grant(*consumer);
    Helper producer;
    publish_behind(producer, "name");
    const table::PublicationCopy copy = look_up(*consumer, "name");
    ASSERT_EQ(copy.fence_value, 1U);
    std::atomic<std::uint64_t>& word = watched.words.word(copy.fence_word);

    producer.tell("fork close_socket");  // keeps the lifeline
    producer.process.kill();
    while (!consumer->table->allocation_state(copy.allocation.slot).poisoned) {
        std::this_thread::yield();
    }
    EXPECT_EQ(word.load(), 0U) << "its GPU may still run: a child has its lifeline";
    producer.end_grandchildren();
    wait_on_host(word, 1);
    EXPECT_EQ(word.load(), 1U);
}

TEST_F(FenceTest, ADeadProducersWordIsCompletedByTheLimitWhileAChildHoldsItsLifeline) {
    options.fence_limit = std::chrono::milliseconds(100);
    const auto consumer = member();
    const Words watched = grant(*consumer);
    Helper producer;
    publish_behind(producer, "name");
    const table::PublicationCopy copy = look_up(*consumer, "name");
    producer.tell("fork close_socket");
    producer.process.kill();
    wait_on_host(watched.words.word(copy.fence_word), 1);
    EXPECT_TRUE(consumer->table->allocation_state(copy.allocation.slot).poisoned);
    producer.end_grandchildren();
}

TEST_F(FenceTest, WhatWasCompleteBeforeItsProducerDiedIsNotPoisoned) {
    const auto consumer = member();
    const Words watched = grant(*consumer);
    Helper producer;
    publish_behind(producer, "name");
    const table::PublicationCopy copy = look_up(*consumer, "name");
    watched.words.word(copy.fence_word).store(1);
    producer.process.kill();
    wait_for_totals([](const wire::TotalsReply& totals) { return totals.sessions == 1; });
    EXPECT_FALSE(consumer->table->allocation_state(copy.allocation.slot).poisoned);
}

TEST_F(FenceTest, APoisonedNameCanBePublishedAgainWithoutReplace) {
    const auto consumer = member();
    Helper producer;
    publish_behind(producer, "name");
    const table::PublicationCopy copy = look_up(*consumer, "name");
    producer.process.kill();
    while (!consumer->table->allocation_state(copy.allocation.slot).poisoned) {
        std::this_thread::yield();
    }
    EXPECT_GT(consumer->publish(consumer->create(10), "name", 10), copy.version);
}

TEST_F(FenceTest, AFenceThatIsPendingForTooLongIsPoisonedThenCompleted) {
    options.fence_limit = std::chrono::milliseconds(1);
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "name", words.first, 1));
    wait_on_host(words[0], 1);
    EXPECT_TRUE(is_poisoned(*producer, made));
}

// Its process may live on, so that no client takes it for dead and completes the words itself.
TEST_F(FenceTest, AServiceThatEndsPoisonsAndCompletesWhatIsPending) {
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    const wire::CreateReply complete = producer->create(1000);
    producer->ask<wire::PublishReply>(fenced(*producer, made, "name", words.first, 1));
    producer->ask<wire::PublishReply>(fenced(*producer, complete, "complete", words.first + 1, 1));
    words[1].store(1);
    EXPECT_FALSE(is_poisoned(*producer, made));
    running.reset();
    EXPECT_EQ(words[0].load(), 1U);
    EXPECT_TRUE(is_poisoned(*producer, made));
    EXPECT_FALSE(is_poisoned(*producer, complete));
}

TEST_F(FenceTest, ACompletedFenceIsLeftAloneByTheLimit) {
    options.fence_limit = std::chrono::milliseconds(1);
    const auto producer = member();
    const Words words = grant(*producer);
    const wire::CreateReply made = producer->create(1000);
    const wire::CreateReply late = producer->create(1000);
    words[0].store(5);  // its next value is 6
    wire::Publish message = fenced(*producer, made, "name", words.first, 6);
    words[0].store(6);
    producer->ask<wire::PublishReply>(message);
    producer->ask<wire::PublishReply>(fenced(*producer, late, "late", words.first + 1, 1));
    wait_on_host(words[1], 1);  // so the limit has been looked at
    EXPECT_FALSE(is_poisoned(*producer, made));
    EXPECT_EQ(words[0].load(), 6U);
}

TEST_F(FenceTest, WordsOfAClientThatSaidByeAreGrantedAgainAndThoseOfADeadOneAreNot) {
    const auto observer = member();
    std::uint32_t of_bye = 0;
    {
        const auto client = member();
        of_bye = grant(*client).first;
        client->bye();
    }
    EXPECT_EQ(grant(*observer).first, of_bye);

    Helper dead;
    dead.tell("join " + socket() + " job");
    const auto of_dead = static_cast<std::uint32_t>(std::stoul(dead.tell("grant")));
    dead.process.kill();
    wait_for_totals([](const wire::TotalsReply& totals) { return totals.sessions == 1; });
    for (int i = 0; i < 4; ++i) {
        EXPECT_NE(grant(*observer).first, of_dead);
    }
}

TEST_F(FenceTest, ALeaseThatAStreamClearsKeepsItsAllocationUntilThen) {
    const auto client = member();
    const wire::CreateReply made = client->create(1000);
    client->publish(made, "name", 1000);
    client->leases->leave_to_stream(client->last_lease);
    wire::Free free{};
    free.slot = made.slot;
    free.generation = made.generation;
    free.lease = client->last_lease;
    free.flags = wire::Free::kKeepLease;
    client->ask<wire::Ok>(free);
    EXPECT_FALSE(client->finds("name"));
    EXPECT_EQ(totals().allocations, 1U);
    // As a GPU does it: nobody is told, and the service finds out.
    client->leases->entry_word(client->last_lease).store(0);
    wait_for_totals([](const wire::TotalsReply& totals) { return totals.allocations == 0; });
}

}  // namespace
}  // namespace fastio::test
