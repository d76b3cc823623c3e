#pragma once

#include <cstdint>

#include <fastio/stream.hpp>

/// A checksum of 64 bits that any number of threads can add up in any order, to compare contents that lie on a GPU with
/// what was sent. It finds damage; it does not stand up to an attacker.
///
/// The bytes are cut into words of eight, little-endian, the last one filled up with zeros. With arithmetic modulo
/// 2^64,
///
///     checksum = mix(bytes) + sum over i = 0, 1, ... of mix(word[i] + (i + 1) * 0x9e3779b97f4a7c15)
///
/// where mix is the finaliser of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014):
///
///     x ^= x >> 30;  x *= 0xbf58476d1ce4e5b9;  x ^= x >> 27;  x *= 0x94d049bb133111eb;  x ^= x >> 31
///
/// mix is a bijection, so a change within one word always changes the checksum. The index makes the order of the words
/// count, the first term their number: zeros at the end do. The checksum of no bytes is 0.
namespace fastio::gpu {

/// Queues the checksum of `bytes` at `data`, device memory of the current device at any address, into the word at
/// `result`, device memory that is aligned to eight bytes. Fastest where `data` is, too. Without a stream it is done on
/// return. Errors: invalid_argument (a null pointer where there are bytes, a result that is null or not aligned); those
/// of gpu::diagnose.
void checksum(const void* data, std::uint64_t bytes, std::uint64_t* result, Stream stream = {});

/// The same number for the same bytes in host memory. Errors: invalid_argument (a null pointer where there are bytes).
[[nodiscard]] std::uint64_t checksum_on_host(const void* data, std::uint64_t bytes);

}  // namespace fastio::gpu
