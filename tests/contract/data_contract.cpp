#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "device_contract.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {

TEST_P(DeviceContract, CopiesRoundTripAtEveryOffsetOfACacheLine) {
    const Reserved slab(memory(), kSlab);
    for (std::uint64_t offset = 0; offset < 64; ++offset) {
        const std::vector<std::byte> bytes = pattern(257, static_cast<unsigned>(offset));
        write(slab.data() + offset, bytes);
        EXPECT_EQ(read(slab.data() + offset, bytes.size()), bytes) << "offset " << offset;
    }
}

TEST_P(DeviceContract, ACopyWritesNothingBesideItsRange) {
    const Reserved slab(memory(), kSlab);
    memory().fill(slab.data(), std::byte{0xee}, 4096, {});
    write(slab.data() + 1000, pattern(333, 1));
    EXPECT_EQ(read(slab.data(), 1000), std::vector<std::byte>(1000, std::byte{0xee}));
    EXPECT_EQ(read(slab.data() + 1333, 100), std::vector<std::byte>(100, std::byte{0xee}));
}

TEST_P(DeviceContract, CopiesWithinTheDeviceAndBetweenSlabs) {
    const Reserved first(memory(), kSlab);
    const Reserved second(memory(), kSlab);
    write(first.data() + 5, pattern(5000, 1));
    memory().copy(first.data() + 100'000, first.data() + 5, 5000, {});
    memory().copy(second.data() + 77, first.data() + 100'000, 5000, {});
    EXPECT_EQ(read(second.data() + 77, 5000), pattern(5000, 1));
}

TEST_P(DeviceContract, CopiesAWholeSlab) {
    const Reserved slab(memory(), 2 * kSlab);
    write(slab.data(), pattern(2 * kSlab, 9));
    EXPECT_EQ(read(slab.data(), 2 * kSlab), pattern(2 * kSlab, 9));
}

TEST_P(DeviceContract, FillsExactlyItsRange) {
    const Reserved slab(memory(), kSlab);
    memory().fill(slab.data() + 3, std::byte{0x5a}, 1001, {});
    std::vector<std::byte> expected(2000);
    std::fill(expected.begin() + 3, expected.begin() + 1004, std::byte{0x5a});
    EXPECT_EQ(read(slab.data(), 2000), expected);
}

TEST_P(DeviceContract, CopiesAndFillsOfNothingChangeNothing) {
    const Reserved slab(memory(), kSlab);
    write(slab.data(), pattern(64, 4));
    memory().copy(slab.data(), slab.data() + 64, 0, {});
    memory().copy(nullptr, nullptr, 0, {});
    memory().fill(slab.data(), std::byte{1}, 0, {});
    EXPECT_EQ(read(slab.data(), 64), pattern(64, 4));
}

TEST_P(DeviceContract, HonoursAStreamOrRefusesIt) {
    const Reserved slab(memory(), kSlab);
    if (has_streams()) {
        const Stream one = stream();  // each call makes another
        memory().fill(slab.data(), std::byte{9}, kSlab, one);
        memory().synchronise(one);
        EXPECT_EQ(read(slab.data(), kSlab), std::vector<std::byte>(kSlab, std::byte{9}));
        return;
    }
    std::atomic<std::uint64_t> word{5};
    std::byte byte{1};
    const Stream given{static_cast<CUstream_st*>(nullptr)};
    EXPECT_EQ(errc_of([&] { memory().copy(slab.data(), &byte, 1, given); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { memory().fill(slab.data(), byte, 1, given); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { memory().signal(word, 6, given); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { memory().wait(word, 5, given); }), Errc::unsupported);
    EXPECT_EQ(errc_of([&] { memory().synchronise(given); }), Errc::unsupported);
    // And nothing was done.
    EXPECT_EQ(read(slab.data(), 1).front(), std::byte{0});
    EXPECT_EQ(word.load(), 5U);
}

TEST_P(DeviceContract, SignalStoresTheValue) {
    std::atomic<std::uint64_t> word{0};
    memory().signal(word, 42, {});
    memory().synchronise({});
    EXPECT_EQ(word.load(), 42U);
}

TEST_P(DeviceContract, WaitReturnsForValuesThatAreReached) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    const Watchdog watchdog("wait for a value that is reached");
    std::atomic<std::uint64_t> word{10};
    memory().wait(word, 10, {});
    memory().wait(word, 1, {});
    memory().wait(word, kMax, {});  // 11 steps behind 10, across the wrap
    memory().wait(word, kMax - 100, {});
    word = kMax;
    memory().wait(word, kMax, {});
    EXPECT_EQ(word.load(), kMax);
}

TEST_P(DeviceContract, WaitReturnsOnlyOnceTheValueIsReached) {
    const Watchdog watchdog("wait for a value that another thread stores");
    std::atomic<std::uint64_t> word{0};
    std::atomic<bool> stored{false};
    std::thread producer([&] {
        memory().signal(word, 1, {});
        memory().signal(word, 2, {});
        stored = true;
        memory().signal(word, 3, {});
    });
    memory().wait(word, 3, {});
    EXPECT_TRUE(stored.load());
    producer.join();
}

TEST_P(DeviceContract, WaitComparesCyclically) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    const Watchdog watchdog("wait across the wrap of the word");
    // The word has not wrapped yet: kMax is before 2, although it is the larger number.
    std::atomic<std::uint64_t> word{kMax};
    std::atomic<bool> stored{false};
    std::thread producer([&] {
        stored = true;
        memory().signal(word, 2, {});
    });
    memory().wait(word, 2, {});
    EXPECT_TRUE(stored.load());
    producer.join();
}

TEST_P(DeviceContract, WhatWasWrittenBeforeASignalIsSeenAfterTheWait) {
    const Watchdog watchdog("wait for 1,000 signals");
    const Reserved slab(memory(), kSlab);
    std::atomic<std::uint64_t> word{0};
    std::atomic<std::uint64_t> answered{0};
    std::thread producer([&] {
        for (std::uint64_t i = 1; i <= 1000; ++i) {
            memory().copy(slab.data(), &i, sizeof(i), {});
            memory().signal(word, i, {});
            memory().wait(answered, i, {});
        }
    });
    for (std::uint64_t i = 1; i <= 1000; ++i) {
        memory().wait(word, i, {});
        std::uint64_t seen = 0;
        memory().copy(&seen, slab.data(), sizeof(seen), {});
        EXPECT_EQ(seen, i);
        memory().signal(answered, i, {});
    }
    producer.join();
}

TEST_P(DeviceContract, ManyThreadsUseOneDevice) {
    const Watchdog watchdog("four threads reserve, copy and release");
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (unsigned thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (unsigned round = 0; round < 8; ++round) {
                const Reserved slab(memory(), kSlab);
                void* const opened = memory().open(slab->handle, slab->bytes, slab->file.get());
                const std::vector<std::byte> bytes = pattern(1000, 100 * thread + round);
                write(slab.data(), bytes);
                if (opened != slab.data() || read(opened, 1000) != bytes) {
                    ++wrong;
                }
                memory().close(opened, slab->bytes);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(wrong.load(), 0);
}

}  // namespace fastio::test
