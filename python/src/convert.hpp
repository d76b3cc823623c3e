#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/allocation.hpp>
#include <fastio/data_type.hpp>
#include <fastio/stream.hpp>

#include "module.hpp"

/// From what Python callers write to what the C++ interface takes, and back. Each of the first says in its error which
/// call was given what. They need the GIL.
namespace fastio::python {

/// A fastio.DataType, anything that numpy.dtype() takes, a torch.dtype, or the name of a type. Errors: TypeError;
/// invalid_argument for what has no element type of DLPack: objects, texts, dates, structures, swapped bytes.
[[nodiscard]] DataType to_data_type(nb::handle value, const char* call);

/// The numpy.dtype of a type; a null object where NumPy has none. Kept for the life of the process.
[[nodiscard]] nb::object numpy_dtype(DataType type);
/// The numpy.dtype, or a fastio.DataType where NumPy has none.
[[nodiscard]] nb::object to_python(DataType type);

/// How a type is written in `__array_interface__` ("<f4") and in the buffer protocol ("f"; PEP 3118). Null where NumPy
/// has no such type.
[[nodiscard]] const char* array_typestr(DataType type) noexcept;
[[nodiscard]] const char* buffer_format(DataType type) noexcept;

/// An int, or what has `__index__`; not a bool. Errors: TypeError; invalid_argument where it is below `least` or does
/// not fit into 64 bits.
[[nodiscard]] std::int64_t to_int64(nb::handle value, const char* call, const char* what, std::int64_t least);

/// A sequence of extents, or one extent. Errors as to_int64.
[[nodiscard]] std::vector<std::int64_t> to_dimensions(nb::handle value, const char* call);

[[nodiscard]] nb::tuple to_tuple(std::span<const std::int64_t> values);

/// Seconds as int or float; None and infinity are fastio::forever. Errors: TypeError; invalid_argument (negative, not a
/// number).
[[nodiscard]] std::chrono::nanoseconds to_duration(nb::handle seconds, const char* call, const char* what);

/// Seconds above 0 as int or float; None is fastio::forever. Errors: TypeError; invalid_argument.
[[nodiscard]] std::chrono::nanoseconds to_time_to_live(nb::handle seconds, const char* call);

/// None is no stream. An int is a cudaStream_t, 0 the legacy default stream; an object has `__cuda_stream__()` (its
/// second value), `cuda_stream` (PyTorch) or `ptr` (CuPy). Errors: TypeError.
[[nodiscard]] Stream to_stream(nb::handle value, const char* call);
/// The number that DLPack and the CUDA array interface give a stream: 1 for the legacy default stream, never 0.
[[nodiscard]] std::intptr_t stream_number(Stream stream) noexcept;
[[nodiscard]] bool is_legacy_default(Stream stream) noexcept;
/// A stream of each thread under one handle.
[[nodiscard]] bool is_per_thread_default(Stream stream) noexcept;

/// A mapping of texts; None is not given. Errors: TypeError.
[[nodiscard]] OptionalAttributes to_attributes(nb::handle value, const char* call);

[[nodiscard]] nb::dict to_dict(const Attributes& attributes);
[[nodiscard]] nb::str to_str(std::string_view text);

/// A text. Errors: TypeError; invalid_argument where it cannot be UTF-8.
[[nodiscard]] std::string to_name(nb::handle value, const char* call);

}  // namespace fastio::python
