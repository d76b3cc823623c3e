// The engine as a process of its own, which works on for a killed client: what re-use of memory has to expect.
#include <atomic>
#include <csignal>

#include "device/mapping.hpp"
#include "device/memfd.hpp"
#include "fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kWords = 512;

class EngineProcess : public EmulatorTest {
protected:
    void SetUp() override {
#if defined(__SANITIZE_THREAD__)
        GTEST_SKIP() << "the thread sanitizer cannot follow an engine with a process of its own";
#endif
    }
    [[nodiscard]] static std::map<std::string, std::string> environment(const std::string& linger) {
        return {{"FASTIO_EMU_EXECUTOR", "process"}, {"FASTIO_EMU_LINGER_MS", linger}, {"FASTIO_EMU_DELAY_US", "0"}};
    }
    /// Memory of this process, open there as `a`.
    void share(Peer& peer) {
        buffer.fill(0);
        ASSERT_EQ(peer.code("open a " + exported(buffer.data())), 0);
    }
    [[nodiscard]] std::size_t words_written(std::uint64_t seed) const {
        const auto* const words = static_cast<const volatile std::uint64_t*>(api.host_alias(buffer.data()));
        std::size_t written = 0;
        while (written < kWords && words[written] == cudart_emulator::pattern_word(seed, written)) {
            ++written;
        }
        return written;
    }
    void wait_until_written(std::uint64_t seed, std::size_t count) const {
        while (words_written(seed) < count) {
        }
    }

    /// The client's work is: half of the pattern, until go_on(), all of it. Returns when the half is there.
    void start_halfway(Peer& peer) {
        share(peer);
        const int files[] = {file_.get()};
        ASSERT_EQ(peer.ask("map-words", files), "0");
        ASSERT_EQ(peer.code(pattern_of(kWords / 2)), 0);
        ASSERT_EQ(peer.code("wait-word 0 1"), 0);
        ASSERT_EQ(peer.code(pattern_of(kWords)), 0);
        wait_until_written(9, kWords / 2);
    }
    void go_on() {
        word(0).store(1);
    }
    [[nodiscard]] std::atomic<std::uint64_t>& word(std::size_t index) {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data())[index];
    }
    [[nodiscard]] static std::string pattern_of(std::size_t words) {
        return "pattern a " + std::to_string(words * sizeof(std::uint64_t)) + " 9 " + std::to_string(words);
    }

    DeviceBuffer buffer{kWords * sizeof(std::uint64_t)};

private:
    static constexpr std::size_t kPage = 4096;
    Descriptor file_ = make_memfd("words", kPage);
    Mapping mapping_{file_.get(), kPage, Mapping::Access::read_write};
};

TEST_F(EngineProcess, IsNotTheClient) {
    Peer peer = Peer::with(environment("0"));
    ASSERT_EQ(peer.code("malloc a 4096"), 0);
    ASSERT_EQ(peer.code("fill a 1 4096"), 0);
    const int engine = peer.code("engine");
    EXPECT_GT(engine, 0);
    EXPECT_NE(engine, peer.process().pid());
    EXPECT_EQ(::kill(engine, 0), 0);
}

TEST_F(EngineProcess, WorksOnForAKilledClientUntilTold) {
    Peer peer = Peer::with(environment("told"));
    start_halfway(peer);
    peer.process().kill();
    EXPECT_EQ(words_written(9), kWords / 2);
    go_on();
    wait_until_written(9, kWords);
    api.release_engines();
    api.wait_for_engines();
}

TEST_F(EngineProcess, WritesToMemoryThatItsClientHadOpenAndNobodyClosed) {
    // What a service must expect that uses the memory of a dead client again at once: the kernel is still writing.
    Peer peer = Peer::with(environment("told"));
    start_halfway(peer);
    peer.process().kill();
    buffer.fill(0);  // the next tenant's
    go_on();
    const auto* const words = static_cast<const volatile std::uint64_t*>(api.host_alias(buffer.data()));
    while (words[kWords - 1] == 0) {
    }
    EXPECT_EQ(words[kWords - 1], cudart_emulator::pattern_word(9, kWords - 1));
    api.release_engines();
    api.wait_for_engines();
}

