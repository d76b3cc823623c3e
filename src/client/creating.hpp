#pragma once

#include <cstdint>

#include <fastio/context.hpp>

#include "client/allocation_impl.hpp"
#include "client/client.hpp"
#include "core/shape.hpp"

namespace fastio::detail {

/// Whether the memory is to be on the context's own device.
[[nodiscard]] inline bool is_own_device(const CreateOptions& options) noexcept {
    return options.device.empty() || options.device == "auto";
}

/// What the caller does in CreateOptions::stream before anybody else does: a copy is refused beforehand where the
/// stream is being captured, or another GPU's.
enum class StreamUse : std::uint8_t { none, copies };

/// `bytes` of memory that the service holds for us. Errors: as Context::create.
[[nodiscard]] AllocationPtr create(Client& client, std::uint64_t bytes, DataType type, const Shape& shape,
                                   const CreateOptions& options, StreamUse use = StreamUse::none);

}  // namespace fastio::detail
