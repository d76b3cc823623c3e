#pragma once

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

    /// An array works in this stream: the lease is dropped behind what is queued there then. The stream lives at least
    /// as long as the array. Under the mutex.
    void use_in(Stream stream);

    std::timed_mutex mutex;
    Allocation allocation;
    Stream own_stream{};  ///< that the contents were made or waited for in; later uses elsewhere come after it
    bool read_only = false;

private:
    std::vector<Stream> streams_{};
};

using LeasePtr = std::shared_ptr<Lease>;

}  // namespace fastio::python
