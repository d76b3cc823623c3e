#pragma once

#include <cstdint>
#include <vector>

namespace fastio::test {

/// Bytes of the suite's device from `from` on, wherever in a mapped slab that is.
[[nodiscard]] std::vector<std::uint8_t> read_device(const void* from, std::uint64_t bytes);

}  // namespace fastio::test
