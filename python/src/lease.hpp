#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include <fastio/allocation.hpp>

namespace fastio::python {

/// A C++ Allocation with all that keeps it: the Python object, and the arrays that were made of it. The last one drops
/// the lease, in any thread, with or without the GIL.
///
/// *Thread safety.* An Allocation is not synchronised, and Python's threads meet in it wherever a call lets go of the
/// GIL. So every use of `allocation` holds `mutex`. Nobody waits for the mutex with the GIL, because who holds it may
/// be waiting for a service, a GPU, or the GIL: see lock_with_gil.
class Lease {
public:
    explicit Lease(Allocation&& owned) noexcept : allocation(std::move(owned)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();

    /// An array works in this stream; without one, nobody knows where. Under the mutex.
    void use_in(Stream stream);
    /// Somebody uses the memory where nobody knows. Needs no mutex.
    void use_anywhere() noexcept { anywhere_.store(true, std::memory_order_relaxed); }
    /// The contents were made, or are waited for, in this stream. Under the mutex.
    void make_in(Stream stream) noexcept;
    /// For the last user, who is giving the memory up behind `stream`: the stream, made to wait for what arrays were
    /// used for; no stream where it cannot be, and all of the device has to be waited for. Under the mutex. Errors: as
    /// Allocation::order.
    [[nodiscard]] Stream end_in(Stream stream) const;
    /// Gives the memory up behind `stream`, or behind all of the device where that cannot be. Under the mutex.
    void release(Stream stream) noexcept;

    /// In another one, which was forked, the mutex may be held by a thread that is not there.
    [[nodiscard]] bool is_of_this_process() const noexcept { return made_in_ == ::getpid(); }

    std::timed_mutex mutex;
    Allocation allocation;
    bool read_only = false;

private:
    pid_t made_in_ = ::getpid();
    // A lease may end long after, in any thread. There the legacy default stream alone is what it was: a thread's
    // default stream is another one, and a stream that somebody made may be destroyed, or its handle another stream's.
    bool in_legacy_ = false;
    std::atomic<bool> anywhere_{false};  // in a thread's default stream, or where nobody knows
    bool made_elsewhere_ = false;        // the contents, not in the legacy default stream
    std::vector<Stream> streams_{};      // that somebody made; the handles are compared only
};

using LeasePtr = std::shared_ptr<Lease>;

}  // namespace fastio::python
