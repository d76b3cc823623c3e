#include "service/operators.hpp"

#include <algorithm>

namespace fastio::service {

std::uint32_t Operators::join(std::string_view name) {
    auto at = std::find_if(figures_.begin(), figures_.end(), [&](const Figures& one) { return one.name == name; });
    if (at == figures_.end()) {
        if (figures_.size() == kMost) {
            return kUncounted;
        }
        at = figures_.insert(at, {std::string(name)});
    }
    ++at->sessions;
    return static_cast<std::uint32_t>(at - figures_.begin());
}

void Operators::published(std::uint32_t number, std::uint64_t bytes) noexcept {
    if (number != kUncounted) {
        figures_[number].bytes_published += bytes;
    }
}

void Operators::copied(std::uint32_t number, std::uint64_t bytes) noexcept {
    if (number != kUncounted) {
        figures_[number].bytes_copied += bytes;
    }
}

}  // namespace fastio::service
