#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <fastio/context.hpp>

#include "client/connection.hpp"
#include "client/devices.hpp"
#include "client/fork_guard.hpp"
#include "client/janitor.hpp"
#include "client/listener.hpp"
#include "client/slab_cache.hpp"
#include "client/staging.hpp"
#include "client/stream_words.hpp"
#include "client/watch_queue.hpp"
#include "device/descriptor.hpp"
#include "table/leases.hpp"
#include "table/reader.hpp"
#include "wire/embedded.hpp"

namespace fastio::detail {

/// What this client did besides get, for stats. Relaxed: they order nothing.
struct Counters {
    std::atomic<std::uint64_t> retries{0};
    std::atomic<std::uint64_t> waits{0};
    std::atomic<std::uint64_t> bytes_published{0};
    std::atomic<std::uint64_t> bytes_copied{0};
    std::atomic<std::uint64_t> bytes_copied_untold{0};  // of these, of which the service does not know yet
};

/// A membership of a context: the connection and all that is mapped through it. Its users are the Context and each of
/// its Allocations; the last one ends it, which leaves the context. What the public calls do with it stands in lookup,
/// publishing and listing.
///
/// *Thread safety:* every member, from any thread.
/// *In a forked child* it is never destroyed: threads, locks and lease pages that it would need are not there.
class Client final : public table::SegmentSource, public EventSink, public WatchSource {
public:
    /// What the Context owns, one user. Errors: as Context's constructor.
    [[nodiscard]] static std::shared_ptr<Client> join(const ContextOptions& options);
    /// Waits for the GPU's work, unmaps everything, says bye and waits for the answer.
    ~Client() override;

    // An Allocation's use. One locked instruction in get and one in release, which also count the gets.
    void enter() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
    void enter_by_get() noexcept { users_.fetch_add(kOneGet + 1, std::memory_order_relaxed); }
    /// Ends this client after the last one, except in a forked child.
    void leave() noexcept {
        // Acquire and release: what every user did comes before the end.
        if ((users_.fetch_sub(1, std::memory_order_acq_rel) & (kOneGet - 1)) == 1) [[unlikely]] {
            end_unless_forked();
        }
    }
    /// Modulo 2^38: at ten million a second it starts again after seven hours.
    [[nodiscard]] std::uint64_t gets() const noexcept { return users_.load(std::memory_order_relaxed) / kOneGet; }

    [[nodiscard]] const std::string& job() const noexcept { return job_; }
    [[nodiscard]] const std::string& socket() const noexcept { return connection_.path(); }
    [[nodiscard]] const std::string& device() const noexcept { return device_; }

    [[nodiscard]] Connection& connection() noexcept { return connection_; }
    [[nodiscard]] Liveness& liveness() noexcept { return connection_.liveness(); }
    [[nodiscard]] table::TableReader& reader() noexcept { return reader_; }
    [[nodiscard]] table::LeasePages& leases() noexcept { return leases_; }
    [[nodiscard]] SlabCache& slabs() noexcept { return slabs_; }
    [[nodiscard]] StreamWords& stream_words() noexcept { return stream_words_; }
    [[nodiscard]] Janitor& janitor() noexcept { return janitor_; }
    [[nodiscard]] Devices& devices() noexcept { return devices_; }
    [[nodiscard]] WatchRegistry& watches() noexcept { return watches_; }
    [[nodiscard]] Counters& counters() noexcept { return counters_; }
    /// Whether each get copies, by staging_is_forced.
    [[nodiscard]] bool staging() const noexcept { return staging_; }

    /// For every call but get, which finds out where it misses. Errors: forked, service_lost, context_closed (as soon
    /// as the table says that the job was ended, which may be before the helper thread is told).
    void check_open(std::string_view call);
    /// Asked after a fence word was found complete. After the service's death any consumer's helper thread completes
    /// the words that its streams wait for, whatever the producer has done; it does so after the death, so who finds
    /// the service alive now has found the producer's own completion, or the service's, which poisons first.
    [[nodiscard]] bool service_is_dead() const noexcept { return connection_.service_is_dead(); }
    [[nodiscard]] bool alive() const noexcept { return connection_.liveness().alive() && !reader_.ended(); }

    /// Takes a lease entry for an allocation that something else still keeps alive. Errors: lease_limit, service_lost.
    [[nodiscard]] std::uint32_t claim_lease(table::AllocationRef allocation);
    /// Asks for a chunk of lease entries unless there are more than `seen` by now. Errors: lease_limit, service_lost.
    void grant_leases(std::uint32_t seen);
    /// For who was refused for want of room: Allocations that were released count until the GPU is done with them, and
    /// this waits for it. False where no GPU is used, so that there is no sense in asking once more.
    [[nodiscard]] bool finish_releases() noexcept;
    /// Tells the service that a lease of a retired allocation was dropped.
    void nudge(table::AllocationRef allocation) noexcept;

    /// Unmaps a slab that the service wants back, and has it told.
    void close_and_acknowledge(table::SlabRef slab) noexcept;

    /// Ends calls and waits; leases stay.
    void end(Ending why) noexcept;

    // SegmentSource
    [[nodiscard]] Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override;
    // WatchSource
    void unwatch(std::uint32_t id) noexcept override;

private:
    struct Joined {
        wire::JoinReply reply{};
        Descriptor header{};
        Descriptor leases{};
    };

    // Users in the low bits: more than the leases, allocations and Contexts that there can be. Gets above them.
    static constexpr std::uint64_t kOneGet = std::uint64_t{1} << 26;

    Client(const ContextOptions& options, std::unique_ptr<wire::EmbeddedService> embedded);
    void end_unless_forked() noexcept;
    [[nodiscard]] Joined send_join(const ContextOptions& options);

    // EventSink, called by the helper thread
    [[nodiscard]] bool slab_closing(table::SlabRef slab) noexcept override;
    void event(const wire::Event& event) noexcept override;
    void events_lost() noexcept override;
    void context_ended(Errc reason) noexcept override;
    void session_lost() noexcept override;
    void service_lost() noexcept override;

    alignas(table::kCacheLine) std::atomic<std::uint64_t> users_{1};  // the Context

    // In the order of making; ending goes backwards: the threads, what is mapped, bye, the embedded service.
    alignas(table::kCacheLine) std::unique_ptr<wire::EmbeddedService> embedded_;
    std::string job_;
    Connection connection_;
    Joined joined_;
    table::TableReader reader_;
    Devices devices_;
    std::string device_;
    table::LeasePages leases_;
    StreamWords stream_words_;
    SlabCache slabs_;
    Janitor janitor_{*this};
    WatchRegistry watches_;
    Counters counters_;
    const bool staging_ = staging_is_forced();
    std::timed_mutex granting_;
    ForkRegistration fork_registration_;
    Listener listener_;
};

/// What one call does that finds no lease entry free, until it finds one or fails.
class MoreLeases {
public:
    explicit MoreLeases(Client& client) noexcept : client_(client) {}

    /// Before the call looks again, which knew of `seen` chunks. Errors: as Client::grant_leases.
    void get(std::uint32_t seen) {
        try {
            client_.grant_leases(seen);
        } catch (const Error& error) {
            if (error.errc() != Errc::lease_limit || std::exchange(has_waited_, true) || !client_.finish_releases()) {
                throw;
            }
        }
    }

private:
    Client& client_;
    bool has_waited_ = false;
};

}  // namespace fastio::detail
