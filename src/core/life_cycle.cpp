#include "core/life_cycle.hpp"

namespace fastio {

std::optional<AllocationState> next_state(AllocationState state, AllocationEvent event) noexcept {
    using enum AllocationState;
    switch (event) {
        case AllocationEvent::create:
            return state == vacant ? std::optional(created) : std::nullopt;
        case AllocationEvent::publish:
            return state == created || state == live || state == retired ? std::optional(live) : std::nullopt;
        case AllocationEvent::last_name:
            return state == live ? std::optional(retired) : std::nullopt;
        case AllocationEvent::drop_hold:
            return state == created ? std::optional(retired) : std::nullopt;
        case AllocationEvent::reclaim:
            return state == retired ? std::optional(vacant) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace fastio
