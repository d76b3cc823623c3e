#include "support/cudart_emulator/address_space.hpp"

#include <sys/mman.h>
#include <sys/random.h>

#include <iterator>

#include "support/cudart_emulator/control_layout.hpp"
#include "support/cudart_emulator/fatal.hpp"

namespace emulator {
namespace {

// More than the memory of all GPUs, opened many times; costs nothing.
constexpr std::uint64_t kBytes = std::uint64_t{128} << 30;

// The range begins at one of this many blocks of what is reserved.
constexpr std::uint64_t kPlaces = std::uint64_t{1} << 15;

std::uint64_t random_number() {
    std::uint64_t random = 0;
    static_cast<void>(::getrandom(&random, sizeof(random), 0));
    return random;
}

// A hint only: the sanitizers and the kernel have addresses of their own, and may choose others.
std::uintptr_t random_hint() {
    constexpr std::uintptr_t kLowest = 0x2000'0000'0000;
    return kLowest + (random_number() % (std::uint64_t{1} << 23)) * kBlockBytes;
}

}  // namespace

AddressSpace::AddressSpace() {
    // Where the hint is not taken and the kernel does not randomise, what is reserved is at the same place in each
    // process. One block more than needed: its start need not be aligned.
    constexpr std::uint64_t kReserved = kBytes + (kPlaces + 1) * kBlockBytes;
    void* const reserved = ::mmap(reinterpret_cast<void*>(random_hint()), kReserved, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) {
        fatal("cannot reserve %llu bytes of addresses", static_cast<unsigned long long>(kReserved));
    }
    const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(reserved) + random_number() % kPlaces * kBlockBytes;
    free_.emplace((start + kBlockBytes - 1) / kBlockBytes * kBlockBytes, kBytes);
}

std::uintptr_t AddressSpace::take(std::uint64_t bytes) {
    for (auto range = free_.begin(); range != free_.end(); ++range) {
        const auto [address, size] = *range;
        if (size >= bytes) {
            free_.erase(range);
            if (size > bytes) {
                free_.emplace(address + bytes, size - bytes);
            }
            return address;
        }
    }
    return 0;
}

void AddressSpace::give_back(std::uintptr_t address, std::uint64_t bytes) {
    auto range = free_.emplace(address, bytes).first;
    const auto next = std::next(range);
    if (next != free_.end() && range->first + range->second == next->first) {
        range->second += next->second;
        free_.erase(next);
    }
    if (range != free_.begin()) {
        const auto before = std::prev(range);
        if (before->first + before->second == range->first) {
            before->second += range->second;
            free_.erase(range);
        }
    }
}

}  // namespace emulator
