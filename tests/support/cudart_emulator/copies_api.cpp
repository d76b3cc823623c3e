// cudaMemcpy and cudaMemset in all their forms.

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/copies.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::Host;
using emulator::Process;
using emulator::refuse_if;
using emulator::Rows;
using Lock = emulator::Streams::Lock;

namespace {

Rows one_row(std::size_t bytes) {
    return {1, bytes, bytes, bytes};
}

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    return call(__func__, [&](Process& process, Lock& lock) {
        emulator::copy(process, process.stream(cudaStreamLegacy), to, from, one_row(bytes), kind, Host::waits, lock);
    });
}

cudaError_t CUDARTAPI cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                      cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        emulator::copy(process, process.stream(stream), to, from, one_row(bytes), kind, Host::goes_on, lock);
    });
}

cudaError_t CUDARTAPI cudaMemcpyPeer(void* to, int to_device, const void* from, int from_device, size_t bytes) {
    return call(__func__, [&](Process& process, Lock& lock) {
        static_cast<void>(process.devices.gpu(to_device));
        static_cast<void>(process.devices.gpu(from_device));
        emulator::copy(process, process.stream(cudaStreamLegacy), to, from, one_row(bytes), cudaMemcpyDeviceToDevice,
                       Host::waits, lock);
    });
}

cudaError_t CUDARTAPI cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                          cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        static_cast<void>(process.devices.gpu(to_device));
        static_cast<void>(process.devices.gpu(from_device));
        emulator::copy(process, process.stream(stream), to, from, one_row(bytes), cudaMemcpyDeviceToDevice,
                       Host::goes_on, lock);
    });
}

cudaError_t CUDARTAPI cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                                   size_t height, cudaMemcpyKind kind) {
    return call(__func__, [&](Process& process, Lock& lock) {
        emulator::copy(process, process.stream(cudaStreamLegacy), to, from, {height, width, to_pitch, from_pitch}, kind,
                       Host::waits, lock);
    });
}

cudaError_t CUDARTAPI cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                                        size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        emulator::copy(process, process.stream(stream), to, from, {height, width, to_pitch, from_pitch}, kind,
                       Host::goes_on, lock);
    });
}

cudaError_t CUDARTAPI cudaMemset(void* data, int value, size_t bytes) {
    return call(__func__, [&](Process& process, Lock& lock) {
        emulator::fill(process, process.stream(cudaStreamLegacy), data, value, one_row(bytes), Host::waits, lock);
    });
}

cudaError_t CUDARTAPI cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        emulator::fill(process, process.stream(stream), data, value, one_row(bytes), Host::goes_on, lock);
    });
}

cudaError_t CUDARTAPI cudaMemset2D(void* data, size_t pitch, int value, size_t width, size_t height) {
    return call(__func__, [&](Process& process, Lock& lock) {
        emulator::fill(process, process.stream(cudaStreamLegacy), data, value, {height, width, pitch, pitch},
                       Host::waits, lock);
    });
}

cudaError_t CUDARTAPI cudaMemset2DAsync(void* data, size_t pitch, int value, size_t width, size_t height,
                                        cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        emulator::fill(process, process.stream(stream), data, value, {height, width, pitch, pitch}, Host::goes_on,
                       lock);
    });
}

}  // extern "C"
