#pragma once

#include <atomic>
#include <cstdint>

#include "support/cudart_emulator/control_layout.hpp"
#include "support/cudart_emulator/device_memory.hpp"

namespace emulator {

/// A place in the order of one queue: everything before `end`. Stays valid when the queue serves another stream.
struct Point {
    std::uint32_t queue = 0;
    std::uint64_t end = 0;
};

/// One thing that a stream does. Immutable from its submission until it is done, except where said.
struct Work {
    enum class Kind : std::uint8_t {
        nothing,
        copy,          ///< rows of bytes
        fill,          ///< rows of bytes with the byte `value`
        write_word,    ///< value to word
        wait_word,     ///< until word and value compare as `compare` says
        wait_point,    ///< for another queue of this process
        call,          ///< a function of this process, on a thread of its own
        pattern,       ///< a long kernel: writes pattern_word(value, i), in steps
        record_event,  ///< marks an interprocess event complete up to value
        wait_event,    ///< for one
    };

    Kind kind = Kind::nothing;
    bool wide = false;     ///< the word has 64 bits, else 32
    bool started = false;  ///< the engine's
    unsigned compare = 0;
    std::int64_t not_before_ns = 0;  ///< monotonic clock; synchronising calls hurry it
    Access to{};
    Access from{};
    std::uint64_t rows = 1;
    std::uint64_t row_bytes = 0;
    std::uint64_t to_pitch = 0;
    std::uint64_t from_pitch = 0;
    std::uint64_t value = 0;
    void* word = nullptr;
    Point point{};
    void (*function)(void*) = nullptr;
    void* argument = nullptr;
    EventRecord* event = nullptr;
    std::uint64_t event_id = 0;
    std::uint64_t steps = 1;
    std::uint64_t step = 0;                            ///< the engine's: steps done
    std::atomic<std::int64_t>* finished_ns = nullptr;  ///< set when done

    // For the client, once the work is done: a copy's staging memory, memory that a stream frees.
    void* staging = nullptr;
    void* release = nullptr;
};

/// A stream's work, in order. Clients submit, one at a time; the engine alone does and counts. They share no lock and
/// the engine frees nothing, so that an engine that outlives its client never waits for one that was killed.
struct Queue {
    static constexpr std::uint64_t kLength = 1024;

    std::atomic<std::uint64_t> submitted{0};  ///< release by clients, pairs with the engine's acquire
    std::atomic<std::uint64_t> done{0};       ///< release by the engine, pairs with clients' acquire
    std::atomic<std::uint64_t> hurried{0};    ///< work before this has no delay
    std::atomic<std::uint64_t> calls_wanted{0};
    std::atomic<std::uint64_t> calls_done{0};
    /// The last call wanted: written by the engine before it counts it, and not again before the call is done. Its
    /// place in the queue counts as done as soon as the device is broken.
    void (*function)(void*) = nullptr;
    void* argument = nullptr;
    std::uint32_t gpu = 0;      ///< whose work it is, for good
    std::uint64_t cleaned = 0;  ///< clients': work before this holds no staging memory
    bool taken = false;         ///< clients': serves a stream
    bool has_caller = false;    ///< clients': there is a thread for its calls
    Work work[kLength];

    [[nodiscard]] Work& at(std::uint64_t index) noexcept { return work[index % kLength]; }
};

}  // namespace emulator
