// Producer and consumer in one process: their streams are ordered by events, never by words (design P6).
#include <gtest/gtest.h>

#include <cuda_runtime_api.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include <fastio/fastio.hpp>

#include "cuda/device/gate.hpp"
#include "support/counted_calls.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::int64_t kWords = 512;

class StreamsOfOneProcess : public testing::Test {
protected:
    [[nodiscard]] ContextOptions options(bool embedded) const {
        return {.job = "job", .socket = folder_.file("fastiod.sock"), .device = "cuda:0", .embedded = embedded};
    }
    void write(const Allocation& to, std::uint64_t seed) {
        ASSERT_EQ(emulator_.launch_pattern(first_.get(), to.data(), to.size(), seed, 1), 0);
    }
    [[nodiscard]] bool reads(const Allocation& from, std::uint64_t seed) {
        std::vector<std::uint64_t> words(from.count());
        from.copy_to(words.data(), from.size(), {.stream = second_.get()});
        EXPECT_EQ(cudaStreamSynchronize(second_.get()), cudaSuccess);
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] != cudart_emulator::pattern_word(seed, i)) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] std::uint64_t word_waits() const { return emulator_.calls("cuStreamWaitValue64"); }

    Watchdog watchdog_{"streams of one process"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    TempDir folder_;
    Context producer_{options(true)};
    Context consumer_{options(false)};
    TestStream first_;
    TestStream second_;
    Gate gate_;
};

TEST_F(StreamsOfOneProcess, AreNotAskedAboutByAGetOfWhatTheyHaveCompleted) {
    Allocation made = producer_.create(uint64, {kWords});
    write(made, 7);
    made.publish("name", {.stream = first_.get()});
    ASSERT_EQ(cudaStreamSynchronize(first_.get()), cudaSuccess);
    const auto get = [this] { consumer_.get("name").release(); };
    const std::optional<int> calls = count_system_calls(get, get);
    if (!calls) {
        GTEST_SKIP() << "a sanitizer, or a system without filters of system calls";
    }
    EXPECT_EQ(*calls, 0);
    const std::optional<int> of_a_miss = count_system_calls(get, [this] { EXPECT_TRUE(!consumer_.find("no")); });
    EXPECT_EQ(of_a_miss, 0);
    EXPECT_GT(count_system_calls(get, [] { static_cast<void>(::getppid()); }), 0) << "nothing is counted";
}

TEST_F(StreamsOfOneProcess, AreOrderedWithoutTheHost) {
    Allocation made = producer_.create(uint64, {kWords});
    gate_.hold(first_.get());
    write(made, 7);
    made.publish("name", {.stream = first_.get()});
    const Allocation got = consumer_.get("name", {.stream = second_.get()});
    EXPECT_EQ(got.data(), made.data()) << "the owner's own memory, in the owner's process";
    std::thread opener([this] { gate_.open(); });
    EXPECT_TRUE(reads(got, 7));
    opener.join();
    got.check();
    EXPECT_EQ(word_waits(), 0U) << "a word's wait may stand ahead of its write in one hardware queue";
}

TEST_F(StreamsOfOneProcess, AreOrderedAcrossManyPublicationsOfOneName) {
    for (std::uint64_t round = 1; round <= 300; ++round) {  // more than there are words in a chunk
        Allocation made = producer_.create(uint64, {kWords});
        write(made, round);
        made.publish("name", {.stream = first_.get(), .replace = true});
        made.release(first_.get());
        Allocation got = consumer_.get("name", {.stream = second_.get()});
        ASSERT_TRUE(reads(got, round)) << round;
        got.release(second_.get());
    }
    consumer_.unpublish("name");
    while (consumer_.stats().allocations != 0) {
    }
    EXPECT_EQ(producer_.stats().synchronised_publishes, 0U);
}

TEST_F(StreamsOfOneProcess, AreWrittenToByOneThreadWhileAnotherIsHeldByAFullQueue) {
    constexpr const char* kWrite = "cuStreamWriteValue64";
    Allocation one = producer_.create(uint64, {kWords});
    Allocation other = producer_.create(uint64, {kWords});
    emulator_.close_gate(kWrite);  // as a driver does while a stream's queue is full
    std::thread held([&] { one.publish("one", {.stream = first_.get()}); });
    emulator_.wait_at_gate(kWrite, 1);
    std::thread publisher([&] { other.publish("other", {.stream = second_.get()}); });
    emulator_.wait_at_gate(kWrite, 2);
    emulator_.open_gate(kWrite);
    held.join();
    publisher.join();
    static_cast<void>(consumer_.get("one"));
    static_cast<void>(consumer_.get("other"));
    EXPECT_EQ(producer_.stats().synchronised_publishes, 0U);
}

TEST_F(StreamsOfOneProcess, AreOrderedOnDemand) {
    const Allocation made = producer_.create(uint64, {kWords});
    gate_.hold(first_.get());
    write(made, 5);
    made.order(first_.get(), second_.get());
    made.order(second_.get(), second_.get());
    std::thread opener([this] { gate_.open(); });
    EXPECT_TRUE(reads(made, 5));
    opener.join();
}

TEST_F(StreamsOfOneProcess, AGetWithoutAStreamWaitsForThem) {
    Allocation made = producer_.create(uint64, {kWords});
    gate_.hold(first_.get());
    write(made, 9);
    made.publish("name", {.stream = first_.get()});
    EXPECT_EQ(
        errc_of([&] { static_cast<void>(consumer_.get("name", {.contents_timeout = std::chrono::milliseconds(1)})); }),
        Errc::timed_out);
    gate_.open();
    EXPECT_TRUE(reads(consumer_.get("name"), 9));
}

TEST(HostMemoryOnAMachineWithGpus, IsJoinedWithoutAskingTheDriver) {
    const cudart_emulator::Api& emulator = *cudart_emulator::find();
    const TempDir folder;
    const std::string socket = folder.file("fastiod.sock");
    const Context host({.job = "job", .socket = socket, .device = "host", .embedded = true});
    const std::uint64_t before = emulator.calls("cudaGetDeviceCount");
    const Context joined({.job = "job", .socket = socket, .device = "auto"});
    EXPECT_EQ(joined.device(), "host");
    EXPECT_EQ(emulator.calls("cudaGetDeviceCount"), before);
}

}  // namespace
}  // namespace fastio::test
