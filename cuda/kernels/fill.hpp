#pragma once

#include <cstdint>

#include <fastio/data_type.hpp>
#include <fastio/stream.hpp>

namespace fastio::gpu {

/// Sets `count` elements at `to`, device memory of the current device, to the element at `value`, host memory that is
/// read before the call returns. Any element of 1 to 256 bytes, at any address. Without a stream it is done on return.
///
/// Errors: invalid_argument (a type that is_valid refuses; a null pointer and a count above 0; more than 2^63 bytes);
/// those of gpu::diagnose.
void fill(void* to, std::uint64_t count, DataType type, const void* value, Stream stream = {});

template <class T>
void fill(T* to, std::uint64_t count, const T& value, Stream stream = {}) {
    fill(to, count, type_of<T>(), &value, stream);
}

/// The same on the host, word by word as the kernel does it. Errors: invalid_argument.
void fill_on_host(void* to, std::uint64_t count, DataType type, const void* value);

}  // namespace fastio::gpu
