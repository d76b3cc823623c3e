#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

#include "support/cudart_emulator/control.hpp"
#include "support/cudart_emulator/device_memory.hpp"
#include "support/cudart_emulator/devices.hpp"
#include "support/cudart_emulator/engine.hpp"
#include "support/cudart_emulator/events.hpp"
#include "support/cudart_emulator/faults.hpp"
#include "support/cudart_emulator/host_memory.hpp"
#include "support/cudart_emulator/settings.hpp"
#include "support/cudart_emulator/streams.hpp"

namespace emulator {

/// What is known before a driver is looked for.
struct Surroundings {
    Settings settings;
    Faults faults{};

    /// Reads the environment once; ends the process with a message if a switch makes no sense.
    [[nodiscard]] static Surroundings& get();

private:
    Surroundings();
};

/// All that the emulated driver keeps for this process. Made at the first call that needs a driver, never destroyed:
/// threads of the program may call until the process is gone.
class Process {
public:
    [[nodiscard]] static Process& get();
    /// Null before the first call, and in a forked child.
    [[nodiscard]] static Process* if_there() noexcept;
    /// True in a child of fork whose parent had used CUDA before.
    [[nodiscard]] static bool is_forked() noexcept;

    [[nodiscard]] Streams::Lock lock() { return Streams::Lock(mutex_); }

    /// The calling thread's. Refuses with 100 if there is none.
    [[nodiscard]] int current_ordinal() const;
    [[nodiscard]] std::uint32_t current_gpu() const { return devices.gpu(current_ordinal()); }
    void make_current(int ordinal);
    /// Takes a context on the GPU for this process. Refuses with 46 where its compute mode forbids that.
    void use(std::uint32_t gpu);
    /// Refuses with 400 for what is no stream, and with the failure of its GPU.
    [[nodiscard]] Stream& stream(cudaStream_t handle);
    void refuse_broken(std::uint32_t gpu) const;
    /// Gives back all that this process has on the GPU. No work may be left.
    void reset(std::uint32_t gpu);

    Settings& settings;
    Control control;
    Devices devices;
    DeviceMemory memory;
    HostMemory host{};
    Engine engine;
    Streams streams;
    Events events;
    std::set<std::pair<std::uint32_t, std::uint32_t>> peers{};  ///< (from, to): access was asked for

private:
    explicit Process(Settings& switches);
    ~Process() = default;

    std::mutex mutex_;
    std::uint32_t contexts_ = 0;
};

}  // namespace emulator
