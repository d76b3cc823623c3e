#pragma once

#include <cstdint>

#include <fastio/context.hpp>

/// What thrust_in_fastio_memory.cu computes with Thrust, for a test that g++ compiles.
namespace fastio::test {

/// Publishes 0, 1, ..., count - 1 as int64 from a thrust::device_vector that is gone when the call returns.
void publish_sequence(Context& context, const char* name, std::int64_t count);

/// The sum of what is published as `name`, in an order of streams that no host waits for.
[[nodiscard]] std::int64_t sum_of(Context& context, const char* name);

/// Doubles what is published as `name`, where it lies.
void double_in_place(Context& context, const char* name);

}  // namespace fastio::test
