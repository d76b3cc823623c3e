#include "gpu/current_device.hpp"

#include <utility>

#include "gpu/error.hpp"

namespace fastio::gpu {
namespace {

thread_local int device_of_thread = -1;

}  // namespace

CurrentDevice::CurrentDevice(int ordinal) : outer_(std::exchange(device_of_thread, ordinal)) {
    try {
        check(cudaGetDevice(&before_), "asking for this thread's current GPU");
        if (before_ != ordinal) {
            check(cudaSetDevice(ordinal), "making GPU {} this thread's current one", ordinal);
            changed_ = true;
        }
    } catch (...) {
        device_of_thread = outer_;
        throw;
    }
}

int CurrentDevice::of_thread() noexcept {
    return device_of_thread;
}

CurrentDevice::~CurrentDevice() {
    device_of_thread = outer_;
    if (changed_) {
        ignore(cudaSetDevice(before_));
    }
}

}  // namespace fastio::gpu
