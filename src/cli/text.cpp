#include "cli/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "core/utf8.hpp"

namespace fastio::cli {
namespace {

/// Bytes 10xxxxxx continue a UTF-8 character.
bool starts_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}

/// Characters on the screen, taking each code point as one.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string_view first_characters(std::string_view text, std::size_t most) {
    std::size_t end = 0;
    for (std::size_t begun = 0; end < text.size(); ++end) {
        begun += starts_character(text[end]) ? 1 : 0;
        if (begun > most) {
            break;
        }
    }
    return text.substr(0, end);
}

}  // namespace

std::string text_of_bytes(std::uint64_t bytes) {
    constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.5 and not 1024, because it is rounded to a whole number below.
    while (value >= 1023.5 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    const bool whole = unit == 0 || value >= 99.95;
    return whole ? fmt::format("{:.0f} {}", value, kUnits[unit]) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string text_of_duration(std::chrono::nanoseconds duration) {
    using namespace std::chrono;
    if (duration < 1min) {
        return fmt::format("{:.2f} s", duration_cast<std::chrono::duration<double>>(duration).count());
    }
    if (duration < 1h) {
        return fmt::format("{} min {} s", floor<minutes>(duration).count(), (floor<seconds>(duration) % 1min).count());
    }
    return fmt::format("{} h {} min", floor<hours>(duration).count(), (floor<minutes>(duration) % 1h).count());
}

std::string text_of_shape(std::span<const std::int64_t> dimensions) {
    return fmt::format("[{}]", fmt::join(dimensions, ", "));
}

std::string printable(std::string_view text) {
    return fastio::printable(text);
}

std::string on_terminal(std::string_view text, std::size_t rows, std::size_t columns) {
    constexpr std::string_view kHome = "\x1b[H";
    constexpr std::string_view kClearLine = "\x1b[K";
    constexpr std::string_view kClearBelow = "\x1b[J";
    std::string out(kHome);
    // A newline at the end of the last row would scroll.
    for (std::size_t row = 1; !text.empty() && (rows == 0 || row < rows); ++row) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        out.append(columns == 0 ? line : first_characters(line, columns)).append(kClearLine).append("\n");
    }
    return out.append(kClearBelow);
}

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

void TextTable::add(std::vector<std::string> cells) {
    assert(cells.size() == columns_.size());
    for (std::string& cell : cells) {
        cell = printable(cell);
    }
    rows_.push_back(std::move(cells));
}

std::string TextTable::str() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = width(columns_[i].title);
        for (const auto& row : rows_) {
            widest = std::max(widest, width(row[i]));
        }
        widths.push_back(widest);
    }
    std::string out;
    const auto add_line = [&](auto&& cell_of) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string& cell = cell_of(i);
            const std::string padding(widths[i] - width(cell), ' ');
            line += i == 0 ? "" : "  ";
            line += columns_[i].align == Align::left ? cell + padding : padding + cell;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    };
    add_line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
    for (const auto& row : rows_) {
        add_line([&](std::size_t i) -> const std::string& { return row[i]; });
    }
    return out;
}

}  // namespace fastio::cli
