#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/allocation.hpp>
#include <fastio/array_view.hpp>
#include <fastio/contents.hpp>
#include <fastio/data_type.hpp>
#include <fastio/export.hpp>
#include <fastio/stream.hpp>
#include <fastio/watch.hpp>

namespace fastio {

struct ContextOptions {
    std::string job = {};     ///< 1 to 255 bytes; empty: $FASTIO_JOB, else "default"
    std::string socket = {};  ///< empty: $FASTIO_SOCKET, else $XDG_RUNTIME_DIR/fastio/fastiod.sock (or the same below
                              ///< /run/user/UID or /tmp/fastio-UID), else /run/fastio/fastiod.sock
    std::string device = {};  ///< "auto", "host", "cuda:N" or "cuda:UUID"; empty: $FASTIO_DEVICE, else "auto", which is
                              ///< the service's first device or, where that is a GPU that this process does not see,
                              ///< the first that it sees
    bool embedded = false;    ///< host the service in this process; others can join through its socket
    std::uint64_t quota = 0;  ///< bytes this context may hold; 0: the service's. The smaller of the two holds, of the
                              ///< process that made the context: whoever joins it later changes nothing
    bool persistent = false;  ///< the context outlives its last member, until Service::end
    std::chrono::nanoseconds connect_timeout = std::chrono::seconds(1);  ///< for a service that is starting or busy
    std::chrono::nanoseconds request_timeout = forever;  ///< for the service's answer to a later call. Where it does
                                                         ///< not come, the call is service_unreachable, later ones
                                                         ///< service_lost: nobody knows what was served
    bool (*give_up)() noexcept = nullptr;  ///< asked ten times a second by a thread that waits for an answer; once
                                           ///< true it waits two seconds more, and then as after request_timeout.
                                           ///< It must not use this Context
    std::string name = {};  ///< this operator's, as others see it (`fastio stat`): 1 to 255 bytes of UTF-8, cut to 60;
                            ///< empty: $FASTIO_STAGE, else the program's
};

struct CreateOptions {
    Stream stream = {};                   ///< the stream of the first use: `zero` is ordered on it
    std::string device = {};              ///< empty: the context's
    std::uint64_t alignment = 256;        ///< bytes; a power of two from 256 to 2 MiB
    bool zero = false;                    ///< fill with zero bytes; otherwise the contents are undefined
    std::chrono::nanoseconds timeout{0};  ///< for room in the pool and the quotas, where others may give it back
    void (*on_wake)() = nullptr;          ///< as GetOptions::on_wake, while it waits for room
};

struct GetOptions {
    Stream stream = {};                   ///< the GPU waits for the contents here; none: the host waits
    std::chrono::nanoseconds timeout{0};  ///< for the name, or for a version above newer_than
    std::uint64_t newer_than = 0;         ///< only a version above this one counts
    std::chrono::nanoseconds contents_timeout = std::chrono::seconds(30);  ///< for the contents, without a stream
    void (*on_wake)() = nullptr;  ///< called by the waiting thread when a signal handler has run, and now and then;
                                  ///< what it throws ends the call, for which nothing is held then
};

/// What is published under one name.
struct PublicationInfo {
    std::string name{};
    std::uint64_t version = 0;
    DataType type = uint8;
    std::vector<std::int64_t> dimensions{};
    std::uint64_t size = 0;   ///< bytes
    std::string device{};     ///< "host" or "cuda:N": of Context as this process numbers its GPUs, of
                              ///< Service as the service does
    std::string publisher{};  ///< operator and process id, e.g. "smooth[1234]"
    std::chrono::nanoseconds age{0};
    std::chrono::nanoseconds time_to_live = forever;  ///< from its publish on: see PublishOptions
    Attributes attributes{};
    Contents contents = Contents::complete;
};

/// How a Context orders its streams against those of other processes.
enum class StreamOrdering {
    none,               ///< no stream was used, or the device has none: calls are done on return
    memory_operations,  ///< streams write and wait for words themselves; the host waits for nothing
    synchronise,        ///< the device cannot: publishing and releasing on a stream wait for it
};

/// Counters of one context and of this client.
struct ContextStats {
    std::uint64_t allocations = 0;         ///< alive in the context, created and not yet reclaimed
    std::uint64_t publications = 0;        ///< names in the context
    std::uint64_t leases = 0;              ///< held by all clients of the context
    std::uint64_t members = 0;             ///< sessions of the context
    std::uint64_t bytes_reserved = 0;      ///< in slabs
    std::uint64_t bytes_in_use = 0;        ///< in allocations, rounded to their granularity
    std::uint64_t bytes_quarantined = 0;   ///< in allocations that only ended sessions hold
    std::uint64_t largest_free_block = 0;  ///< bytes that one create can get without a new slab
    std::uint64_t quota = 0;               ///< bytes; 0: none
    std::uint64_t own_leases = 0;          ///< held by this Context
    std::uint64_t gets = 0;                ///< that this Context served
    std::uint64_t retries = 0;             ///< lookups repeated because a writer was at work
    std::uint64_t waits = 0;               ///< times a get, or a create for want of room, slept
    std::uint64_t slabs_mapped = 0;        ///< by this Context now
    std::uint64_t bytes_published = 0;     ///< by this Context
    std::uint64_t bytes_copied = 0;        ///< moved between memories to serve a get; 0 is the point of it all
    StreamOrdering stream_ordering = StreamOrdering::none;  ///< of the device that this Context computes on
    std::uint64_t synchronised_publishes = 0;  ///< on a stream, for which the host had to wait: see stream_ordering
};

namespace detail {
class Client;
}

/// The shared memory of one job: its names, its memory, its quota. Processes that name the same job at the same service
/// share one context, which is made by the first and ends with the last (unless `persistent`).
///
/// *Threads.* Every call may be made from any thread at any time.
///
/// *When another process dies* nothing here changes: what it had published stays, what it held comes back. *When the
/// service dies* every call, blocked ones included, throws service_lost; make a new Context. *While the service is
/// stopped* get, find and release go on, and what asks it waits; where ContextOptions ends such a wait the call throws
/// service_unreachable, and this Context is over as if the service had died. *In a child made by fork()* every call
/// throws `forked`; the child makes a Context of its own.
///
/// *Errors of every call* but the destructor, alive and close, below named only where there is more to say:
/// context_closed (close was called, or the job was ended), service_lost, device_unavailable (the context's GPU was
/// lost, and the context with it), forked, corrupt_input (the table is not as a service writes it); and of calls that
/// ask the service service_unreachable, protocol_error (it answers as no service of this version does), out_of_memory
/// (it has none left), io_error.
///
/// *Costs.* create, publish, unpublish and free are one round trip to the service. Where such trips have taken long,
/// the calling thread polls for the answer, for 70 us at the most, before it sleeps (decision 17). Once the memory is
/// mapped, get and find of what is published and complete make no system call, and without a stream no CUDA call. With
/// a stream they ask CUDA whether it is being captured, and queue a wait in it if the contents are still to come.
/// Allocation::release says what it costs on the host and on a GPU.
class FASTIO_EXPORT Context {
public:
    /// Joins the job's context, or creates it. Errors: service_unreachable, permission_denied (the socket or the
    /// context belongs to another user), version_mismatch, incompatible_host, device_unavailable, invalid_argument,
    /// quota_exceeded (too many clients).
    explicit Context(const ContextOptions& options = {});
    Context(Context&&) noexcept;
    Context& operator=(Context&&) noexcept;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    /// close(), and leaves the context once the last Allocation is gone, which then pays for it: waits until this
    /// process's GPUs are done with what the context had there, without a limit, says goodbye to the service, and waits
    /// for its answer, five seconds at most. Never throws.
    ~Context();

