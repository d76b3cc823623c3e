#include "uuid.hpp"

#include <span>

#include "support/hex.hpp"

namespace fastio::conformance {

cudaError_t device_uuid(int ordinal, std::string& uuid) {
    cudaDeviceProp properties{};
    const cudaError_t code = cudaGetDeviceProperties(&properties, ordinal);
    uuid = test::to_hex(std::as_bytes(std::span(properties.uuid.bytes)));
    return code;
}

}  // namespace fastio::conformance
