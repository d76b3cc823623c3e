#include "support/cudart_emulator/process.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <vector>

#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

thread_local int current = 0;

std::mutex making;
std::atomic<Process*> made{nullptr};
std::atomic<pid_t> made_by{0};

/// Runs when the library is unloaded, at the latest: the machine gets this process's memory back at once, and the last
/// process removes the files. A killed process is reaped by the others.
struct AtExit {
    ~AtExit() {
        if (Process* const process = Process::if_there()) {
            if (process->engine.stop()) {
                process->control.leave();
            }
        }
    }
};
const AtExit at_exit;

}  // namespace

Surroundings::Surroundings() {
    try {
        settings = Settings::from_environment();
        faults.take_failures(settings);
        faults.take_delays(settings);
    } catch (const std::exception& error) {
        fatal(error.what());
    }
}

Surroundings& Surroundings::get() {
    static auto& surroundings = *new Surroundings;
    return surroundings;
}

Process& Process::get() {
    if (Process* const known = made.load()) {
        return *known;
    }
    const std::lock_guard lock(making);
    if (made == nullptr) {
        made_by = ::getpid();
        made = new Process(Surroundings::get().settings);
    }
    return *made;
}

Process* Process::if_there() noexcept {
    return is_forked() ? nullptr : made.load();
}

bool Process::is_forked() noexcept {
    const pid_t by = made_by;
    return by != 0 && by != ::getpid();
}

Process::Process(Settings& switches)
    : settings(switches),
      control(switches),
      devices(control.layout().gpus, std::getenv("CUDA_VISIBLE_DEVICES")),
      memory(control, switches),
      engine(control, switches),
      streams(engine, memory),
      events(control) {}

int Process::current_ordinal() const {
    refuse_if(devices.count() == 0, cudaErrorNoDevice);
    return current;
}

void Process::make_current(int ordinal) {
    static_cast<void>(devices.gpu(ordinal));
    current = ordinal;
}

void Process::use(std::uint32_t gpu) {
    const std::uint32_t bit = 1U << gpu;
    if ((contexts_ & bit) != 0) {
        return;
    }
    const Control::Lock lock(control);
    control.reap();
    ControlLayout& layout = control.layout();
    const int mode = settings.compute_mode_of(gpu);
    refuse_if(mode == cudaComputeModeProhibited, cudaErrorDevicesUnavailable);
    for (const ProcessRecord& other : layout.processes) {
        const bool shares = other.used != 0 && (other.contexts & bit) != 0;
        refuse_if(shares && mode == cudaComputeModeExclusiveProcess, cudaErrorDevicesUnavailable);
    }
    layout.processes[control.slot()].contexts |= bit;
    contexts_ |= bit;
}

void Process::reset(std::uint32_t gpu) {
    streams.destroy_all(gpu);
    std::vector<std::pair<std::uintptr_t, DeviceMemory::Piece>> pieces(memory.pieces().begin(), memory.pieces().end());
    for (const auto& [address, piece] : pieces) {
        const auto* const start = reinterpret_cast<const void*>(address);
        if (piece.kind == DeviceMemory::Kind::owned && piece.gpu == gpu) {
            memory.release(start, piece.kind);
        } else if (piece.kind == DeviceMemory::Kind::imported && piece.opened_on == gpu) {
            for (std::uint32_t i = 0; i < piece.opened; ++i) {
                memory.close(start);
            }
        }
    }
}

Stream& Process::stream(cudaStream_t handle) {
    const std::uint32_t gpu = current_gpu();
    use(gpu);
    Stream& found = streams.get(handle, current, gpu);
    refuse_broken(found.gpu);
    return found;
}

void Process::refuse_broken(std::uint32_t gpu) const {
    refuse_if(engine.failure(gpu) != cudaSuccess, engine.failure(gpu));
}

}  // namespace emulator
