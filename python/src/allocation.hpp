#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "gil.hpp"
#include "lease.hpp"
#include "members.hpp"
#include "module.hpp"

namespace fastio::python {

/// The lease's mutex, for a thread that has the GIL and keeps it, but for while it waits. Signals are handled
/// meanwhile; throws what a handler raises.
[[nodiscard]] std::unique_lock<std::timed_mutex> lock_with_gil(Lease& lease);
/// The lease's mutex for a call that lets go of the GIL. The mutex goes before the GIL is taken again: nobody waits for
/// the GIL with it, which a fork or the interpreter's end would keep for ever.
class LockedWithoutGil {
public:
    explicit LockedWithoutGil(Lease& lease) : LockedWithoutGil(lock_with_gil(lease)) {}

private:
    explicit LockedWithoutGil(std::unique_lock<std::timed_mutex> lock) noexcept : lock_(std::move(lock)) {}

    WithoutGil unlocked_;
    std::unique_lock<std::timed_mutex> lock_;
};
/// As lock_with_gil, for who cannot pass on what a handler raises: without the mutex where SIGINT waits for its
/// handler.
[[nodiscard]] std::unique_lock<std::timed_mutex> lock_unless_interrupted(Lease& lease);

/// The stream that an allocation's contents were made or waited for in: later uses elsewhere come after it.
struct OwnStream {
    Stream stream{};
    nb::object given{};  ///< what Python gave for it, so that a stream's object keeps the stream
};

/// What Python knows as FastIOAllocation: a reference to a lease, which arrays made of it share. All but what says
/// otherwise needs the GIL, and lets go of it while it waits.
class PyAllocation : public Member {
public:
    PyAllocation(Allocation&& allocation, OwnStream own_stream, Members& of_context);
    PyAllocation(PyAllocation&&) noexcept = default;
    PyAllocation& operator=(PyAllocation&&) = delete;
    PyAllocation(const PyAllocation&) = delete;
    ~PyAllocation() = default;

    /// Errors: released; context_closed where the end of an execute handler released it.
    [[nodiscard]] const LeasePtr& lease() const;
    [[nodiscard]] bool is_released() const noexcept { return lease_ == nullptr; }

    /// Runs `use(Allocation&)` under the lease's mutex. It must not call Python, whose collector may run anything, also
    /// what wants the mutex.
    template <class Use>
    decltype(auto) with(Use&& use) const {
        const LeasePtr held = lease();
        const std::unique_lock lock = lock_with_gil(*held);
        return std::invoke(std::forward<Use>(use), held->allocation);
    }

    void publish(const std::string& name, const PublishOptions& options, nb::handle given_stream);
    void release(Stream stream);
    void release_completed();
    void free(Stream stream);
    /// The execute handler has returned.
    void end_with_handler();

    /// As seen by this thread: instead of another thread's default stream the legacy one, which waits for that.
    [[nodiscard]] OwnStream own_stream() const;
    /// Not under the lease's mutex.
    void set_own_stream(OwnStream own);

    /// For Python's collector of cycles: a stream's object may hold this one.
    static int traverse(PyObject* self, visitproc visit, void* arg) noexcept;
    static int clear(PyObject* self) noexcept;

    /// A library holds this object itself, not an export of it: from now on release() keeps the lease as long as the
    /// object lives.
    void lend_object() noexcept { is_lent_ = true; }

private:
    /// What nobody needs of own_stream_ any more. When it ends it may run anything, also this object's end.
    [[nodiscard]] OwnStream end_own_stream();
    /// Whether anybody but this object and the caller has a share.
    [[nodiscard]] bool is_shared(const LeasePtr& held) const noexcept;

    LeasePtr lease_;
    OwnStream own_stream_;
    std::uint64_t own_thread_ = 0;  ///< that gave own_stream_, as Python numbers threads
    LeasePtr kept_;                 ///< after release(), for those who hold this object
    bool is_lent_ = false;
    bool handler_ended_ = false;
};

}  // namespace fastio::python
