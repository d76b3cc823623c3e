#include <algorithm>
#include <atomic>
#include <future>
#include <latch>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using ThreadsTest = ClientTest;

constexpr std::size_t kWords = 64;

// Contents that say of themselves whether they are whole: every word is the first.
void fill(const Allocation& a, std::uint64_t value) {
    for (std::uint64_t& word : a.as_span<std::uint64_t>()) {
        word = value;
    }
}
bool is_whole(const Allocation& a) {
    const auto words = a.as_span<const std::uint64_t>();
    return words.size() == kWords && std::ranges::all_of(words, [&](std::uint64_t word) { return word == words[0]; });
}

TEST_F(ThreadsTest, GetAndReleaseOfOneNameFromManyThreads) {
    publish_text(ctx, "a", "x");
    constexpr int kThreads = 4;
    constexpr int kRounds = 3000;
    std::latch start(kThreads);
    std::vector<std::future<void>> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.push_back(std::async(std::launch::async, [&] {
            start.arrive_and_wait();
            for (int i = 0; i < kRounds; ++i) {
                const Allocation a = other.get("a");
                ASSERT_EQ(*a.data<char>(), 'x');
            }
        }));
    }
    for (auto& thread : threads) {
        thread.get();
    }
    const ContextStats stats = other.stats();
    EXPECT_EQ(stats.gets, static_cast<std::uint64_t>(kThreads * kRounds));
    EXPECT_EQ(stats.own_leases, 0U);
}

TEST_F(ThreadsTest, ReadersNeverSeeHalfOfAReplacedAllocation) {
    constexpr int kVersions = 300;
    std::atomic<bool> done{false};
    const auto read = [&](Context& from) {
        std::uint64_t last = 0;
        std::uint64_t seen = 0;
        while (!done.load()) {
            const auto a = from.find("frame");
            if (!a) {
                continue;
            }
            EXPECT_TRUE(is_whole(*a));
            const std::uint64_t version = a->version();
            EXPECT_GE(version, last);
            last = version;
            ++seen;
        }
        return seen;
    };
    auto first = std::async(std::launch::async, [&] { return read(other); });
    auto second = std::async(std::launch::async, [&] { return read(ctx); });
    for (int i = 1; i <= kVersions; ++i) {
        Allocation a = ctx.create(uint64, {kWords});
        fill(a, static_cast<std::uint64_t>(i));
        a.publish("frame", {.replace = true});
    }
    const Allocation last = other.get("frame");
    done.store(true);
    first.get();
    second.get();
    EXPECT_EQ(last.as_span<std::uint64_t>()[0], static_cast<std::uint64_t>(kVersions));
    EXPECT_EQ(ctx.stats().allocations, 1U);
}

TEST_F(ThreadsTest, EveryKindOfCallAtOnce) {
    constexpr int kThreads = 4;
    constexpr int kRounds = 60;
    std::vector<std::future<void>> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.push_back(std::async(std::launch::async, [&, t] {
            Context& mine = t % 2 == 0 ? ctx : other;
            const std::string name = "thread/" + std::to_string(t);
            for (int i = 0; i < kRounds; ++i) {
                Allocation a = mine.create(uint64, {kWords});
                fill(a, static_cast<std::uint64_t>(i));
                a.publish(name, {.replace = true, .attributes = {{"round", std::string(3000, 'r')}}});
                for (int k = 0; k < kThreads; ++k) {
                    if (const auto found = mine.find("thread/" + std::to_string(k))) {
                        EXPECT_TRUE(is_whole(*found));
                        EXPECT_EQ(found->attributes().at("round").size(), 3000U);
                    }
                }
                EXPECT_LE(mine.list("thread/").size(), static_cast<std::size_t>(kThreads));
                if (i % 3 == 0) {
                    a.free();
                } else {
                    a.release();
                }
            }
        }));
    }
    for (auto& thread : threads) {
        thread.get();
    }
    for (const PublicationInfo& info : ctx.list()) {
        ctx.get(info.name).free();
    }
    EXPECT_EQ(ctx.stats().allocations, 0U);
    EXPECT_EQ(ctx.stats().leases, 0U);
}

TEST_F(ThreadsTest, TheLastUserMayBeInAnyThread) {
    publish_text(ctx, "a", "x");
    for (int i = 0; i < 50; ++i) {
        auto gone = std::make_unique<Context>(join());
        Allocation held = gone->get("a");
        auto first = std::async(std::launch::async, [&gone] { gone.reset(); });
        held.release();
        first.get();
    }
    EXPECT_EQ(ctx.stats().members, 2U);
    EXPECT_EQ(ctx.stats().leases, 0U);
}

TEST_F(ThreadsTest, CloseRacesWithEveryCall) {
    publish_text(other, "a", "x");
    for (int i = 0; i < 20; ++i) {
        Context closing = join();
        std::latch start(3);
        const auto call = [&](auto&& what) {
            start.arrive_and_wait();
            try {
                for (;;) {
                    what();
                }
            } catch (const Error& error) {
                return error.errc();
            }
        };
        auto gets = std::async(std::launch::async, [&] { return call([&] { static_cast<void>(closing.get("a")); }); });
        auto creates =
            std::async(std::launch::async, [&] { return call([&] { static_cast<void>(closing.create(8)); }); });
        start.arrive_and_wait();
        closing.close();
        EXPECT_EQ(gets.get(), Errc::context_closed);
        EXPECT_EQ(creates.get(), Errc::context_closed);
    }
    EXPECT_EQ(ctx.stats().allocations, 1U);
}

}  // namespace
}  // namespace fastio::test
