#pragma once

#include <cstdint>

#include <fastio/data_type.hpp>
#include <fastio/stream.hpp>

/// Conversion between bool, int8 to int64, uint8 to uint64, float16, bfloat16, float32 and float64, each element alone:
///
/// - to an integer: towards zero; what is below or above its range, infinities included, gives its lowest or highest
///   value (it saturates); NaN gives 0
/// - to a float: the nearest value, of two equally near ones the even one; what is beyond the range gives infinity; NaN
///   stays NaN, with any payload
/// - to bool: 1 unless the element is 0 or -0; so NaN gives 1
/// - from bool: 0 for the byte 0, and 1 for every other
namespace fastio::gpu {

/// Queues the conversion of `count` elements at `from` to elements at `to`: device memory of the current device, each
/// aligned for its element, that does not overlap. Both types have equally many lanes. Without a stream it is done on
/// return.
///
/// Errors: unsupported (a complex type or one of the float8 kinds); invalid_argument (different lanes, a null pointer
/// or one that is not aligned where there are elements, more than 2^63 bytes); those of gpu::diagnose.
void convert(void* to, DataType to_type, const void* from, DataType from_type, std::uint64_t count, Stream stream = {});

/// The same on the host.
void convert_on_host(void* to, DataType to_type, const void* from, DataType from_type, std::uint64_t count);

}  // namespace fastio::gpu
