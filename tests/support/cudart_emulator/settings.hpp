#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace emulator {

/// How this process's emulated driver and GPUs behave. Read from the environment at the process's first CUDA call; each
/// switch and its values stand in README.md. `fake machine` below means all processes with the same folder.
struct Settings {
    enum class Driver { present, missing, stub, no_gpu };
    enum class Executor { thread, process };

    // The fake machine: the process that makes it decides; the others take what they find.
    std::string folder{};  ///< empty: the user's own
    std::uint32_t gpus = 2;
    std::uint64_t memory_bytes = std::uint64_t{1} << 30;  ///< of each GPU

    // What this process finds.
    Driver driver = Driver::present;
    int driver_version = CUDART_VERSION;
    int compute_mode = cudaComputeModeDefault;
    std::optional<std::uint32_t> compute_mode_gpu{};  ///< of the machine, whose mode it is; none: of all
    bool peer_to_peer = true;
    std::uint32_t max_peers = 8;
    bool stream_memory_operations = true;

    // When work runs.
    Executor executor = Executor::thread;
    std::chrono::nanoseconds delay = std::chrono::microseconds(100);  ///< unless something synchronises
    std::chrono::nanoseconds step = std::chrono::milliseconds(1);     ///< between the steps of a long kernel
    std::chrono::nanoseconds linger{0};                               ///< that the GPU works on for a dead process
    bool linger_until_told = false;
    std::uint64_t seed = 1;  ///< of the choice between streams that could go on

    // What memory does.
    bool dirty = true;  ///< fresh memory has contents
    bool late_pageable_copies = false;
    bool free_poisons_importers = false;
    bool death_poisons_importers = false;
    bool strict_close = false;
    bool strict_free = false;
    std::uint64_t out_of_memory_after = ~std::uint64_t{0};  ///< bytes that this process may have

    // What opening a handle gives where no rule is certain.
    bool already_mapped = false;  ///< 208 while a freed allocation of that address is open
    bool other_kernel = false;    ///< 400 always, as on WSL2
    cudaError_t dead_exporter = cudaErrorInvalidValue;
    cudaError_t other_flags = cudaErrorInvalidValue;
    cudaError_t imported_export = cudaErrorInvalidValue;
    std::uint32_t max_events = 2'000;  ///< interprocess events of this process

    // What is refused or delayed; see faults.hpp.
    std::string failures{};
    std::string fault_file{};  ///< empty: none
    std::string delays{};

    /// Errors: std::invalid_argument, which names the variable and the value, also for a name that no switch has.
    [[nodiscard]] static Settings from_environment();
    /// Changes one switch. `name` is that of the environment variable. Errors: as from_environment.
    void set(const std::string& name, const std::string& value);

    [[nodiscard]] int compute_mode_of(std::uint32_t gpu) const noexcept {
        return compute_mode_gpu.value_or(gpu) == gpu ? compute_mode : cudaComputeModeDefault;
    }
};

}  // namespace emulator