    /// Memory that only this process can reach until it is published: `bytes` of type uint8 and dimensions {bytes}.
    ///
    /// *Where there is no room* the call waits for it as long as `timeout` says, and then fails with what was short; at
    /// once where a pool or a quota is too small for the request. Room comes when others release, unpublish or die.
    /// Calls that wait are not served in order, and a large request may wait while small ones are served. Without a
    /// timeout a process that has released memory of a GPU waits for that GPU, and asks once more.
    ///
    /// Errors: invalid_argument (0 bytes, a bad alignment), out_of_memory, quota_exceeded, table_full,
    /// device_unavailable (CreateOptions::device), device_error, unsupported (a stream with host memory; a capturing
    /// one for `zero`).
    [[nodiscard]] Allocation create(std::uint64_t bytes, const CreateOptions& options = {});
    /// The same for an array: `dimensions` elements, outermost first, at most 8; {} is a scalar, and a 0 among them an
    /// empty array. Also: invalid_argument for negative dimensions, an invalid type, or a product over 2^63 bytes.
    [[nodiscard]] Allocation create(DataType type, std::span<const std::int64_t> dimensions,
                                    const CreateOptions& options = {});
    [[nodiscard]] Allocation create(DataType type, std::initializer_list<std::int64_t> dimensions,
                                    const CreateOptions& options = {});

