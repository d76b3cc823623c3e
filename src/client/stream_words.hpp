#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include <fastio/context.hpp>

#include "client/connection.hpp"
#include "client/local_fences.hpp"
#include "device/device_memory.hpp"
#include "table/fences.hpp"
#include "table/leases.hpp"
#include "table/reader.hpp"

namespace fastio::detail {

/// What a client's streams write and wait for: fence words of its own, those of other members, its lease entries
/// (design P6).
///
/// *Thread safety:* every member, from any thread; prepare by one at a time.
///
/// *Invariants.*
/// 1. A word of this client is used again only after its stream has passed the mark behind the last write: at most one
///    write is outstanding, and a word never goes back, even where the service completed it first.
/// 2. The words are pinned before the first is used.
/// 3. The mutex is never held while a device or the service is waited for. Queueing is such a wait: where a stream's
///    queue is full it lasts until the stream goes on, which another thread's publish may have to let it. Whether a
///    mark has passed is only asked.
class StreamWords {
public:
    StreamWords(Connection& connection, table::LeasePages& leases, const std::uint8_t (&instance)[16],
                std::uint64_t context_id);
    StreamWords(const StreamWords&) = delete;
    StreamWords& operator=(const StreamWords&) = delete;
    /// Unpins. Everything that was queued is done.
    ~StreamWords();

    /// Maps the words, and pins them where streams can use them, once; nothing on a device without streams. Done when
    /// the first slab of a device is opened, because pinning may wait for streams. Errors: service_lost,
    /// protocol_error, device_error, out_of_memory.
    void prepare(DeviceMemory& memory);

    /// Maps the words, once, for who only looks at them; pins nothing. Errors: service_lost, protocol_error,
    /// out_of_memory.
    void map();

    /// Queues the completion of a fence behind the stream's work. Empty where the stream cannot do it or no word is
    /// left: the work was waited for instead, which is counted. Errors: service_lost, device_error.
    [[nodiscard]] std::optional<table::FenceRef> complete_behind(DeviceMemory& memory, Stream stream);
    /// As prepare has found it.
    [[nodiscard]] StreamOrdering ordering() const noexcept { return ordering_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t synchronised() const noexcept { return synchronised_.load(std::memory_order_relaxed); }

    /// True also where the words are not mapped.
    [[nodiscard]] bool is_complete(table::FenceRef fence) const noexcept;
    /// Asked after is_complete: whether a member may have completed that word because the service had died. Only then
    /// does who waits on the host have to ask whether it has: a member that lies costs that question, and no more.
    [[nodiscard]] bool may_be_orphans() const noexcept;
    /// Makes the stream's later work wait for another member's fence. False where the stream cannot: the caller waits.
    /// Errors: device_error.
    [[nodiscard]] bool wait_in(DeviceMemory& memory, table::FenceRef fence, Stream stream);

    /// Has the stream clear a lease entry behind its work. False where it cannot. Errors: device_error.
    [[nodiscard]] bool clear_lease_behind(DeviceMemory& memory, std::uint32_t entry, Stream stream);

    /// The service is gone: completes what this client's streams wait for, so that they end (design P8).
    void complete_waits() noexcept;
    void abandon() noexcept;  ///< in a forked child

private:
    struct Own {
        std::uint32_t word = 0;
        std::uint64_t last = 0;              ///< the value of its last use
        std::shared_ptr<StreamMark> mark{};  ///< behind its last write; null: free
    };

    // Acquire: who finds one true finds the mapping, and it pinned (pair with the releases in ask and prepare).
    [[nodiscard]] bool is_mapped() const noexcept { return is_mapped_.load(std::memory_order_acquire); }
    [[nodiscard]] bool is_ready() const noexcept { return is_ready_.load(std::memory_order_acquire); }
    [[nodiscard]] LocalFences::Key key(std::uint32_t word) const noexcept { return {instance_, context_id_, word}; }
    /// One word that may be used now, which nobody else uses until it is given back; empty when there is none.
    [[nodiscard]] std::list<Own> take(DeviceMemory& memory);
    [[nodiscard]] std::list<Own> take_free(DeviceMemory& memory);
    void give_back(std::list<Own>& taken) noexcept;
    /// More words, where this client may have more.
    void ask_for_words();
    /// Afterwards the words are mapped.
    wire::FencesReply ask(std::uint32_t flags);
    void remember_wait(table::FenceRef fence);
    void complete_orphan(table::FenceRef fence) noexcept;

    Connection& connection_;
    table::LeasePages& leases_;
    const std::array<std::uint8_t, 16> instance_;
    const std::uint64_t context_id_;
    std::atomic<bool> is_mapped_{false};  // true once the mapping is made
    std::atomic<bool> is_ready_{false};   // true once it is also pinned
    std::atomic<StreamOrdering> ordering_{StreamOrdering::none};
    std::atomic<std::uint64_t> synchronised_{0};

    DeviceMemory* pinned_by_ = nullptr;
    std::mutex mutex_;  // guards what follows; words_ is not changed any more once they are mapped
    std::optional<table::FenceWords> words_;
    std::list<Own> own_;  // but for those that are taken; the one to be tried next first
    std::size_t granted_ = 0;
    bool no_more_ = false;
    std::mutex waits_mutex_;
    std::vector<table::FenceRef> waits_;  // queued in this client's streams, those since completed not yet removed
    bool completing_ = false;             // what is queued from now on is completed at once
};

/// The fence that a record speaks of. Errors: corrupt_input, where there is no such word.
[[nodiscard]] table::FenceRef fence_of(const table::PublicationCopy& copy, std::string_view name,
                                       std::string_view call);

}  // namespace fastio::detail
