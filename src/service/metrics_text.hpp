#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "service/troubles.hpp"
#include "service/user_limits.hpp"
#include "wire/messages.hpp"

namespace fastio::service {

/// What one device holds for all contexts.
struct DeviceFigures {
    std::string name{};
    std::uint64_t bytes_pool_max = 0;
    std::uint64_t bytes_reserved = 0;   ///< in slabs, those on their way in or out included
    std::uint64_t bytes_in_use = 0;     ///< in allocations
    std::uint64_t bytes_held_back = 0;  ///< of freed memory, with Options::debug_memory
};

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// The service's figures in Prometheus' text format, version 0.0.4. Sums only: names of jobs and users would be labels
/// without bound, and nobody's business who may only scrape.
/// `oldest_pending` is the age of the publication whose contents are awaited for longest; 0 where none is.
[[nodiscard]] std::string metrics_text(const wire::TotalsReply& totals, const Usage& usage, const Troubles& troubles,
                                       std::chrono::nanoseconds oldest_pending, std::span<const DeviceFigures> devices);

}  // namespace fastio::service
