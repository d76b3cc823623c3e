#pragma once

#include "plan.hpp"

// The seam between a program and libc: a shared library that stands before libc, linked or preloaded, and fails the
// calls that a Plan says. Nothing in it may need the C++ runtime.
namespace fastio::test {

/// This process obeys `plan` from now on, as `role`. A forked child inherits it.
void obey(Plan& plan, Role role) noexcept;

/// Counts one call of `kind` and says whether it is to fail.
[[nodiscard]] bool is_due(FaultKind kind, const char* call) noexcept;

/// Counts one block of malloc's more, or one less.
void count_block(int change) noexcept;

/// Counts one pass of the service's loop.
void count_round() noexcept;

/// The variable that gives a preloaded program its plan, a file to map. The program takes the role of the service, and
/// counts from main() on.
inline constexpr const char* kPlanVariable = "FASTIO_NTH_FAILURE_PLAN";

}  // namespace fastio::test
