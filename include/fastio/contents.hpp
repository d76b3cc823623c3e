#pragma once

#include <fastio/export.hpp>

namespace fastio {

/// Whether what is published can be read.
enum class Contents : int {
    complete,  ///< a get gives it at once
    pending,   ///< its producer's stream has not completed it yet: a get waits, on the host or in its stream
    lost,      ///< its producer died first, or the service's --fence-limit passed: a get throws producer_lost
};

/// The spelling of a Contents, e.g. "pending"; "unknown" for a number outside the enum.
[[nodiscard]] FASTIO_EXPORT const char* to_string(Contents contents) noexcept;

}  // namespace fastio
