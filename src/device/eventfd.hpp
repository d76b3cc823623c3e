#pragma once

#include "device/descriptor.hpp"

namespace fastio {

/// A counter that wakes who polls it; close-on-exec, and neither reading nor writing waits. Errors: io_error.
[[nodiscard]] Descriptor make_eventfd();

}  // namespace fastio
