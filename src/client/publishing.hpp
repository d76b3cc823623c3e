#pragma once

#include <cstdint>
#include <string_view>

#include <fastio/allocation.hpp>
#include <fastio/context.hpp>

#include "client/allocation_impl.hpp"
#include "client/client.hpp"
#include "core/shape.hpp"

/// The life of an allocation as its holder drives it (design P4).
namespace fastio::detail {

/// `bytes` of memory that the service holds for us. Errors: as Context::create.
[[nodiscard]] AllocationPtr create(Client& client, std::uint64_t bytes, DataType type, const Shape& shape,
                                   const CreateOptions& options);

/// Errors: as Allocation::publish.
void publish(AllocationImpl& impl, std::string_view name, const PublishOptions& options);

/// Removes all names and the claim. Errors: service_lost, context_closed, forked; the claim is as it was then.
void free(AllocationImpl& impl);

/// Gives the claim back, whatever it is. Does nothing in a forked child, and loses nothing when the service is gone.
void drop_claim(AllocationImpl& impl) noexcept;

}  // namespace fastio::detail
