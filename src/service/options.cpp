#include "service/options.hpp"

#include <array>
#include <bit>
#include <charconv>

#include "core/fail.hpp"

namespace fastio::service {
namespace {

constexpr std::string_view kUnits = "KMGTP";

}  // namespace

std::uint64_t parse_size(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    std::string_view suffix{at, static_cast<std::size_t>(end - at)};
    unsigned shift = 0;
    if (!suffix.empty()) {
        if (const auto unit = kUnits.find(static_cast<char>(suffix[0] & ~0x20)); unit != std::string_view::npos) {
            shift = 10 * (static_cast<unsigned>(unit) + 1);
            suffix.remove_prefix(1);
        }
    }
    const bool known = suffix.empty() || suffix == "B" || (shift != 0 && suffix == "iB");
    if (error != std::errc{} || !known || static_cast<unsigned>(std::bit_width(value)) + shift > 63) {
        fail(Errc::invalid_argument, "'{}' is not a size below 8 EiB: give bytes, or a number with K, M, G or T", text);
    }
    return value << shift;
}

}  // namespace fastio::service
