#include "kernels/launch.hpp"

#include "gpu/error.hpp"

namespace fastio::gpu {

void Launch::check(cudaError_t code) const {
    if (code != cudaSuccess) [[unlikely]] {
        throw_error(code, attempt_);
    }
}

void Launch::finish() const {
    if (!stream_) {
        check(cudaStreamSynchronize(stream_.handle()));
    }
}

}  // namespace fastio::gpu
