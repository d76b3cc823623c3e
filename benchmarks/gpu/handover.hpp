#pragma once

#include <cstdint>

namespace fastio::gpu_bench {

/// How one process's kernel is ordered behind another's.
enum class Mechanism : std::uint64_t {
    stream_words,  ///< publish and get on streams: what Fast I/O does
    ipc_events,    ///< an interprocess event, and a message that says that it was recorded
    host,          ///< the producer waits for its stream and sends a message
};

/// The round's number goes through device memory, so that a figure comes only from right contents. `number` of a
/// message is the mechanism; `value` of the answer is the consumer's time, and `handle` begins with what it read.
inline constexpr const char* kFrame = "frame";

}  // namespace fastio::gpu_bench
