#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>

namespace fastio::test {

/// Small faults of this thread so far.
inline long page_faults() {
    rusage usage{};
    EXPECT_EQ(::getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_minflt;
}

/// Writes to each page of 4 KiB, and gives the faults that it took. The sanitizers have memory of their own for each
/// page, whose faults are not meant.
__attribute__((noinline, no_sanitize("address"), no_sanitize("thread"))) inline long faults_of_writing_to_each_page(
    volatile std::byte* data, std::uint64_t bytes) {
    const long before = page_faults();
    for (std::uint64_t offset = 0; offset < bytes; offset += 4096) {
        data[offset] = std::byte{1};
    }
    return page_faults() - before;
}

}  // namespace fastio::test