    /// A new lease on what is published as `name`, with a copy of its metadata. Where this client has all the leases
    /// that it may have, it waits for those that its GPU has still to give back. Errors: not_found (no timeout given)
    /// or timed_out; producer_lost (Error::version says which); lease_limit; invalid_argument; device_error,
    /// device_unavailable, peer_access_unavailable, incompatible_host and version_mismatch (another CUDA driver) when
    /// the memory cannot be mapped, or its GPU is lost to this process; unsupported (a stream with host memory, a
    /// capturing stream).
    [[nodiscard]] Allocation get(std::string_view name, const GetOptions& options = {});

    /// Like get, but empty where get would throw not_found, or timed_out because the name did not come in time.
    /// Contents that are not completed in time still throw timed_out.
    [[nodiscard]] std::optional<Allocation> find(std::string_view name, const GetOptions& options = {});

    /// find for each of `names`, in order; one optional per name. `timeout` bounds the whole call, not each name.
    /// Errors of find: what was found before is released.
    [[nodiscard]] std::vector<std::optional<Allocation>> find_many(std::span<const std::string> names,
                                                                   const GetOptions& options = {});

    /// create, set the metadata, copy `array` in, publish. Errors of these four. With a stream `array` must stay as it
    /// is until the stream has done the copy. `creation` says how the memory is created, e.g. how long to wait for
    /// room, which comes before it is known whether the name is taken; its `stream` and `zero` count for nothing: the
    /// work is ordered in options.stream.
    void publish_array(const ArrayView& array, std::string_view name, const PublishOptions& options = {},
                       const CreateOptions& creation = {});

    /// Removes one name; the memory stays while leases or other names hold it. With a `version` only if that is what
    /// the name has: so that nobody removes what another process has put in its place. Errors: not_found (also where
    /// it has another version), invalid_argument.
    void unpublish(std::string_view name, std::uint64_t version = 0);

    /// The publications whose name starts with `prefix`, in order of their names. A snapshot that was true name by
    /// name, not as a whole. Errors: those of every call.
    [[nodiscard]] std::vector<PublicationInfo> list(std::string_view prefix = {});

    /// Changes to names that start with `prefix`. Errors: invalid_argument (a prefix longer than names may be),
    /// quota_exceeded (this client has as many watches as it may).
    [[nodiscard]] Watch watch(std::string_view prefix = {});

    /// Errors: those of every call.
    [[nodiscard]] ContextStats stats();

    /// False once a call would throw service_lost, context_closed, device_unavailable or forked. Makes no system call.
    [[nodiscard]] bool alive() const noexcept;

    /// Ends this Context: calls and waits, also those under way in other threads, throw context_closed. Allocations
    /// stay usable until they are released, and with them the connection.
    void close() noexcept;

    [[nodiscard]] const std::string& job() const noexcept;
    /// The socket's path, for others to join an embedded service.
    [[nodiscard]] const std::string& socket() const noexcept;
    /// "host" or "cuda:N": where create allocates by default.
    [[nodiscard]] const std::string& device() const noexcept;

private:
    std::shared_ptr<detail::Client> client_;
};

}  // namespace fastio
