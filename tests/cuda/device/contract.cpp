// The device contract over CUDA: on the emulator, and on a GPU where there is one.
#include <cuda_runtime_api.h>

#include <stdexcept>

#include "contract/device_contract.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {
namespace {

Stream make_stream() {
    cudaStream_t stream = nullptr;
    if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) {
        throw std::runtime_error("no stream could be made");
    }
    return stream;  // as long as the process
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Cuda, DeviceContract,
                         testing::Values(DeviceCase{"cuda", [] { return make_test_device("cuda"); }, make_stream}),
                         name_of);

}  // namespace fastio::test
