#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "input.hpp"
#include "table/layout.hpp"

namespace fastio::fuzz {

/// The segments of a table, all of whose bytes an input may set. They stay the same files, so that a reader may keep
/// them mapped from one input to the next; restore() makes them empty again.
class TableImage {
public:
    TableImage();

    static constexpr std::uint32_t kOrdinals = 2;  ///< of each kind

    /// Empty where there is none.
    [[nodiscard]] Descriptor file(table::SegmentKind kind, std::uint32_t ordinal) const;
    /// The header's first bytes, as a file.
    [[nodiscard]] Descriptor copy_of_header(std::size_t bytes, bool sealed) const;
    /// Bytes outside of the segment are left out.
    void put(table::SegmentKind kind, std::uint32_t ordinal, std::size_t offset, std::span<const std::byte> bytes);
    template <class T>
    void put_value(table::SegmentKind kind, std::uint32_t ordinal, std::size_t offset, const T& value) {
        put(kind, ordinal, offset, std::as_bytes(std::span(&value, 1)));
    }
    void restore();

private:
    using Key = std::pair<table::SegmentKind, std::uint32_t>;
    struct Segment {
        Descriptor file{};
        Mapping memory{};
        std::vector<std::byte> start{};  ///< only the header's is not all zeros
    };
    struct Change {
        Key key{};
        std::size_t offset = 0;
        std::size_t bytes = 0;
    };
    void add(table::SegmentKind kind, std::uint32_t ordinal, std::size_t bytes, std::span<const std::byte> start = {});

    std::map<Key, Segment> segments_;
    std::vector<Change> changes_;
};

}  // namespace fastio::fuzz
