#pragma once

#include <chrono>
#include <cstdint>

#include <fastio/service.hpp>

#include "wire/messages.hpp"

/// What the service's rows say, in the public types.
namespace fastio::detail {

/// As the table and the rows have it, where 0 is `forever`.
[[nodiscard]] std::chrono::nanoseconds to_time_to_live(std::uint64_t ns) noexcept;
[[nodiscard]] ServiceTotals to_totals(const wire::TotalsReply& reply);
[[nodiscard]] ContextInfo to_info(const wire::ContextRow& row);
/// Without lifeline_holders.
[[nodiscard]] SessionInfo to_info(const wire::SessionRow& row);
[[nodiscard]] AllocationInfo to_info(const wire::AllocationRow& row);
[[nodiscard]] OperatorInfo to_info(const wire::OperatorRow& row);
/// Without attributes.
[[nodiscard]] PublicationInfo to_info(const wire::PublicationRow& row);

}  // namespace fastio::detail
