#pragma once

#include <string>

#include "forked_service.hpp"
#include "plan.hpp"

namespace fastio::test {

/// What an operator does while calls fail.
enum class Step {
    join,
    found,
    create,
    publish,
    get,
    get_beyond_a_chunk,  ///< of leases
    wait,
    watch,
    free,
    close,
    close_last,
    replace,
    unpublish,
    publish_array,
    list,
    release
};

/// One way to fail.
struct Order {
    Step step{};
    Role role{};
    FaultKind kind{};
    std::uint64_t nth = 0;
    bool for_ever = false;
};

/// Comes to `order.step` undisturbed, does it under the plan, then uses what it has and a new Context undisturbed.
/// Returns what is wrong; empty if nothing. For a process of its own.
[[nodiscard]] std::string operate(const ForkedService& service, Plan& plan, const Order& order);

}  // namespace fastio::test
