#include "operators/attributes.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <vector>

namespace brain_mri {

namespace {

[[noreturn]] void refuse(const fastio::Allocation& allocation, const std::string& cause) {
    throw fastio::Error(fastio::Errc::invalid_argument,
                        fmt::format("using '{}' as a volume: {}", allocation.name(), cause));
}

const std::string& attribute_of(const fastio::Allocation& allocation, const char* attribute) {
    const auto found = allocation.attributes().find(attribute);
    if (found == allocation.attributes().end()) {
        refuse(allocation, fmt::format("it has no attribute \"{}\"", attribute));
    }
    return found->second;
}

/// `count` finite numbers with spaces between them; otherwise empty.
std::vector<double> parse_numbers(const std::string& text, std::size_t count) {
    std::vector<double> numbers;
    const char* next = text.data();
    const char* const end = text.data() + text.size();
    while (numbers.size() < count) {
        while (next != end && *next == ' ') {
            ++next;
        }
        double number = 0;
        const auto [stop, error] = std::from_chars(next, end, number);
        if (error != std::errc{} || !std::isfinite(number) || (stop != end && *stop != ' ')) {
            return {};
        }
        numbers.push_back(number);
        next = stop;
    }
    return next == end ? numbers : std::vector<double>{};
}

}  // namespace

fastio::Attributes geometry_of(const fastio::Allocation& allocation) {
    fastio::Attributes geometry;
    for (const char* key : {kSpacing, kOrientation}) {
        if (const auto found = allocation.attributes().find(key); found != allocation.attributes().end()) {
            geometry.insert(*found);
        }
    }
    return geometry;
}

Spacing spacing_of(const fastio::Allocation& allocation) {
    const std::string& text = attribute_of(allocation, kSpacing);
    const std::vector<double> numbers = parse_numbers(text, 3);
    if (numbers.empty() || !(numbers[0] > 0 && numbers[1] > 0 && numbers[2] > 0)) {
        refuse(allocation, fmt::format("its attribute \"{}\" is '{}', not three positive numbers", kSpacing, text));
    }
    return {numbers[0], numbers[1], numbers[2]};
}

std::string format_spacing(const Spacing& spacing) {
    return fmt::format("{} {} {}", spacing.x, spacing.y, spacing.z);
}

double number_of(const fastio::Allocation& allocation, const char* attribute) {
    const std::string& text = attribute_of(allocation, attribute);
    const std::vector<double> numbers = parse_numbers(text, 1);
    if (numbers.empty()) {
        refuse(allocation, fmt::format("its attribute \"{}\" is '{}', not a number", attribute, text));
    }
    return numbers[0];
}

}  // namespace brain_mri
