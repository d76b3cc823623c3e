#pragma once

#include <cstdint>

#include <fastio/context.hpp>

#include "client/allocation_impl.hpp"
#include "client/client.hpp"
#include "core/shape.hpp"

namespace fastio::detail {

/// `bytes` of memory that the service holds for us. Errors: as Context::create.
[[nodiscard]] AllocationPtr create(Client& client, std::uint64_t bytes, DataType type, const Shape& shape,
                                   const CreateOptions& options);

}  // namespace fastio::detail
