#include "operators/typed_view.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace brain_mri {

namespace {

[[noreturn]] void refuse(fastio::Errc code, const fastio::Allocation& allocation, const std::string& cause) {
    throw fastio::Error(code, fmt::format("using '{}' as a volume: {}", allocation.name(), cause));
}

const std::string& attribute_of(const fastio::Allocation& allocation, const char* attribute) {
    const auto found = allocation.attributes().find(attribute);
    if (found == allocation.attributes().end()) {
        refuse(fastio::Errc::invalid_argument, allocation, fmt::format("it has no attribute \"{}\"", attribute));
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

bool is_reachable(const fastio::Allocation& allocation) {
#if defined(BRAIN_MRI_ON_CUDA)
    return allocation.device().starts_with("cuda:");
#else
    return allocation.device() == "host";
#endif
}

}  // namespace

namespace detail {

Extents check_volume(const fastio::Allocation& allocation, fastio::DataType type) {
    const auto dimensions = allocation.dimensions();
    if (allocation.type() != type || dimensions.size() != 3) {
        refuse(fastio::Errc::invalid_argument, allocation,
               fmt::format("it is {} with {} dimensions, not {} with 3", to_string(allocation.type()),
                           dimensions.size(), to_string(type)));
    }
    std::int64_t voxels = 1;
    for (const std::int64_t extent : dimensions) {
        if (extent < 1) {
            refuse(fastio::Errc::invalid_argument, allocation, "it is empty");
        }
        if (extent > kMaxVoxels / voxels) {
            refuse(fastio::Errc::unsupported, allocation,
                   fmt::format("{} x {} x {} voxels are more than {}", dimensions[0], dimensions[1], dimensions[2],
                               kMaxVoxels));
        }
        voxels *= extent;
    }
    if (!is_reachable(allocation)) {
        refuse(fastio::Errc::unsupported, allocation,
               fmt::format("this program was not built for memory on {}", allocation.device()));
    }
    return {static_cast<Index>(dimensions[0]), static_cast<Index>(dimensions[1]), static_cast<Index>(dimensions[2])};
}

}  // namespace detail

void check_same_extents(const Extents& a, const std::string& name_a, const Extents& b, const std::string& name_b) {
    if (a != b) {
        throw fastio::Error(fastio::Errc::invalid_argument,
                            fmt::format("'{}' has {} x {} x {} voxels and '{}' {} x {} x {}; they must be equal",
                                        name_a, a.z, a.y, a.x, name_b, b.z, b.y, b.x));
    }
}

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
        refuse(fastio::Errc::invalid_argument, allocation,
               fmt::format("its attribute \"{}\" is '{}', not three positive numbers", kSpacing, text));
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
        refuse(fastio::Errc::invalid_argument, allocation,
               fmt::format("its attribute \"{}\" is '{}', not a number", attribute, text));
    }
    return numbers[0];
}

}  // namespace brain_mri
