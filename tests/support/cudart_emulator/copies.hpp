#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "support/cudart_emulator/process.hpp"

namespace emulator {

/// Rows of bytes to move; one row for what is contiguous.
struct Rows {
    std::uint64_t count = 1;
    std::uint64_t bytes = 0;
    std::uint64_t to_pitch = 0;
    std::uint64_t from_pitch = 0;
};

/// How a call behaves towards the host. *Synchronous* ones still return early where CUDA says so (rule 61).
enum class Host : std::uint8_t { waits, goes_on };

/// Every cudaMemcpy. Refuses with 1 for pointers that `kind` does not fit, or that hold too few bytes.
void copy(Process& process, Stream& stream, void* to, const void* from, const Rows& rows, cudaMemcpyKind kind,
          Host host, Streams::Lock& lock);

/// Every cudaMemset. Refuses with 1 for what the device cannot reach.
void fill(Process& process, Stream& stream, void* to, int value, const Rows& rows, Host host, Streams::Lock& lock);

}  // namespace emulator
