#pragma once

#include <cstdint>
#include <string>

#include <fastio/fastio.hpp>

#include "reference_model/step.hpp"

namespace fastio::test {

/// Thrown by the oracle where a call must fail.
struct Refused {
    Errc code;
};

// What arguments must be, as the public headers say it. Each throws Refused.

void check_open(bool is_open);
void check_name(const std::string& name);
void check_attributes(const Attributes& attributes);
/// Bytes of the array.
[[nodiscard]] std::uint64_t checked_size(const ArrayChoice& array);

}  // namespace fastio::test
