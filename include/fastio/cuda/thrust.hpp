#pragma once

#include <thrust/device_ptr.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include <fastio/allocation.hpp>
#include <fastio/data_type.hpp>
#include <fastio/error.hpp>

/// Ranges for Thrust over memory that Fast I/O holds:
///
///     thrust::sort(thrust::cuda::par.on(stream), fastio::cuda::begin<float>(a), fastio::cuda::end<float>(a));
///
/// The iterators are device pointers: they own nothing, and are valid until the Allocation gives up its lease.
namespace fastio::cuda {

namespace detail {

/// Where T has a DataType, it must be the allocation's; else its size must be that of the elements. std::byte goes with
/// everything.
template <class T>
void check_elements(const Allocation& allocation) {
    using Value = std::remove_cv_t<T>;
    const DataType type = allocation.type();
    std::string wanted = "elements of " + std::to_string(sizeof(T)) + " bytes";
    bool fits = std::is_same_v<Value, std::byte> || sizeof(T) == type.size_bytes();
    if constexpr (requires { TypeOf<Value>::value; } && !std::is_same_v<Value, std::byte>) {
        wanted = to_string(type_of<Value>());
        fits = type == type_of<Value>();
    }
    if (!fits) {
        throw Error(Errc::invalid_argument, "a range of " + wanted + " over '" + std::string(allocation.name()) +
                                                "', which has elements of type " + to_string(type) + " and " +
                                                std::to_string(type.size_bytes()) +
                                                " bytes: name its type, or std::byte for its bytes");
    }
    if (allocation.device() == "host") {
        throw Error(Errc::unsupported, "a range for the GPU over '" + std::string(allocation.name()) +
                                           "', which is in the host's memory: use as_span");
    }
}

}  // namespace detail

/// The first element of the allocation as one of T (const or not), and where the elements end. T is what the allocation
/// holds: the C++ type of its DataType; or one of the same size that type_of does not know; or std::byte, for its
/// bytes. Errors: invalid_argument (another type), unsupported (memory of the host), released, forked.
template <class T>
[[nodiscard]] thrust::device_ptr<T> begin(const Allocation& allocation) {
    detail::check_elements<T>(allocation);
    return thrust::device_ptr<T>(allocation.data<T>());
}

template <class T>
[[nodiscard]] thrust::device_ptr<T> end(const Allocation& allocation) {
    const std::uint64_t bytes = allocation.count() * allocation.type().size_bytes();
    return begin<T>(allocation) + static_cast<std::ptrdiff_t>(bytes / sizeof(T));
}

/// The same, to read only.
template <class T>
[[nodiscard]] thrust::device_ptr<const T> cbegin(const Allocation& allocation) {
    return begin<const T>(allocation);
}

template <class T>
[[nodiscard]] thrust::device_ptr<const T> cend(const Allocation& allocation) {
    return end<const T>(allocation);
}

}  // namespace fastio::cuda
