#include <fastio/data_type.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "core/type_widths.hpp"

namespace fastio {
namespace {

struct NamedType {
    std::string_view name;
    DataType type;
};

constexpr NamedType kTypes[] = {
    {"bool", bool_},
    {"int8", int8},
    {"int16", int16},
    {"int32", int32},
    {"int64", int64},
    {"uint8", uint8},
    {"uint16", uint16},
    {"uint32", uint32},
    {"uint64", uint64},
    {"float16", float16},
    {"bfloat16", bfloat16},
    {"float32", float32},
    {"float64", float64},
    {"complex64", complex64},
    {"complex128", complex128},
    {"float8_e3m4", float8_e3m4},
    {"float8_e4m3", float8_e4m3},
    {"float8_e4m3b11fnuz", float8_e4m3b11fnuz},
    {"float8_e4m3fn", float8_e4m3fn},
    {"float8_e4m3fnuz", float8_e4m3fnuz},
    {"float8_e5m2", float8_e5m2},
    {"float8_e5m2fnuz", float8_e5m2fnuz},
    {"float8_e8m0fnu", float8_e8m0fnu},
};

constexpr bool all_have_their_width() noexcept {
    std::array<std::uint8_t, 256> widths{};
    for (const NamedType& known : kTypes) {
        widths[static_cast<std::uint8_t>(known.type.code)] |= known.type.bits;
    }
    return widths == kTypeWidths;
}
static_assert(all_have_their_width());

const NamedType* find_type(TypeCode code, std::uint8_t bits) noexcept {
    for (const NamedType& known : kTypes) {
        if (known.type.code == code && known.type.bits == bits) {
            return &known;
        }
    }
    return nullptr;
}

const NamedType* find_type(std::string_view name) noexcept {
    for (const NamedType& known : kTypes) {
        if (known.name == name) {
            return &known;
        }
    }
    return nullptr;
}

/// "2" to "16" without leading zeros, which is how to_string writes them.
std::optional<std::uint16_t> parse_lanes(std::string_view digits) noexcept {
    std::uint16_t lanes = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, lanes);
    if (error != std::errc() || stop != end || digits.front() == '0' || lanes < 2 || lanes > kMaxLanes) {
        return std::nullopt;
    }
    return lanes;
}

}  // namespace

bool is_valid(DataType type) noexcept {
    return is_known(type);
}

std::string to_string(DataType type) {
    if (!is_valid(type)) {
        return fmt::format("invalid(code {}, bits {}, lanes {})", static_cast<unsigned>(type.code), type.bits,
                           type.lanes);
    }
    const std::string_view name = find_type(type.code, type.bits)->name;
    return type.lanes == 1 ? std::string(name) : fmt::format("{}x{}", name, type.lanes);
}

std::optional<DataType> parse_data_type(std::string_view text) noexcept {
    if (const NamedType* known = find_type(text)) {
        return known->type;
    }
    const std::size_t cross = text.rfind('x');
    if (cross == std::string_view::npos) {
        return std::nullopt;
    }
    const NamedType* element = find_type(text.substr(0, cross));
    const auto lanes = parse_lanes(text.substr(cross + 1));
    if (element == nullptr || !lanes) {
        return std::nullopt;
    }
    return DataType{element->type.code, element->type.bits, *lanes};
}

}  // namespace fastio
