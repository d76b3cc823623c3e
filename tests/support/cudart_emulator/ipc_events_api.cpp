// Legacy IPC of events.

#include <unistd.h>

#include <bit>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/ipc_handles.hpp"

using emulator::call;
using emulator::Event;
using emulator::IpcHandle;
using emulator::Process;
using emulator::refuse_if;
using Lock = emulator::Streams::Lock;

extern "C" {

cudaError_t CUDARTAPI cudaIpcGetEventHandle(cudaIpcEventHandle_t* handle, cudaEvent_t event) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(event == nullptr, cudaErrorInvalidValue);
        if (handle == nullptr) {
            emulator::fatal(
                "cudaIpcGetEventHandle without a place for the handle: a real driver crashes here (rule 52)");
        }
        const Event& shared = process.events.get(event);
        refuse_if(shared.shared == nullptr || shared.imported, cudaErrorInvalidResourceHandle);
        IpcHandle exported;
        exported.magic = IpcHandle::event;
        exported.boot_id = emulator::boot_id();
        exported.pid = ::getpid();
        exported.id = shared.shared_id;
        *handle = std::bit_cast<cudaIpcEventHandle_t>(exported);
    });
}

cudaError_t CUDARTAPI cudaIpcOpenEventHandle(cudaEvent_t* event, cudaIpcEventHandle_t bytes) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(event == nullptr, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        const auto handle = std::bit_cast<IpcHandle>(bytes);
        refuse_if(process.settings.other_kernel, cudaErrorInvalidResourceHandle);
        refuse_if(handle.magic != IpcHandle::event, cudaErrorInvalidValue);
        refuse_if(handle.boot_id != emulator::boot_id(), cudaErrorInvalidResourceHandle);
        refuse_if(handle.pid == ::getpid(), cudaErrorDeviceUninitialized);
        *event = process.events.open(handle.id);
    });
}

}  // extern "C"
