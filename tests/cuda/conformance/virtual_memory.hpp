#pragma once

#include <cstddef>

namespace fastio::conformance {

/// Memory of GPU 0 from cuMemCreate, mapped and accessible; never given back. Needs the context. Throws Skipped where
/// there is no such thing, std::runtime_error with the code if a step fails.
[[nodiscard]] void* map_virtual_memory(std::size_t bytes);

}  // namespace fastio::conformance
