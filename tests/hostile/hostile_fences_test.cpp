// A service that lies about the fence words of its context, to a client that uses CUDA streams, on an emulated GPU.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/memfd.hpp"
#include "hostile_service.hpp"
#include "table/layout.hpp"

namespace fastio::test {
namespace {

using wire::Kind;

class HostileFences : public HostileServiceTest {
protected:
    HostileFences() : HostileServiceTest("cuda:0") {}

    /// What an operator does with streams. Where it went through, what it published is what it gets.
    [[nodiscard]] std::optional<Errc> use_streams() {
        std::string text(1000, '.');
        text.front() = 'a';
        text.back() = 'z';
        std::string got;
        const auto outcome = outcome_of([&] {
            const Stream stream(static_cast<CUstream_st*>(nullptr));
            Context ctx = join();
            for (int times = 0; times < 3; ++times) {
                Allocation made = ctx.create(uint8, {1000});
                made.copy_from(text.data(), text.size());
                made.publish("mine", {.stream = stream, .replace = true});
                got = HostileServiceTest::read(ctx.get("mine"));
                made.free(stream);
            }
            EXPECT_EQ(HostileServiceTest::read(ctx.get("theirs")), "theirs");
        });
        EXPECT_EQ(got, outcome ? "" : text);
        return outcome;
    }
    [[nodiscard]] std::optional<Errc> use_streams_with(const std::function<void(Reply&)>& change) {
        lie(Kind::fences_reply, [change](Reply& reply) {
            change(reply);
            return true;
        });
        const std::optional<Errc> outcome = use_streams();
        EXPECT_GE(lies(), 1U);
        return outcome;
    }
    [[nodiscard]] std::optional<Errc> grant(std::uint32_t first, std::uint32_t count) {
        return use_streams_with([=](Reply& reply) {
            put(reply, offsetof(wire::FencesReply, first_word), first);
            put(reply, offsetof(wire::FencesReply, word_count), count);
        });
    }
};

TEST_F(HostileFences, ThatAreNotChangedAreUsed) {
    EXPECT_EQ(use_streams_with([](Reply&) {}), std::nullopt);
}

TEST_F(HostileFences, ThatThereAreNotAreAProtocolError) {
    using table::kFencesPerChunk;
    using table::kFenceWords;
    for (const std::uint32_t count : {kFencesPerChunk + 1, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
        EXPECT_EQ(grant(0, count), Errc::protocol_error) << count;
        EXPECT_EQ(grant(0U - count, count), Errc::protocol_error) << count << " that end at 2^32";
    }
    for (const std::uint32_t first : {kFenceWords, kFenceWords - kFencesPerChunk + 1, 0x8000'0000U, 0xffff'ffffU}) {
        EXPECT_EQ(grant(first, kFencesPerChunk), Errc::protocol_error) << first;
    }
    EXPECT_EQ(grant(kFenceWords - kFencesPerChunk, kFencesPerChunk), Errc::permission_denied)
        << "the last ones, which there are, and which the service itself has not granted";
}

TEST_F(HostileFences, ThatAreNoneLeaveTheWaitingToTheHost) {
    EXPECT_EQ(grant(0, 0), std::nullopt);
    EXPECT_EQ(grant(table::kFenceWords, 0), std::nullopt);
}

TEST_F(HostileFences, OfAnotherHeaderOrLengthAreAProtocolError) {
    for (std::size_t offset = 0; offset < sizeof(wire::Header); offset += 4) {
        for (const std::uint32_t value : kExtremes) {
            lie(Kind::fences_reply, [&](Reply& reply) { return put(reply, offset, value); });
            const std::optional<Errc> outcome = use_streams();
            EXPECT_EQ(outcome, lies() == 0 ? std::nullopt : std::optional(Errc::protocol_error)) << offset;
        }
    }
    for (const std::size_t bytes : kOtherLengths) {
        for (const bool states_it : {false, true}) {
            EXPECT_EQ(use_streams_with([&](Reply& reply) { resize(reply, bytes, states_it); }), Errc::protocol_error)
                << bytes;
        }
    }
}

TEST_F(HostileFences, InAFileThatIsNotWhatItShouldBeAreAnError) {
    const auto with_file = [this](const std::function<Descriptor()>& file) {
        return use_streams_with([&](Reply& reply) { reply.descriptors.at(0) = file(); });
    };
    const auto memory = [](std::uint64_t bytes, bool sealed) {
        Descriptor file = make_memfd("fences", bytes);
        if (sealed) {
            seal_size(file.get());
        }
        return file;
    };
    EXPECT_EQ(use_streams_with([](Reply& reply) { reply.descriptors.clear(); }), Errc::protocol_error);
    EXPECT_EQ(with_file([&] { return memory(table::kFenceFileBytes, false); }), Errc::protocol_error)
        << "a file that could shrink";
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, table::kFenceFileBytes - 4096,
                                      table::kFenceFileBytes + 4096, 2 * table::kFenceFileBytes}) {
        EXPECT_EQ(with_file([&] { return memory(bytes, true); }), Errc::protocol_error) << bytes;
    }
    for (const int flags : {O_RDONLY, O_PATH}) {
        EXPECT_NE(with_file([&] { return Descriptor{::open("/proc/self/exe", flags | O_CLOEXEC)}; }), std::nullopt);
    }
    EXPECT_NE(with_file([] { return Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }), std::nullopt);
    // Another file of the right size, with words that have counted: the client's own words are in it.
    EXPECT_EQ(with_file([&] {
                  Descriptor file = memory(table::kFenceFileBytes, true);
                  const std::vector<std::uint64_t> words(table::kFenceFileBytes / 8, ~std::uint64_t{0} - 1);
                  EXPECT_EQ(::pwrite(file.get(), words.data(), table::kFenceFileBytes, 0),
                            static_cast<ssize_t>(table::kFenceFileBytes));
                  return file;
              }),
              std::nullopt);
}

// A mapping on a GPU is closed by a thread that may wait for the GPU; not for a service that reads nothing.
TEST_F(HostileFences, AndAcknowledgementsThatNobodyReadsHoldUpNobodyWhoLeaves) {
    constexpr int kMoreThanAQueueTakes = 1000;
    wire::CreateReply placed;
    lie(Kind::create_reply, [&](Reply& reply) {
        std::memcpy(&placed, reply.bytes.data(), sizeof(placed));
        return true;
    });
    std::optional<Context> client(join());
    static_cast<void>(client->create(1));
    std::optional<Watch> watch(client->watch(""));
    const auto say_and_await = [&](const std::string& name) {
        wire::Event event;
        event.watch_count = 1;
        event.watches[0] = 1;  // a client's first
        event.type = static_cast<std::uint32_t>(WatchEvent::Kind::published);
        wire::set_text(event.name, name);
        ASSERT_TRUE(middle_.say(event));
        while (watch->next(60s).value().name != name) {
        }
    };
    middle_.stop_reading_events();
    wire::SlabClosing closing;
    closing.index = placed.slab + 1;
    closing.generation = 1;
    for (int i = 0; i < kMoreThanAQueueTakes; ++i) {
        ASSERT_TRUE(middle_.say(closing));
    }
    say_and_await("all of them are read");
    say_and_await("all are answered for which there was room");
    closing.index = placed.slab;
    closing.generation = placed.slab_generation;
    ASSERT_TRUE(middle_.say(closing));
    say_and_await("the last one is read");
    watch.reset();
    client.reset();
    EXPECT_EQ(ctx_.stats().members, 1U);
}

}  // namespace
}  // namespace fastio::test