TEST_F(EngineProcess, EndsAtOnceWithoutALinger) {
    Peer peer = Peer::with(environment("0"));
    start_halfway(peer);
    peer.process().kill();
    api.wait_for_engines();
    go_on();
    buffer.fill(0);
    EXPECT_EQ(words_written(9), 0U);
}

TEST_F(EngineProcess, EndsAfterItsLinger) {
    Peer peer = Peer::with(environment("20"));
    share(peer);
    ASSERT_EQ(peer.code(pattern_of(kWords)), 0);
    wait_until_written(9, 1);
    peer.process().kill();
    api.wait_for_engines();
    buffer.fill(0);
    EXPECT_EQ(words_written(9), 0U);
}

TEST_F(EngineProcess, WritesWordsForAKilledClient) {
    Peer peer = Peer::with(environment("told"));
    start_halfway(peer);
    ASSERT_EQ(peer.code("write-word 1 5"), 0);
    peer.process().kill();
    EXPECT_EQ(word(1).load(), 0U);
    go_on();
    while (word(1).load() != 5) {
    }
    EXPECT_EQ(words_written(9), kWords) << "the word comes behind the kernel";
    api.release_engines();
    api.wait_for_engines();
}

TEST_F(EngineProcess, WorksOnWhileAForkedChildOfItsKilledClientLives) {
    Peer peer = Peer::with(environment("0"));
    share(peer);
    ASSERT_EQ(peer.code(pattern_of(kWords)), 0);
    wait_until_written(9, 1);
    const int child = peer.code("leave-child");
    peer.process().kill();
    wait_until_written(9, kWords);  // the child has the driver's files
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    api.wait_for_engines();
}

TEST_F(EngineProcess, KeepsTheMemoryOfItsKilledClientUntilItEnds) {
    std::size_t before = 0;
    std::size_t during = 0;
    std::size_t after = 0;
    std::size_t total = 0;
    ASSERT_EQ(cudaMemGetInfo(&before, &total), cudaSuccess);
    Peer peer = Peer::with(environment("told"));
    ASSERT_EQ(peer.code("malloc b " + std::to_string(kBlock)), 0);
    ASSERT_EQ(peer.code("pattern b " + std::to_string(kBlock) + " 9 100000"), 0);
    peer.process().kill();
    ASSERT_EQ(cudaMemGetInfo(&during, &total), cudaSuccess);
    EXPECT_EQ(during, before - kBlock);
    api.release_engines();
    api.wait_for_engines();
    ASSERT_EQ(cudaMemGetInfo(&after, &total), cudaSuccess);
    EXPECT_EQ(after, before);
}

TEST_F(EngineProcess, OfAStoppedClientWorksOn) {
    Peer peer = Peer::with(environment("0"));
    share(peer);
    ASSERT_EQ(peer.code(pattern_of(kWords)), 0);
    peer.process().stop();
    wait_until_written(9, kWords);
    peer.process().resume();
    EXPECT_EQ(peer.code("synchronise"), 0);
}

TEST_F(EngineProcess, ThatIsKilledIsALostDevice) {
    Peer peer = Peer::with(environment("0"));
    share(peer);
    ASSERT_EQ(peer.code("pattern a " + std::to_string(buffer.bytes()) + " 9 1000000"), 0);
    ASSERT_EQ(::kill(peer.code("engine"), SIGKILL), 0);
    EXPECT_EQ(peer.code("synchronise"), cudaErrorDevicesUnavailable);
    EXPECT_EQ(peer.code("count"), cudaErrorDevicesUnavailable);
}

}  // namespace
}  // namespace fastio::test
