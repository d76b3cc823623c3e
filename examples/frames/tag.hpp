#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <fastio/fastio.hpp>

namespace frames {

/// The clock of a frame's time: every process of a machine reads the same, in Python as time.monotonic_ns().
using Clock = std::chrono::steady_clock;

/// What a frame says of itself, in attributes, and what each result hands on of its frame.
///
/// The sequence number is the source's. Versions are no substitute: they come from one counter for the whole context,
/// which other names and other operators move too, so a gap between two versions says nothing about frames.
struct Tag {
    std::string source{};        ///< "source": of one run of a source; another one counts from its own start
    std::uint64_t sequence = 0;  ///< "sequence": counts the frames of a source by one
    Clock::time_point time{};    ///< "time-ns": when the source began to make the frame
    bool is_last = false;        ///< "last": nothing comes after it
};

[[nodiscard]] fastio::Attributes attributes_of(const Tag& tag);

/// Throws fastio::Error, invalid_argument, where an attribute is missing or is no number.
[[nodiscard]] Tag tag_of(const fastio::Allocation& allocation);

struct Extents {
    std::int64_t height = 0;
    std::int64_t width = 0;
};

/// Throws fastio::Error, invalid_argument, where it is no image of `type` with at least one element.
[[nodiscard]] Extents extents_of(const fastio::Allocation& allocation, fastio::DataType type);

}  // namespace frames
