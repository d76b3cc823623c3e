#pragma once

#include <cstddef>
#include <cstdint>

/// What tests may ask of the CUDA runtime emulator, without linking it: the functions are looked up in whatever
/// libcudart the program was loaded with. No CUDA header is needed; streams are cudaStream_t, codes cudaError_t.
namespace cudart_emulator {

/// The emulator's own interface. Everything here concerns the calling process unless said otherwise.
struct Api {
    /// Counts up with every change of this interface. A libcudart that has this symbol is no GPU's.
    int (*version)();

    /// Where the host can reach device memory (or host memory that CUDA knows: the pointer itself). Null if it is
    /// neither. Valid until the memory is freed or closed.
    void* (*host_alias)(const void* device);
    /// A "kernel": a host function in stream order that may use device memory through host_alias. It may block.
    int (*launch)(void* stream, void (*function)(void*), void* argument);
    /// A kernel that also runs while the engine works on for a killed process: writes pattern_word(seed, i) to the
    /// 64-bit words of [data, data + bytes) in `steps` equal parts, one every FASTIO_EMU_STEP_US.
    int (*launch_pattern)(void* stream, void* data, std::size_t bytes, std::uint64_t seed, std::uint64_t steps);
    /// A kernel that spins until *word >= value. The word may be any host memory of this process.
    int (*spin_until)(void* stream, const std::uint64_t* word, std::uint64_t value);

    /// Changes a switch, by the name of its environment variable. Switches of the machine and the executor cannot be
    /// changed. 0, or 1 if there is no such switch or value.
    int (*set)(const char* name, const char* value);
    /// The nth next call (1: the very next) of the function `call` ("*": of any) gives `code`, and all later ones too
    /// if `forever`.
    void (*fail_call)(const char* call, int code, std::uint64_t nth, int forever);
    /// From now on every call about that GPU gives `code`: 700 as after a stray kernel, 46 as after a lost device. Its
    /// queued work is gone. `device` as this process counts; the others go on.
    void (*break_device)(int device, int code);
    /// How often a function was called.
    std::uint64_t (*calls)(const char* call);

    /// A closed gate holds every call of a function, in all processes of the machine, before it does anything.
    void (*close_gate)(const char* call);
    void (*open_gate)(const char* call);
    /// Returns once `arrivals` calls, counted since the gate was closed, came to it.
    void (*wait_at_gate)(const char* call, std::uint32_t arrivals);

    /// Engines that work on for dead processes until told (FASTIO_EMU_LINGER_MS=told) end. Concerns the machine.
    void (*release_engines)();
    /// Returns once no engine works for a dead process. Concerns the machine.
    void (*wait_for_engines)();
    /// The process that is this one's engine; 0 if that is a thread.
    int (*engine_process)();
};

/// The interface of the emulator if this program was loaded with it; null on a real runtime.
[[nodiscard]] const Api* find();

/// What launch_pattern writes.
[[nodiscard]] constexpr std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) noexcept {
    std::uint64_t word = seed + (index + 1) * 0x9E37'79B9'7F4A'7C15U;
    word = (word ^ (word >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
    word = (word ^ (word >> 27U)) * 0x94D0'49BB'1331'11EBU;
    return word ^ (word >> 31U);
}

}  // namespace cudart_emulator
