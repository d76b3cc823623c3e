#include "tag.hpp"

#include <fmt/format.h>

#include <charconv>

namespace frames {
namespace {

constexpr const char* kSource = "source";
constexpr const char* kSequence = "sequence";
constexpr const char* kTime = "time-ns";
constexpr const char* kLast = "last";

const std::string& text_of(const fastio::Allocation& allocation, const char* attribute) {
    const auto found = allocation.attributes().find(attribute);
    if (found == allocation.attributes().end()) {
        throw fastio::Error(fastio::Errc::invalid_argument,
                            fmt::format("'{}' is no frame: it has no attribute '{}'", allocation.name(), attribute));
    }
    return found->second;
}

template <class T>
T number_of(const fastio::Allocation& allocation, const char* attribute) {
    const std::string& text = text_of(allocation, attribute);
    const char* const end = text.data() + text.size();
    T number{};
    if (const auto read = std::from_chars(text.data(), end, number); read.ec != std::errc{} || read.ptr != end) {
        throw fastio::Error(fastio::Errc::invalid_argument, fmt::format("'{}' is no frame: its attribute '{}' is '{}'",
                                                                        allocation.name(), attribute, text));
    }
    return number;
}

}  // namespace

fastio::Attributes attributes_of(const Tag& tag) {
    const std::chrono::nanoseconds time = tag.time.time_since_epoch();
    fastio::Attributes attributes{
        {kSource, tag.source}, {kSequence, fmt::format("{}", tag.sequence)}, {kTime, fmt::format("{}", time.count())}};
    if (tag.is_last) {
        attributes.emplace(kLast, "true");
    }
    return attributes;
}

Tag tag_of(const fastio::Allocation& allocation) {
    return {.source = text_of(allocation, kSource),
            .sequence = number_of<std::uint64_t>(allocation, kSequence),
            .time = Clock::time_point(std::chrono::nanoseconds(number_of<std::int64_t>(allocation, kTime))),
            .is_last = allocation.attributes().contains(kLast)};
}

Extents extents_of(const fastio::Allocation& allocation, fastio::DataType type) {
    const auto dimensions = allocation.dimensions();
    if (allocation.type() != type || dimensions.size() != 2 || allocation.count() == 0) {
        throw fastio::Error(
            fastio::Errc::invalid_argument,
            fmt::format("'{}' is {} with {} dimensions and {} elements; it must be {} with 2, and not empty",
                        allocation.name(), to_string(allocation.type()), dimensions.size(), allocation.count(),
                        to_string(type)));
    }
    return {dimensions[0], dimensions[1]};
}

}  // namespace frames
