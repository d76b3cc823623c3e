#pragma once

#include <cuda_runtime_api.h>

#include <new>
#include <type_traits>

#include "support/cudart_emulator/process.hpp"
#include "support/cudart_emulator/refused.hpp"

namespace emulator {

/// Keeps the code as the thread's last error, and returns it.
cudaError_t remember(cudaError_t code) noexcept;

/// The fault that a test has injected into this call, if there is one: refuses with its code.
void meet_fault(const char* name);

/// What every call meets first: the fork check, faults of tests, the driver's absence. Refuses with the code that the
/// call must give.
Process& enter(const char* name);
/// The same for what is about the current GPU, which may be broken.
Process& enter_current(const char* name);

/// The frame of every function of the runtime: `body(process, lock)` does it, with the process's mutex held, and
/// refuses by throwing. `Enter` is what it meets first.
template <Process& (*Enter)(const char*), class Body>
cudaError_t call_after(const char* name, Body body) noexcept {
    try {
        Process& process = Enter(name);
        Streams::Lock lock = process.lock();
        body(process, lock);
        return cudaSuccess;
    } catch (const Refused& refused) {
        return remember(refused.code);
    } catch (const std::bad_alloc&) {
        return remember(cudaErrorMemoryAllocation);
    }
}

/// Of what is about the current GPU.
template <class Body>
cudaError_t call(const char* name, Body body) noexcept {
    return call_after<enter_current>(name, body);
}

/// Of what says itself which GPU it is about, as by a stream, or is about none.
template <class Body>
cudaError_t call_elsewhere(const char* name, Body body) noexcept {
    return call_after<enter>(name, body);
}

/// The same for the few functions that need no driver: `body()`.
template <class Body>
cudaError_t call_without_driver(const char* name, Body body) noexcept {
    try {
        meet_fault(name);
        body();
        return cudaSuccess;
    } catch (const Refused& refused) {
        return remember(refused.code);
    }
}

}  // namespace emulator
