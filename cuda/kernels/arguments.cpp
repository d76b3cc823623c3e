#include "kernels/arguments.hpp"

#include "core/fail.hpp"

namespace fastio::gpu {

std::uint64_t checked_bytes(const char* call, std::uint64_t count, DataType type) {
    if (!is_valid(type)) {
        fail(Errc::invalid_argument, "{} was given the type {{code {}, {} bits, {} lanes}}, which is none of fastio's",
             call, static_cast<int>(type.code), type.bits, type.lanes);
    }
    const std::uint64_t element_bytes = type.size_bytes();
    if (count > static_cast<std::uint64_t>(INT64_MAX) / element_bytes) {
        fail(Errc::invalid_argument, "{} was given {} elements of {} bytes: more than 2^63 - 1 bytes", call, count,
             element_bytes);
    }
    return count * element_bytes;
}

void check_address(const char* call, const void* address, std::uint64_t bytes) {
    if (address == nullptr && bytes > 0) {
        fail(Errc::invalid_argument, "{} was given a null pointer for {} bytes", call, bytes);
    }
}

}  // namespace fastio::gpu
