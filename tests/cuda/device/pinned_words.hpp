#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "device/device_memory.hpp"

namespace fastio::test {

/// A page of words that the GPU reaches.
class PinnedWords {
public:
    explicit PinnedWords(DeviceMemory& memory) : memory_(memory) { memory_.pin(page_, kBytes); }
    PinnedWords(const PinnedWords&) = delete;
    PinnedWords& operator=(const PinnedWords&) = delete;
    ~PinnedWords() {
        memory_.unpin(page_);
        ::munmap(page_, kBytes);
    }
    std::atomic<std::uint64_t>& operator[](std::size_t i) { return static_cast<std::atomic<std::uint64_t>*>(page_)[i]; }

private:
    static constexpr std::size_t kBytes = 4096;
    DeviceMemory& memory_;
    void* page_ = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
};

}  // namespace fastio::test
