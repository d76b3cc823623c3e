#include "reference_model/rules.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMostBytes = static_cast<std::uint64_t>(INT64_MAX);

}  // namespace

void check_open(bool is_open) {
    if (!is_open) {
        throw Refused{Errc::context_closed};
    }
}

void check_name(const std::string& name) {
    for (int good = 0; good < kGoodNames; ++good) {
        if (name_of(good) == name) {
            return;
        }
    }
    throw Refused{Errc::invalid_argument};
}

void check_attributes(const Attributes& attributes) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : attributes) {
        bytes += 4 + key.size() + value.size();
        if (key.empty()) {
            throw Refused{Errc::invalid_argument};
        }
    }
    if (bytes > 4096) {
        throw Refused{Errc::invalid_argument};
    }
}

std::uint64_t checked_size(const ArrayChoice& array) {
    std::uint64_t bytes = array.type.size_bytes();
    bool is_empty = false;
    if (array.dimensions.size() > 8 || !is_valid(array.type)) {
        throw Refused{Errc::invalid_argument};
    }
    for (const std::int64_t extent : array.dimensions) {
        if (extent < 0 || (extent > 0 && bytes > kMostBytes / static_cast<std::uint64_t>(extent))) {
            throw Refused{Errc::invalid_argument};
        }
        is_empty = is_empty || extent == 0;
        bytes *= extent == 0 ? 1 : static_cast<std::uint64_t>(extent);
    }
    return is_empty ? 0 : bytes;
}

}  // namespace fastio::test
