#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fastio/data_type.hpp>
#include <fastio/error.hpp>
#include <fastio/export.hpp>
#include <fastio/stream.hpp>

namespace fastio {

/// A timeout, or a time to live, that never ends.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// String pairs that travel with a publication, at most 4 KiB in all (keys and values, plus 4 bytes per pair).
using Attributes = std::map<std::string, std::string, std::less<>>;

/// Attributes that were given, or none: `Attributes{}` is given and empty, `{}` is not given.
class OptionalAttributes : public Attributes {
public:
    OptionalAttributes() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): attributes are written where an option asks for them
    OptionalAttributes(Attributes given) : Attributes(std::move(given)), is_given_(true) {}
    OptionalAttributes(std::initializer_list<value_type> given) : Attributes(given), is_given_(true) {}

    /// True also when some were put in one by one.
    [[nodiscard]] bool is_given() const noexcept { return is_given_ || !empty(); }

private:
    bool is_given_ = false;
};

struct PublishOptions {
    Stream stream = {};    ///< complete when the work enqueued here so far is; none: when the call returns
    bool replace = false;  ///< a taken name moves to this allocation instead of already_exists
    OptionalAttributes attributes = {};  ///< copied into the publication; not given: those that the Allocation has,
                                         ///< from the publish or get before. `Attributes{}`: none
    std::chrono::nanoseconds time_to_live = forever;  ///< after it the service removes the name, if it still has this
                                                      ///< version, as unpublish would; whoever holds the memory keeps
                                                      ///< it. By CLOCK_MONOTONIC; never earlier, and soon after
};

struct CopyOptions {
    Stream stream = {};        ///< enqueue the copy here; none: the copy is done when the call returns
    std::uint64_t offset = 0;  ///< bytes from the start of the allocation
};

namespace detail {
struct AllocationImpl;
struct AllocationImplDeleter {
    FASTIO_EXPORT void operator()(AllocationImpl* impl) const noexcept;
};
struct AllocationAccess;
}  // namespace detail

/// One process's claim (lease) on a region of device memory, with its own copy of the metadata. Made by
/// Context::create and Context::get, which differ in nothing but where the metadata comes from: what was got can be
/// changed, published under further names and freed like what was created.
///
/// *Ownership.* Move-only; the destructor releases. The memory stays as long as any lease or any name refers to it. An
/// Allocation may outlive its Context: the connection stays until the last Allocation is gone.
///
/// *Threads.* Different Allocations may be used from different threads. One Allocation is not synchronised: const
/// members may run together, the others alone.
///
/// *When another process dies.* A publisher's death does not touch what it completely published. If the contents that
/// this `get` gave were never completed, check() throws producer_lost. When the service dies the mapping stays readable
/// and writable until released (on the host; what a GPU does then is not known yet); calls that need the service throw
/// service_lost.
///
/// *Errors of every call*, below named only where there is more to say: `released` after release() or free(), or when
/// moved from; `forked` in a child made by fork(), whose destructors leave the parent's lease alone. Calls that ask the
/// service, which are publish, free and unpublish, can also fail as Context's do: context_closed, service_lost,
/// service_unreachable, device_unavailable, out_of_memory, io_error. Destructor, assignment and `operator bool` never
/// throw.
class FASTIO_EXPORT Allocation {
public:
    /// Refers to nothing.
    Allocation() noexcept;
    Allocation(Allocation&& other) noexcept;
    Allocation& operator=(Allocation&& other) noexcept;
    Allocation(const Allocation&) = delete;
    Allocation& operator=(const Allocation&) = delete;
    /// Releases; never throws.
    ~Allocation();

    /// True while this object holds a lease.
    [[nodiscard]] explicit operator bool() const noexcept;

    /// The address in this process: of host memory on the device "host", of device memory on "cuda:N". It differs from
    /// process to process. Valid until the lease is dropped.
    [[nodiscard]] void* data() const;

    /// data() as a `T*`, which is not checked against type(). `T` may be `void` or const.
    template <class T>
    [[nodiscard]] T* data() const {
        return static_cast<T*>(data());
    }

    /// The elements as a span of `T`, size() / sizeof(T) of them. On a GPU the span is for kernels: the host must not
    /// read it. Errors: invalid_argument where sizeof(T) does not divide size().
    template <class T>
    [[nodiscard]] std::span<T> as_span() const {
        return {static_cast<T*>(data()), span_count(sizeof(T))};
    }

    /// Bytes as asked for at create: type().size_bytes() * count() unless set_type_and_dimensions shrank the metadata.
    [[nodiscard]] std::uint64_t size() const;

    /// Elements: the product of dimensions(); 1 for a scalar, 0 for an empty array.
    [[nodiscard]] std::uint64_t count() const;

    [[nodiscard]] DataType type() const;

    /// Elements per dimension, outermost first, at most 8; empty for a scalar. Valid until the object changes.
    [[nodiscard]] std::span<const std::int64_t> dimensions() const;

    /// As they were got or last published by this object; empty for what was created. Valid until the object changes.
    [[nodiscard]] const Attributes& attributes() const;

    /// "host" or "cuda:N", N as this process numbers its GPUs.
    [[nodiscard]] std::string device() const;

