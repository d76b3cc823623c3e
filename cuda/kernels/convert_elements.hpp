#pragma once

#include <cstdint>

#include "kernels/convert_value.hpp"
#include "kernels/host_device.hpp"

namespace fastio::gpu {

/// Element i of a conversion.
template <class To, class From>
struct ConvertElements {
    To* to;
    const From* from;

    FASTIO_HOST_DEVICE void operator()(std::uint64_t i) const { to[i] = convert_value<To>(from[i]); }
};

}  // namespace fastio::gpu
