#include "gpu/error.hpp"

#include <array>
#include <cstddef>

#include "core/fail.hpp"
#include "gpu/about_gpu.hpp"

namespace fastio::gpu {
namespace {

// Older toolkits lack the names.
constexpr int kContained = 226;            // an exception that the GPU has contained
constexpr int kTensorMemoryLeak = 721;     // a kernel ended without giving its tensor memory back
constexpr int kMpsClientTerminated = 810;  // the MPS server ended this client
constexpr int kExternalDevice = 911;       // what an external device was to signal is not valid

// The first error that broke it, for each GPU of this process, as each has one context here, which never recovers.
constexpr int kMostGpus = 64;
std::array<std::atomic<int>, kMostGpus> losses{};
constexpr std::atomic<int> kNoLoss{0};

void lose(int ordinal, cudaError_t code) noexcept {
    int none = 0;
    losses[static_cast<std::size_t>(ordinal)].compare_exchange_strong(none, code, std::memory_order_relaxed);
}

// All of them where nothing says which GPU it is about: a runtime that cannot tell the current device serves none.
void lose_gpu_of_thread(cudaError_t code) noexcept {
    int ordinal = AboutGpu::of_thread();
    if (ordinal < 0 && cudaGetDevice(&ordinal) != cudaSuccess) {
        for (int each = 0; each < kMostGpus; ++each) {
            lose(each, code);
        }
    } else if (ordinal < kMostGpus) {
        lose(ordinal, code);
    }
}

}  // namespace

Diagnosis diagnose(cudaError_t code) noexcept {
    switch (static_cast<int>(code)) {
        case cudaErrorInvalidValue:
        case cudaErrorInvalidDevicePointer:
            return {
                Errc::device_error,
                "a pointer or handle that CUDA does not know: it was freed, or the process that exported it is gone"};
        case cudaErrorMemoryAllocation:
            return {Errc::out_of_memory,
                    "the GPU's memory is used up, by this service or by others (nvidia-smi shows by whom): release "
                    "allocations, or lower --pool-max"};
        case cudaErrorInitializationError:
            return {Errc::forked, "CUDA cannot be used in a child of fork() without exec"};
        case cudaErrorDeviceUninitialized:
            return {Errc::device_error,
                    "CUDA takes the handle for this process's own, or there is no context: this process and the "
                    "exporter have equal process ids or different PID namespaces; share one namespace (docker "
                    "--pid=host, Kubernetes shareProcessNamespace)"};
        case cudaErrorMapBufferObjectFailed:
            return {Errc::device_error, "the driver could not map the memory: its address space may be used up"};
        case cudaErrorAlreadyMapped:
            return {Errc::device_error,
                    "a mapping of freed memory is still open in this process: release the allocations that use it"};
        case cudaErrorInvalidResourceHandle:
            return {Errc::incompatible_host,
                    "the handle means nothing to this kernel: it comes from another machine or virtual machine, WSL2 "
                    "does not support it, or this process uses a second CUDA context on the device"};
        case cudaErrorPeerAccessUnsupported:
        case cudaErrorTooManyPeers:
        case cudaErrorPeerAccessNotEnabled:
            return {Errc::peer_access_unavailable,
                    "the two GPUs cannot reach each other's memory, or one has used up its peers (nvidia-smi topo -p2p "
                    "r): run both operators on one GPU"};
        case cudaErrorInvalidDevice:
            return {Errc::device_unavailable, "no such GPU, or its peer access is broken: check CUDA_VISIBLE_DEVICES"};
        case cudaErrorNotPermitted:
            return {Errc::permission_denied, "the driver forbids it to this user or container"};
        case cudaErrorNotSupported:
            return {Errc::unsupported, "this platform has no CUDA IPC or stream memory operations"};
        case cudaErrorInsufficientDriver:
            return {Errc::device_unavailable,
                    "no NVIDIA driver, or one too old for this CUDA runtime: install or update it"};
        case cudaErrorStubLibrary:
            return {Errc::device_unavailable,
                    "the toolkit's stub libcuda.so.1 was loaded: take its folder off LD_LIBRARY_PATH"};
        case cudaErrorNoDevice:
            return {Errc::device_unavailable,
                    "no GPU is visible: check nvidia-smi, CUDA_VISIBLE_DEVICES, and that the container was given one"};
        case cudaErrorDevicesUnavailable:
            return {Errc::device_unavailable,
                    "the GPU is busy with a process that has it to itself, or was lost: check nvidia-smi for its "
                    "compute mode (it must be Default: nvidia-smi -c 0) and the kernel's log for Xid errors",
                    true};
        case cudaErrorCudartUnloading:
            return {Errc::device_unavailable, "the process is exiting: close Contexts before main returns"};
        case cudaErrorIllegalAddress:
        case cudaErrorLaunchFailure:
        case cudaErrorLaunchTimeout:
        case cudaErrorHardwareStackError:
        case cudaErrorIllegalInstruction:
        case cudaErrorMisalignedAddress:
        case cudaErrorInvalidAddressSpace:
        case cudaErrorInvalidPc:
        case cudaErrorAssert:
        case cudaErrorECCUncorrectable:
        case cudaErrorNvlinkUncorrectable:
        case kContained:
        case kTensorMemoryLeak:
        case kMpsClientTerminated:
        case kExternalDevice:
            return {Errc::device_error,
                    "the GPU stopped this process's work for good: no CUDA call of this process will succeed any more, "
                    "so it must end; other processes and the service go on",
                    true};
        case cudaErrorContextIsDestroyed:
        case cudaErrorUnknown:
            return {
                Errc::device_error,
                "the GPU or this process's context on it is gone: see the kernel's log for Xid errors, and end this "
                "process",
                true};
        default:
            return {Errc::device_error, "an error of the CUDA runtime; its name is what to search for"};
    }
}

const std::atomic<int>& loss_of(int ordinal) noexcept {
    return ordinal >= 0 && ordinal < kMostGpus ? losses[static_cast<std::size_t>(ordinal)] : kNoLoss;
}

void throw_error(cudaError_t code, std::string_view attempt) {
    static_cast<void>(cudaGetLastError());
    const Diagnosis diagnosis = diagnose(code);
    if (diagnosis.sticky) {
        lose_gpu_of_thread(code);
    }
    fail(diagnosis.errc, "{}: CUDA says {} ({}): {}", attempt, cudaGetErrorName(code), static_cast<int>(code),
         diagnosis.cause);
}

}  // namespace fastio::gpu
