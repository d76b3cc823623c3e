#include "gpu/current_device.hpp"

#include "gpu/error.hpp"

namespace fastio::gpu {

CurrentDevice::CurrentDevice(int ordinal) : about_(ordinal) {
    check(cudaGetDevice(&before_), "asking for this thread's current GPU");
    if (before_ != ordinal) {
        check(cudaSetDevice(ordinal), "making GPU {} this thread's current one", ordinal);
        changed_ = true;
    }
}

CurrentDevice::~CurrentDevice() {
    if (changed_) {
        ignore(cudaSetDevice(before_));
    }
}

}  // namespace fastio::gpu
