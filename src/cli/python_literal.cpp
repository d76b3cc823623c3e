#include "cli/python_literal.hpp"

#include <charconv>

#include "cli/fail.hpp"
#include "cli/text.hpp"

namespace fastio::cli {

void PythonLiteral::refuse(std::string_view wanted) const {
    constexpr std::size_t kShownBytes = 20;
    if (place_ >= text_.size()) {
        fail(Errc::corrupt_input, "cannot read {}: its header ends at byte {} where {} should be", file_, place_,
             wanted);
    }
    fail(Errc::corrupt_input, "cannot read {}: its header has '{}' at byte {} where {} should be", file_,
         printable(text_.substr(place_, kShownBytes)), place_, wanted);
}

void PythonLiteral::skip_space() {
    while (place_ < text_.size() && std::string_view(" \t\n\r").find(text_[place_]) != std::string_view::npos) {
        ++place_;
    }
}

bool PythonLiteral::at(char c) {
    skip_space();
    return place_ < text_.size() && text_[place_] == c;
}

bool PythonLiteral::accept(char c) {
    const bool found = at(c);
    place_ += found ? 1 : 0;
    return found;
}

void PythonLiteral::expect(char c) {
    if (!accept(c)) {
        refuse(fmt::format("'{}'", c));
    }
}

void PythonLiteral::expect_end() {
    skip_space();
    if (place_ != text_.size()) {
        refuse("the end");
    }
}

std::string PythonLiteral::string() {
    if (!at('\'') && !at('"')) {
        refuse("a string");
    }
    const char quote = text_[place_];
    const std::size_t start = place_ + 1;
    const char stops[] = {quote, '\\', '\n', '\0'};
    const std::size_t stop = text_.find_first_of(std::string_view(stops, sizeof stops), start);
    if (stop == std::string_view::npos || text_[stop] != quote) {
        refuse("a string without escapes");
    }
    place_ = stop + 1;
    return std::string(text_.substr(start, stop - start));
}

bool PythonLiteral::boolean() {
    skip_space();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
        if (text_.substr(place_).starts_with(word)) {
            place_ += word.size();
            return word == "True";
        }
    }
    refuse("True or False");
}

std::int64_t PythonLiteral::extent() {
    skip_space();
    std::int64_t value = 0;
    const char* const first = text_.data() + place_;
    const char* const last = text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(first, last, value);
    if (error != std::errc{} || value < 0) {
        refuse("a count of elements from 0 to 2^63 - 1");
    }
    place_ += static_cast<std::size_t>(stop - first);
    if (place_ < text_.size() && text_[place_] == 'L') {
        ++place_;
    }
    return value;
}

std::vector<std::int64_t> PythonLiteral::tuple_of_extents() {
    std::vector<std::int64_t> extents;
    expect('(');
    if (accept(')')) {
        return extents;
    }
    extents.push_back(extent());
    expect(',');
    while (!accept(')')) {
        extents.push_back(extent());
        if (!accept(',')) {
            expect(')');
            break;
        }
    }
    return extents;
}

}  // namespace fastio::cli
