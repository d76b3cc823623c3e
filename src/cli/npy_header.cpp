#include "cli/npy_header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "cli/fail.hpp"
#include "cli/python_literal.hpp"

namespace fastio::cli {
namespace {

struct Kind {
    char letter;
    std::size_t bytes;
    DataType type;
};
constexpr std::array kKinds{
    Kind{'b', 1, bool_},     Kind{'i', 1, int8},        Kind{'i', 2, int16},   Kind{'i', 4, int32},
    Kind{'i', 8, int64},     Kind{'u', 1, uint8},       Kind{'u', 2, uint16},  Kind{'u', 4, uint32},
    Kind{'u', 8, uint64},    Kind{'f', 2, float16},     Kind{'f', 4, float32}, Kind{'f', 8, float64},
    Kind{'c', 8, complex64}, Kind{'c', 16, complex128},
};

constexpr std::size_t kMostDimensions = 8;  // of an allocation

constexpr std::string_view reason_against(char letter) {
    switch (letter) {
        case 'O':
            return "an object array, which is pickled Python; save an array of numbers";
        case 'S':
        case 'a':
        case 'U':
            return "text, which has no fastio type; save its bytes as uint8";
        case 'V':
            return "raw void data; save a view as uint8 or another plain type";
        case 'M':
        case 'm':
            return "dates or time spans; save a view as int64";
        case 'f':
        case 'c':
            return "longer than fastio's numbers, whose layout differs between machines; save it as float64 or "
                   "complex128";
        default:
            return {};
    }
}

void set_type(NpyHeader& header, std::string_view descr, std::string_view file) {
    const std::string_view order = descr.substr(0, 1);
    std::size_t bytes = 0;
    const char* const end = descr.data() + descr.size();
    const bool has_order = !descr.empty() && std::string_view("<>|=").find(descr[0]) != std::string_view::npos;
    if (!has_order || descr.size() < 2) {
        fail(Errc::corrupt_input, "cannot read {}: its type '{}' is not a NumPy type string such as '<f4'", file,
             descr);
    }
    const char letter = descr[1];
    const auto [stop, error] = std::from_chars(descr.data() + 2, end, bytes);
    if (error == std::errc{} && stop == end) {
        for (const Kind& kind : kKinds) {
            if (kind.letter == letter && kind.bytes == bytes) {
                if (order == "|" && bytes > 1) {
                    fail(Errc::corrupt_input, "cannot read {}: its type '{}' of {} bytes names no byte order", file,
                         descr, bytes);
                }
                header.type = kind.type;
                header.big_endian = order == ">" && bytes > 1;
                return;
            }
        }
    }
    const bool longer = (letter != 'f' && letter != 'c') || bytes == 12 || bytes == 16 || bytes == 24 || bytes == 32;
    if (const auto reason = reason_against(letter); !reason.empty() && longer) {
        fail(Errc::unsupported, "cannot take {}: its type '{}' is {}", file, descr, reason);
    }
    fail(Errc::corrupt_input, "cannot read {}: there is no NumPy type '{}'", file, descr);
}

void check_size(const NpyHeader& header, std::string_view file) {
    if (header.shape.size() > kMostDimensions) {
        fail(Errc::unsupported, "cannot take {}: it has {} dimensions and an allocation at most {}; reshape it", file,
             header.shape.size(), kMostDimensions);
    }
    // Zeros are left out of the product, as NumPy does: what is too large does not become right by being empty.
    std::uint64_t bytes = header.type.size_bytes();
    for (const std::int64_t extent : header.shape) {
        if (extent > 0 && __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
            bytes = std::numeric_limits<std::uint64_t>::max();
        }
    }
    if (bytes > std::uint64_t{1} << 62) {
        fail(Errc::corrupt_input, "cannot read {}: its shape asks for more than 2^62 bytes", file);
    }
}

}  // namespace

std::uint64_t NpyHeader::count() const noexcept {
    std::uint64_t product = 1;
    for (const std::int64_t extent : shape) {
        product *= static_cast<std::uint64_t>(extent);
    }
    return product;
}

std::uint64_t NpyHeader::size_bytes() const noexcept {
    return count() * type.size_bytes();
}

NpyHeader parse_npy_header(std::string_view literal, std::string_view file) {
    PythonLiteral in(literal, file);
    NpyHeader header;
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::int64_t>> shape;
    in.expect('{');
    while (!in.accept('}')) {
        const std::string key = in.string();
        in.expect(':');
        const bool repeated =
            (key == "descr" && descr) || (key == "fortran_order" && fortran_order) || (key == "shape" && shape);
        if (repeated) {
            fail(Errc::corrupt_input, "cannot read {}: its header has the key '{}' twice", file, key);
        }
        if (key == "descr") {
            if (in.at('[') || in.at('(')) {
                fail(Errc::unsupported, "cannot take {}: it has a structured type; save its fields one by one", file);
            }
            descr = in.string();
        } else if (key == "fortran_order") {
            fortran_order = in.boolean();
        } else if (key == "shape") {
            shape = in.tuple_of_extents();
        } else {
            fail(Errc::corrupt_input, "cannot read {}: its header has the unknown key '{}'", file, key);
        }
        if (!in.accept(',')) {
            in.expect('}');
            break;
        }
    }
    in.expect_end();
    if (!descr || !fortran_order || !shape) {
        fail(Errc::corrupt_input, "cannot read {}: its header lacks the key '{}'", file,
             !descr ? "descr" : (!fortran_order ? "fortran_order" : "shape"));
    }
    header.fortran_order = *fortran_order;
    header.shape = *std::move(shape);
    set_type(header, *descr, file);
    check_size(header, file);
    return header;
}

std::string format_npy_preamble(DataType type, std::span<const std::int64_t> dimensions) {
    std::string descr;
    for (const Kind& kind : kKinds) {
        if (kind.type == type) {
            descr = fmt::format("{}{}{}", kind.bytes == 1 ? '|' : '<', kind.letter, kind.bytes);
        }
    }
    if (descr.empty()) {
        fail(Errc::unsupported,
             "cannot write {} as .npy: NumPy has no such type; convert it to float32 or publish a "
             "view of it as uint8",
             to_string(type));
    }
    std::string shape;
    for (const std::int64_t extent : dimensions) {
        shape += fmt::format("{}{}", shape.empty() ? "" : ", ", extent);
    }
    std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr, shape,
                                   dimensions.size() == 1 ? "," : "");
    constexpr std::size_t kPrefixBytes = 10;
    text.resize((kPrefixBytes + text.size() + 1 + 63) / 64 * 64 - kPrefixBytes - 1, ' ');
    text += '\n';

    std::string out(kNpyMagic);
    out += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
    return out + text;
}

}  // namespace fastio::cli
