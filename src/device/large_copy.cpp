#include "device/large_copy.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <exception>
#include <thread>

#include "device/quiet_thread.hpp"

namespace fastio {
namespace {

// More than four share what there is.
constexpr std::uint64_t kMostThreads = 4;

// A thread's start costs some 20 us, in which one core copies some 200 KiB. And glibc's memcpy writes around the caches
// only what is larger than most of the last level: a part that is smaller is copied slower than the whole would be (two
// threads with a half of 256 MiB each took 1.8 times as long as one, with 480 MiB of cache).
std::uint64_t least_for_a_thread() noexcept {
    static const long cache = ::sysconf(_SC_LEVEL3_CACHE_SIZE);  // 0 or -1 where it is not known
    return std::max(std::uint64_t{8} << 20U, static_cast<std::uint64_t>(std::max(cache, 0L)));
}

std::uint64_t threads_for(std::uint64_t bytes) noexcept {
    const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
    return std::min({bytes / least_for_a_thread(), cores, kMostThreads});
}

bool overlap(const std::byte* a, const std::byte* b, std::uint64_t bytes) noexcept {
    return a < b + bytes && b < a + bytes;
}

}  // namespace

void copy_memory(void* to, const void* from, std::uint64_t bytes) noexcept {
    copy_memory_by(threads_for(bytes), to, from, bytes);
}

void copy_memory_by(std::uint64_t most_threads, void* to, const void* from, std::uint64_t bytes) noexcept {
    auto* const target = static_cast<std::byte*>(to);
    const auto* const source = static_cast<const std::byte*>(from);
    constexpr std::uint64_t kPage = 4096;
    const std::uint64_t threads = std::min({most_threads, kMostThreads, bytes / kPage});
    if (threads < 2 || overlap(target, source, bytes)) {
        if (bytes != 0) {
            std::memmove(to, from, bytes);
        }
        return;
    }
    const std::uint64_t part = bytes / threads / kPage * kPage;
    std::array<std::thread, kMostThreads> others;
    std::uint64_t done = 0;
    try {
        for (std::uint64_t i = 0; i + 1 < threads; ++i, done += part) {
            others.at(i) = quiet_thread([=] { std::memcpy(target + done, source + done, part); });
        }
    } catch (const std::exception&) {  // no further thread, or no memory for one: what is left is the caller's
    }
    std::memcpy(target + done, source + done, bytes - done);
    for (std::thread& other : others) {
        if (other.joinable()) {
            other.join();
        }
    }
}

}  // namespace fastio
