#pragma once

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

/// Tells the thread sanitizer what it cannot see. Contents are ordered through the table and the lease pages, which an
/// embedded service and its clients map at different addresses of one process: the sanitizer goes by the address and
/// takes the store and the load for unrelated. Each pair below is one that table and wire keep. Nothing in other
/// builds.
namespace fastio::detail {

/// What was done before is seen by everybody who calls acquire_contents with this address later.
inline void release_contents([[maybe_unused]] std::byte* at) noexcept {
#if defined(__SANITIZE_THREAD__)
    __tsan_release(at);
#endif
}

inline void acquire_contents([[maybe_unused]] std::byte* at) noexcept {
#if defined(__SANITIZE_THREAD__)
    __tsan_acquire(at);
#endif
}

}  // namespace fastio::detail
