#include "exhaustion/slab_reader.hpp"

namespace fastio::test {

std::vector<std::uint8_t> read_device(const void* from, std::uint64_t bytes) {
    const auto* const first = static_cast<const std::uint8_t*>(from);
    return {first, first + bytes};
}

}  // namespace fastio::test
