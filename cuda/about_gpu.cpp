#include "gpu/about_gpu.hpp"

#include <utility>

namespace fastio::gpu {
namespace {

thread_local int gpu_of_thread = -1;

}  // namespace

AboutGpu::AboutGpu(int ordinal) noexcept : outer_(std::exchange(gpu_of_thread, ordinal)) {}

AboutGpu::~AboutGpu() {
    gpu_of_thread = outer_;
}

int AboutGpu::of_thread() noexcept {
    return gpu_of_thread;
}

}  // namespace fastio::gpu
