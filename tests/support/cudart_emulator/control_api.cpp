// The emulator's own functions; cudart_emulator.hpp describes them.

#include "support/cudart_emulator/cudart_emulator.hpp"

#include <unistd.h>

#include <stdexcept>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/gates.hpp"

using emulator::call_elsewhere;
using emulator::Process;
using emulator::refuse_if;
using emulator::Surroundings;
using emulator::Work;
using Lock = emulator::Streams::Lock;

extern "C" {

int cudaEmuVersion() {
    return 2;
}

void* cudaEmuHostAlias(const void* pointer) {
    Process& process = Process::get();
    const Lock lock = process.lock();
    if (std::byte* const alias = process.memory.access(pointer, 1).data) {
        return alias;
    }
    return process.host.find(pointer, 1) != nullptr ? const_cast<void*>(pointer) : nullptr;
}

int cudaEmuLaunch(void* stream, void (*function)(void*), void* argument) {
    return cudaLaunchHostFunc(static_cast<cudaStream_t>(stream), function, argument);
}

int cudaEmuLaunchPattern(void* stream, void* data, std::size_t bytes, std::uint64_t seed, std::uint64_t steps) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        Work work;
        work.kind = Work::Kind::pattern;
        work.to = process.memory.access(data, bytes);
        refuse_if(work.to.data == nullptr || steps == 0, cudaErrorInvalidValue);
        work.row_bytes = bytes;
        work.value = seed;
        work.steps = steps;
        process.streams.submit(process.stream(static_cast<cudaStream_t>(stream)), work, lock);
    });
}

int cudaEmuSpinUntil(void* stream, const std::uint64_t* word, std::uint64_t value) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        Work work;
        work.kind = Work::Kind::wait_word;
        work.wide = true;
        work.word = const_cast<std::uint64_t*>(word);
        work.value = value;
        process.streams.submit(process.stream(static_cast<cudaStream_t>(stream)), work, lock);
    });
}

int cudaEmuSet(const char* name, const char* value) {
    Surroundings& surroundings = Surroundings::get();
    Process& process = Process::get();
    const Lock lock = process.lock();
    try {
        surroundings.settings.set(name, value);
        surroundings.faults.take_delays(surroundings.settings);
    } catch (const std::exception&) {
        return 1;
    }
    process.engine.take_settings(surroundings.settings);
    return 0;
}

void cudaEmuFailCall(const char* name, int code, std::uint64_t nth, int forever) {
    using Lasts = emulator::Faults::Lasts;
    Surroundings::get().faults.add(name, static_cast<cudaError_t>(code), nth,
                                   forever != 0 ? Lasts::forever : Lasts::once);
}

void cudaEmuBreakDevice(int device, int code) {
    Process& process = Process::get();
    process.engine.fail(process.devices.gpu(device), code);
}

std::uint64_t cudaEmuCalls(const char* name) {
    return Surroundings::get().faults.calls(name);
}

void cudaEmuCloseGate(const char* name) {
    emulator::close_gate(Process::get().control, name);
}
void cudaEmuOpenGate(const char* name) {
    emulator::open_gate(Process::get().control, name);
}
void cudaEmuWaitAtGate(const char* name, std::uint32_t arrivals) {
    emulator::wait_at_gate(Process::get().control, name, arrivals);
}

void cudaEmuReleaseEngines() {
    ++Process::get().control.layout().released;
}
void cudaEmuWaitForEngines() {
    Process::get().control.wait_for_dead_engines();
}
int cudaEmuEngineProcess() {
    return Process::get().engine.process();
}

const cudart_emulator::Api* cudaEmuApi() {
    static const cudart_emulator::Api api{
        cudaEmuVersion,  cudaEmuHostAlias,  cudaEmuLaunch,         cudaEmuLaunchPattern,  cudaEmuSpinUntil,
        cudaEmuSet,      cudaEmuFailCall,   cudaEmuBreakDevice,    cudaEmuCalls,          cudaEmuCloseGate,
        cudaEmuOpenGate, cudaEmuWaitAtGate, cudaEmuReleaseEngines, cudaEmuWaitForEngines, cudaEmuEngineProcess};
    return &api;
}

}  // extern "C"
