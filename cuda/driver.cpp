#include "gpu/driver.hpp"

#include "gpu/error.hpp"

namespace fastio::gpu {
namespace {

// The version whose signatures cuda.h declares for these functions since 12.0; asking for a fixed one means that a
// newer driver gives the same function.
constexpr unsigned kEntryPointVersion = 12'000;

template <class Function>
void find(const char* name, Function& function) noexcept {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t code =
        cudaGetDriverEntryPointByVersion(name, &entry, kEntryPointVersion, cudaEnableDefault, &result);
    ignore(code);
    if (code == cudaSuccess && result == cudaDriverEntryPointSuccess) {
        function = reinterpret_cast<Function>(entry);
    }
}

Driver find_all() noexcept {
    Driver driver;
    find("cuDeviceGetAttribute", driver.device_get_attribute);
    find("cuStreamWriteValue64", driver.stream_write_value64);
    find("cuStreamWaitValue64", driver.stream_wait_value64);
    return driver;
}

}  // namespace

const Driver& Driver::get() {
    static const Driver driver = find_all();
    return driver;
}

bool has_stream_memory_operations(int ordinal) noexcept {
    const Driver& driver = Driver::get();
    if (driver.device_get_attribute == nullptr || driver.stream_write_value64 == nullptr ||
        driver.stream_wait_value64 == nullptr) {
        return false;
    }
    int supported = 0;
    // A runtime ordinal is the driver's ordinal, and cuDeviceGet has given CUdevice this value since CUDA 1.
    return driver.device_get_attribute(&supported, CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, ordinal) ==
               CUDA_SUCCESS &&
           supported != 0;
}

void check_driver(CUresult result, const char* attempt) {
    if (result != CUDA_SUCCESS) {
        throw_error(static_cast<cudaError_t>(result), attempt);
    }
}

}  // namespace fastio::gpu
