#pragma once

#include <cstdint>

#include <fastio/error.hpp>

namespace fastio::service {

/// What went wrong since the service's start, for metrics.
struct Troubles {
    // Requests that were refused for want of room, by the error that the client got.
    std::uint64_t out_of_memory = 0;
    std::uint64_t quota_exceeded = 0;
    std::uint64_t table_full = 0;
    std::uint64_t lease_limit = 0;
    // Publications whose contents were lost, by the cause.
    std::uint64_t fence_limit = 0;
    std::uint64_t producer_ended = 0;

    /// Errors that are about something else do not count.
    void count_refusal(Errc code) noexcept {
        switch (code) {
            case Errc::out_of_memory:
                ++out_of_memory;
                break;
            case Errc::quota_exceeded:
                ++quota_exceeded;
                break;
            case Errc::table_full:
                ++table_full;
                break;
            case Errc::lease_limit:
                ++lease_limit;
                break;
            default:
                break;
        }
    }
};

}  // namespace fastio::service
