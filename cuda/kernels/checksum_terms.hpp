#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/host_device.hpp"

namespace fastio::gpu {

/// The terms of the sum that checksum.hpp defines.
class ChecksumTerms {
public:
    ChecksumTerms(const void* data, std::uint64_t bytes)
        : data_(static_cast<const unsigned char*>(data)),
          bytes_(bytes),
          aligned_(reinterpret_cast<std::uintptr_t>(data) % sizeof(std::uint64_t) == 0) {}

    /// How many terms there are; the last is that of the number of bytes.
    [[nodiscard]] FASTIO_HOST_DEVICE std::uint64_t count() const { return words() + 1; }

    [[nodiscard]] FASTIO_HOST_DEVICE std::uint64_t operator()(std::uint64_t term) const {
        return term == words() ? mix(bytes_) : mix(word(term) + (term + 1) * 0x9e3779b97f4a7c15U);
    }

private:
    [[nodiscard]] FASTIO_HOST_DEVICE static std::uint64_t mix(std::uint64_t x) {
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
        return x ^ (x >> 31);
    }

    [[nodiscard]] FASTIO_HOST_DEVICE std::uint64_t words() const {
        return bytes_ / sizeof(std::uint64_t) + (bytes_ % sizeof(std::uint64_t) != 0 ? 1 : 0);
    }

    [[nodiscard]] FASTIO_HOST_DEVICE std::uint64_t word(std::uint64_t index) const {
        const std::uint64_t first = index * sizeof(std::uint64_t);
        const std::uint64_t left = bytes_ - first;
        if (aligned_ && left >= sizeof(std::uint64_t)) {
            // GPUs are little-endian, and so is every host that has one.
            std::uint64_t value = 0;
            std::memcpy(&value, __builtin_assume_aligned(data_ + first, sizeof(value)), sizeof(value));
            return value;
        }
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < sizeof(std::uint64_t) && i < left; ++i) {
            value |= std::uint64_t{data_[first + i]} << (8 * i);
        }
        return value;
    }

    const unsigned char* data_;
    std::uint64_t bytes_;
    bool aligned_;
};

}  // namespace fastio::gpu
