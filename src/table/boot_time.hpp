#pragma once

#include <cstdint>
#include <ctime>

namespace fastio::table {

/// The clock of PublicationRecord::published_ns: the same in every process, and it counts while the machine sleeps.
[[nodiscard]] inline std::uint64_t boot_time_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace fastio::table
