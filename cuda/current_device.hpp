#pragma once

#include "gpu/about_gpu.hpp"

namespace fastio::gpu {

/// Makes a GPU the calling thread's current device while it lives, and gives the caller's back. Uses the device's
/// primary context, as the whole CUDA runtime does: a second context could not open what the first one opened (rule
/// 20).
class CurrentDevice {
public:
    /// `ordinal` as this process counts. Errors: device_unavailable, device_error, forked.
    explicit CurrentDevice(int ordinal);
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;
    ~CurrentDevice();

private:
    const AboutGpu about_;
    int before_ = 0;
    bool changed_ = false;
};

}  // namespace fastio::gpu
