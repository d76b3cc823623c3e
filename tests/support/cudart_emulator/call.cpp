#include "support/cudart_emulator/call.hpp"

#include "support/cudart_emulator/gates.hpp"
#include "support/cudart_emulator/host_function.hpp"

namespace emulator {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

/// The driver does not come by itself (rule 67).
cudaError_t missing_driver() noexcept {
    switch (Surroundings::get().settings.driver) {
        case Settings::Driver::missing:
            return cudaErrorInsufficientDriver;
        case Settings::Driver::stub:
            return cudaErrorStubLibrary;
        case Settings::Driver::no_gpu:
            return cudaErrorNoDevice;
        case Settings::Driver::present:
            break;
    }
    return cudaSuccess;
}

/// What stays after cudaGetLastError: a broken device heals as little.
cudaError_t lasting_error() noexcept {
    const cudaError_t missing = missing_driver();
    Process* const process = Process::if_there();
    if (missing != cudaSuccess || process == nullptr || process->devices.count() == 0) {
        return missing;
    }
    return process->engine.failure(process->current_gpu());
}

}  // namespace

cudaError_t remember(cudaError_t code) noexcept {
    last_error = code;
    return code;
}

void meet_fault(const char* name) {
    const Faults::Fault fault = Surroundings::get().faults.meet(name);
    if (fault.breaks_device) {
        Process& process = Process::get();
        process.engine.fail(process.current_gpu(), fault.code);
    }
    refuse_if(fault.code != cudaSuccess, fault.code);
}

Process& enter(const char* name) {
    refuse_if(Process::is_forked(), cudaErrorInitializationError);
    if (Surroundings::get().settings.driver == Settings::Driver::present) {
        pass_gate(Process::get().control, name);
    }
    meet_fault(name);
    const cudaError_t missing = missing_driver();
    refuse_if(missing != cudaSuccess, missing);
    refuse_if(in_host_function, cudaErrorNotPermitted);
    Process& process = Process::get();
    refuse_if(process.devices.count() == 0, cudaErrorNoDevice);
    return process;
}

Process& enter_current(const char* name) {
    Process& process = enter(name);
    process.refuse_broken(process.current_gpu());
    return process;
}

}  // namespace emulator

extern "C" {

cudaError_t CUDARTAPI cudaGetLastError() {
    const cudaError_t lasting = emulator::lasting_error();
    const cudaError_t last = emulator::last_error;
    emulator::last_error = cudaSuccess;
    return lasting != cudaSuccess ? lasting : last;
}

cudaError_t CUDARTAPI cudaPeekAtLastError() {
    const cudaError_t lasting = emulator::lasting_error();
    return lasting != cudaSuccess ? lasting : emulator::last_error;
}

}  // extern "C"
