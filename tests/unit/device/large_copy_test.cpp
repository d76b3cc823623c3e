#include "device/large_copy.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <numeric>
#include <vector>

namespace fastio::test {
namespace {

std::vector<std::uint32_t> counted(std::size_t words) {
    std::vector<std::uint32_t> made(words);
    std::iota(made.begin(), made.end(), 1U);
    return made;
}

class LargeCopy : public testing::TestWithParam<std::uint64_t> {};

TEST_P(LargeCopy, CopiesEveryByteAndNoOther) {
    const std::uint64_t bytes = GetParam();
    const std::vector<std::uint32_t> source = counted(bytes / sizeof(std::uint32_t) + 2);
    const auto* const from = reinterpret_cast<const std::byte*>(source.data());
    for (const std::uint64_t threads : {0U, 1U, 2U, 3U, 4U, 100U}) {
        std::vector<std::byte> target(bytes + 2, std::byte{0xEE});
        threads == 0 ? copy_memory(target.data() + 1, from + 3, bytes)
                     : copy_memory_by(threads, target.data() + 1, from + 3, bytes);
        EXPECT_TRUE(std::equal(from + 3, from + 3 + bytes, target.begin() + 1)) << threads;
        EXPECT_EQ(target.front(), std::byte{0xEE});
        EXPECT_EQ(target.back(), std::byte{0xEE});
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, LargeCopy,
                         testing::Values(0, 1, 4095, 4097, 8193, 12289, 8U << 20U, (16U << 20U) - 1, 16U << 20U,
                                         (16U << 20U) + 1, (40U << 20U) + 12'345));

TEST(LargeCopyOverlap, IsAMove) {
    constexpr std::size_t kWords = std::size_t{12} << 20U;
    constexpr std::size_t kShift = 1'000;
    const std::vector<std::uint32_t> source = counted(kWords);
    for (const bool up : {true, false}) {
        std::vector<std::uint32_t> words = source;
        std::uint32_t* const low = words.data();
        std::uint32_t* const high = words.data() + kShift;
        copy_memory_by(4, up ? high : low, up ? low : high, (kWords - kShift) * sizeof(std::uint32_t));
        const auto moved = up ? words.begin() + kShift : words.begin();
        EXPECT_TRUE(std::equal(moved, moved + (kWords - kShift), source.begin() + (up ? 0 : kShift)));
    }
}

// Memory whose first page cannot be read until the handler of the fault has let it, in the thread that copies it.
class GuardedSource {
public:
    GuardedSource() {
        start_ = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        static_cast<std::byte*>(start_)[0] = std::byte{7};
        ::mprotect(start_, kPage, PROT_NONE);
        struct sigaction handler {};
        handler.sa_sigaction = on_fault;
        handler.sa_flags = SA_SIGINFO;
        ::sigaction(SIGSEGV, &handler, &before_);
    }
    GuardedSource(const GuardedSource&) = delete;
    GuardedSource& operator=(const GuardedSource&) = delete;
    ~GuardedSource() {
        ::sigaction(SIGSEGV, &before_, nullptr);
        ::munmap(start_, kBytes);
    }

    static constexpr std::size_t kPage = 4096;
    static constexpr std::size_t kBytes = 4 * kPage;
    [[nodiscard]] static const void* data() { return start_; }
    [[nodiscard]] static pid_t thread() { return thread_; }
    [[nodiscard]] static bool was_blocked(int signal) { return sigismember(&blocked_, signal) == 1; }

private:
    static void on_fault(int /*signal*/, siginfo_t* /*about*/, void* context) {
        thread_ = ::gettid();
        blocked_ = static_cast<ucontext_t*>(context)->uc_sigmask;
        ::mprotect(start_, kPage, PROT_READ);
    }

    static inline void* start_ = nullptr;
    static inline pid_t thread_ = 0;
    static inline sigset_t blocked_{};
    struct sigaction before_ {};
};

TEST(LargeCopyThreads, TakeNoSignalsButThoseOfTheirOwnFaults) {
    const GuardedSource source;
    std::vector<std::byte> target(GuardedSource::kBytes);
    copy_memory_by(2, target.data(), source.data(), target.size());
    EXPECT_EQ(target[0], std::byte{7});
    EXPECT_NE(source.thread(), 0);
    EXPECT_NE(source.thread(), ::gettid());
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGCHLD, SIGALRM}) {
        EXPECT_TRUE(source.was_blocked(signal)) << signal;
    }
}

}  // namespace
}  // namespace fastio::test
