#include "device/large_copy.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <thread>

namespace fastio {
namespace {

// A thread's start costs some 20 us, in which one core copies some 200 KiB; more than four share what there is.
constexpr std::uint64_t kLeastForAThread = std::uint64_t{8} << 20U;
constexpr std::uint64_t kMostThreads = 4;

std::uint64_t threads_for(std::uint64_t bytes) noexcept {
    const std::uint64_t cores = std::max(1U, std::thread::hardware_concurrency());
    return std::min({bytes / kLeastForAThread, cores, kMostThreads});
}

bool overlap(const std::byte* a, const std::byte* b, std::uint64_t bytes) noexcept {
    return a < b + bytes && b < a + bytes;
}

}  // namespace

void copy_memory(void* to, const void* from, std::uint64_t bytes) noexcept {
    auto* const target = static_cast<std::byte*>(to);
    const auto* const source = static_cast<const std::byte*>(from);
    const std::uint64_t threads = threads_for(bytes);
    if (threads < 2 || overlap(target, source, bytes)) {
        if (bytes != 0) {
            std::memmove(to, from, bytes);
        }
        return;
    }
    constexpr std::uint64_t kPage = 4096;
    const std::uint64_t part = (bytes / threads + kPage - 1) / kPage * kPage;
    std::array<std::thread, kMostThreads> others;
    std::uint64_t done = 0;
    try {
        for (std::uint64_t i = 0; i + 1 < threads; ++i, done += part) {
            others.at(i) = std::thread([=] { std::memcpy(target + done, source + done, part); });
        }
    } catch (const std::system_error&) {
        // What has no thread is the caller's.
    }
    std::memcpy(target + done, source + done, bytes - done);
    for (std::thread& other : others) {
        if (other.joinable()) {
            other.join();
        }
    }
}

}  // namespace fastio
