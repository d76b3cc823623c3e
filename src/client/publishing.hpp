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

/// For who has work to do before it can publish. Errors: invalid_argument, for a name, attributes or a time to live
/// that publish would not take.
void check_publication(std::string_view name, const PublishOptions& options);

/// Errors: as Allocation::publish.
void publish(AllocationImpl& impl, std::string_view name, const PublishOptions& options);

/// Removes all names and the claim; the claim goes behind the stream's work, or without a stream behind all work of
/// this process on the device. Errors: service_lost, service_unreachable, context_closed, forked, device_error; the
/// claim is as it was then, but none where the call was given up.
void free(AllocationImpl& impl, Stream stream);

/// Removes all names; the claim, which is a lease afterwards, stays. Errors: as Allocation::unpublish.
void unpublish(AllocationImpl& impl);

/// Gives the claim back, whatever it is: behind all work of this process on the device. Does nothing in a forked child,
/// and loses nothing when the service is gone.
void drop_claim(AllocationImpl& impl) noexcept;
/// The same behind the stream's work. Errors: device_error, lease_limit, service_lost; the claim is as it was then.
void drop_claim_behind(AllocationImpl& impl, Stream stream);
/// The same now: no work on the memory is left.
void drop_claim_now(AllocationImpl& impl) noexcept;

/// What becomes of a claim in the end. The service is told where it would not find out.
void drop_lease_now(Client& client, table::AllocationRef allocation, std::uint32_t entry) noexcept;
void drop_hold_now(Client& client, table::AllocationRef allocation) noexcept;

}  // namespace fastio::detail
