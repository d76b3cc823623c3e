#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

namespace fastio::test {

// Answers are texts, made in one way from what the API returned and from what the oracle expects, so that they can be
// compared, shown, and sent by another process.

inline constexpr const char* kDone = "done";
inline constexpr const char* kNothing = "nothing";

/// Anything that describes an array: an Allocation, a PublicationInfo, the oracle's own.
struct Described {
    std::string name{};
    std::uint64_t version = 0;
    std::uint64_t size = 0;
    DataType type = uint8;
    std::vector<std::int64_t> dimensions{};
    Attributes attributes{};
};
[[nodiscard]] std::string answer_of(const Described& described);
[[nodiscard]] std::string answer_of(const WatchEvent& event);
/// What the oracle can tell of them.
[[nodiscard]] std::string answer_of(const ContextStats& stats);
[[nodiscard]] std::string answer_of(const AllocationInfo& info);
[[nodiscard]] std::string answer_of(const PublicationInfo& info);  ///< of Service, which has no attributes
[[nodiscard]] std::string answer_of(const ContextInfo& info);
[[nodiscard]] std::string answer_of(const SessionInfo& info);
[[nodiscard]] std::string answer_of(const OperatorInfo& info);
[[nodiscard]] std::string answer_of(std::span<const std::byte> contents);
/// In any order.
template <class Info>
[[nodiscard]] std::string answers_of(const std::vector<Info>& infos) {
    std::vector<std::string> lines;
    for (const Info& info : infos) {
        lines.push_back(answer_of(info));
    }
    std::ranges::sort(lines);
    std::string answer;
    for (const std::string& line : lines) {
        answer += line + "; ";
    }
    return answer;
}

}  // namespace fastio::test
