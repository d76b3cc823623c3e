#pragma once

#include <array>
#include <cstdint>

namespace fastio::table {

/// The kernel's id of this boot, as TableHeader::boot_id holds it. Errors: io_error.
[[nodiscard]] std::array<std::uint8_t, 16> read_boot_id();

}  // namespace fastio::table
