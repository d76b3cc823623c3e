#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace fastio::detail {

struct AllocationImpl;

struct FreeStaged {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }  // NOLINT(cppcoreguidelines-no-malloc)
};
/// A private copy of an allocation's contents, aligned as allocations are.
using StagedMemory = std::unique_ptr<std::byte[], FreeStaged>;

/// True when $FASTIO_FORCE_STAGING is "1": every get then moves the contents through the device's copy into memory of
/// this process, as it would have to where memory cannot be mapped. For seeing what zero copy saves, and for testing
/// that copies are counted. What is written into such memory stays in this process.
[[nodiscard]] bool staging_is_forced() noexcept;

/// Gives `impl`, which has its lease and its address, a private copy, and counts the bytes here and at the service.
/// Errors: out_of_memory, device_error.
void stage(AllocationImpl& impl);

}  // namespace fastio::detail
