#include <cuda_runtime_api.h>

#include <stdexcept>

#include "exhaustion/slab_reader.hpp"

namespace fastio::test {

std::vector<std::uint8_t> read_device(const void* from, std::uint64_t bytes) {
    std::vector<std::uint8_t> copy(bytes);
    if (cudaMemcpy(copy.data(), from, bytes, cudaMemcpyDeviceToHost) != cudaSuccess) {
        throw std::runtime_error("copying a slab to the host failed");
    }
    return copy;
}

}  // namespace fastio::test
