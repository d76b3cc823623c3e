#include "support/cudart_emulator/call.hpp"

#include "support/cudart_emulator/gates.hpp"
#include "support/cudart_emulator/host_function.hpp"

namespace emulator {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

/// What stays after cudaGetLastError: the driver does not come by itself (rule 67), a broken device heals as little.
cudaError_t lasting_error() noexcept {
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
    Process* const process = Process::if_there();
    return process == nullptr ? cudaSuccess : static_cast<cudaError_t>(process->engine.failure());
}

}  // namespace

cudaError_t remember(cudaError_t code) noexcept {
    last_error = code;
    return code;
}

void meet_fault(const char* name) {
    const Faults::Fault fault = Surroundings::get().faults.meet(name);
    if (fault.breaks_device) {
        Process::get().engine.fail(fault.code);
    }
    refuse_if(fault.code != cudaSuccess, fault.code);
}

Process& enter(const char* name) {
    refuse_if(Process::is_forked(), cudaErrorInitializationError);
    if (Surroundings::get().settings.driver == Settings::Driver::present) {
        pass_gate(Process::get().control, name);
    }
    meet_fault(name);
    const cudaError_t lasting = lasting_error();
    refuse_if(lasting != cudaSuccess, lasting);
    refuse_if(in_host_function, cudaErrorNotPermitted);
    Process& process = Process::get();
    refuse_if(process.devices.count() == 0, cudaErrorNoDevice);
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