    /// The name this object was got by or last published under; empty before the first publish. Valid until the object
    /// changes.
    [[nodiscard]] std::string_view name() const;

    /// The version of that publication, from one counter per context; 0 before the first publish.
    [[nodiscard]] std::uint64_t version() const;

    /// Changes this object's metadata, not the memory and not what is already published. Errors: invalid_argument when
    /// `dimensions` are more than 8, negative, overflow, or need more than size() bytes.
    void set_type_and_dimensions(DataType type, std::span<const std::int64_t> dimensions);
    void set_type_and_dimensions(DataType type, std::initializer_list<std::int64_t> dimensions);

    /// Binds `name` to this memory with a copy of the present metadata, attributes included; any process of the job can
    /// then get it. May be called again, under further names, by every holder. With a stream the publication is
    /// complete when the stream's work so far is; without one the call waits for the device first.
    ///
    /// Do not write to published memory while others may hold it: nothing prevents it, and they would read a mixture of
    /// old and new contents. Create a new allocation for each frame instead; the context's memory is recycled.
    ///
    /// If the stream's work is not done within the service's --fence-limit, or this process dies before, the contents
    /// are lost, and the allocation is poisoned: get throws producer_lost for all of its names, those published later
    /// included, until its names and leases are gone and the memory is reclaimed. Publish a new allocation, under the
    /// same name if you like: a poisoned one gives its name up without `replace`.
    ///
    /// Errors: already_exists (without replace); invalid_argument (name: 1 to 255 bytes of UTF-8 without NUL;
    /// attributes over 4 KiB; a time_to_live that is not above 0); table_full; quota_exceeded (the user's names);
    /// lease_limit (of what was never published); unsupported (a stream with host memory, a capturing stream);
    /// device_error. After an error nothing is published and the lease is as it was.
    ///
    /// Cost: one round trip to the service. On a GPU with a stream also a few CUDA calls, which queue work and wait for
    /// nothing (but see ContextStats::synchronised_publishes).
    void publish(std::string_view name, const PublishOptions& options = {});

    /// Drops this lease. The memory returns when the last lease and the last name are gone.
    /// Cost: for host memory no system call while the memory has a name, else one message to the service, whose answer
    /// nobody waits for. For a GPU's memory it wakes a thread of this process, which waits for the device
    /// (cudaDeviceSynchronize) and then drops the lease: the call does not wait, and the memory returns later.
    void release();
    /// The same, once the stream's work so far is done. Errors: unsupported for host memory, or a stream that is being
    /// captured; device_error; for what was never published lease_limit and service_lost. The lease is as it was then.
    /// Cost: two or three CUDA calls, which queue a write of eight bytes; the host does not wait (but see
    /// StreamOrdering::synchronise).
    void release(Stream stream);
    /// The same now, for who knows that the GPU is done with this memory: neither the device nor a stream is waited
    /// for, and nothing is queued. After check(), it ends the use of what a stream got:
    /// `frame.release(fastio::completed)`. A kernel of this process that still uses the memory would see, or spoil,
    /// what the next owner has there.
    void release(Completed completed);

    /// Removes every name of this memory, for everyone, and drops this lease. Other leases and pointers stay valid;
    /// the memory returns with the last. Errors: on a GPU lease_limit (of what was never published), device_error.
    /// Where the call is given up (ContextOptions::request_timeout, give_up) this lease is gone all the same, because
    /// the service may serve it later.
    void free();
    /// The same, where this lease goes once the stream's work so far is done. Also: unsupported for host memory.
    void free(Stream stream);

    /// Removes every name of this memory, for everyone, and keeps this lease: free() for a holder whose views live on.
    /// The memory may be published again. Errors: lease_limit (of what was never published).
    void unpublish();

    /// Makes what is queued in `later` from now on wait for what `first` was given so far, two streams of this process;
    /// the host does not wait. For handing the memory on to a library that works in a stream of its own. Errors:
    /// invalid_argument (no stream); unsupported (host memory, a stream that is being captured); device_error.
    void order(Stream first, Stream later) const;

    /// To be called after the stream given to get() was synchronised: returns if the contents that this get gave were
    /// complete. Errors: producer_lost when their producer died first; device_error when an earlier call has met a GPU
    /// that stopped this process's work; service_lost.
    void check() const;

    /// Copies `bytes` from host memory at `host` into this memory at options.offset. With a stream `host` must stay as
    /// it is until the stream has done the copy. Errors: invalid_argument where offset + bytes exceeds size();
    /// unsupported (a stream with host memory, a capturing stream); device_error.
    void copy_from(const void* host, std::uint64_t bytes, const CopyOptions& options = {});
    /// Copies `bytes` from this memory at options.offset to host memory at `host`, which must stay until a stream has
    /// done that. Errors as copy_from.
    void copy_to(void* host, std::uint64_t bytes, const CopyOptions& options = {}) const;

private:
    friend struct detail::AllocationAccess;
    explicit Allocation(std::unique_ptr<detail::AllocationImpl, detail::AllocationImplDeleter> impl) noexcept;

    [[nodiscard]] std::size_t span_count(std::size_t element_bytes) const;

    std::unique_ptr<detail::AllocationImpl, detail::AllocationImplDeleter> impl_;
};

}  // namespace fastio
