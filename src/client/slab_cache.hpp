#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "client/connection.hpp"
#include "client/devices.hpp"
#include "client/stream_words.hpp"
#include "table/layout.hpp"
#include "table/reader.hpp"
#include "table/writer.hpp"

namespace fastio::detail {

/// The slabs that this process has mapped: each is opened once, never per allocation.
///
/// *Thread safety:* every member, from any thread; a slab is closed once.
///
/// *Invariants.*
/// 1. An entry's generation is stored after the rest of it (release; pairs with the acquire load in find). While it is
///    a slab's generation, the rest is that slab's: a caller that has a lease or a hold in the slab keeps it from being
///    closed, and an entry is only changed by closing its slab or by opening a later one under its index.
/// 2. The mutex of the list of open slabs is never held during a request (see Listener); the one of opening is.
/// 3. A slab that open_all opens is kept by nobody. `being_opened_` is stored before the service is asked for it: when
///    the service, which has answered, wants it back, whoever is told finds it open or being opened.
class SlabCache {
public:
    struct Slab {
        DeviceMemory* device = nullptr;
        std::byte* data = nullptr;
        std::uint64_t bytes = 0;
        const std::atomic<int>* loss = nullptr;  ///< of the device

        /// Errors: device_error, device_unavailable where the device was lost to this process. One load if it was not.
        void check_not_lost(std::string_view call) const {
            if (loss->load(std::memory_order_relaxed) != 0) [[unlikely]] {
                device->fail_lost(call);
            }
        }
    };

    SlabCache(Connection& connection, Devices& devices, StreamWords& stream_words) noexcept
        : connection_(connection), devices_(devices), stream_words_(stream_words) {}
    SlabCache(const SlabCache&) = delete;
    SlabCache& operator=(const SlabCache&) = delete;
    ~SlabCache();

    /// The slab, without a device where it is not open; the caller's lease or hold keeps it. No system call.
    [[nodiscard]] Slab find(table::SlabRef ref) const noexcept {
        if (ref.index < table::kMaxSlabs) [[likely]] {
            if (const Group* const group = groups_[ref.index / kGroupSize].load(std::memory_order_acquire)) {
                const Entry& entry = group->entries[ref.index % kGroupSize];
                if (entry.generation.load(std::memory_order_acquire) == ref.generation) {
                    // Acquire: the generation is read again behind these. It is another one only where a service gives
                    // an index to a second slab while somebody uses the first.
                    const Slab slab{
                        entry.device.load(std::memory_order_acquire), entry.data.load(std::memory_order_acquire),
                        entry.bytes.load(std::memory_order_acquire), entry.loss.load(std::memory_order_acquire)};
                    if (entry.generation.load(std::memory_order_relaxed) == ref.generation) [[likely]] {
                        return slab;
                    }
                }
            }
        }
        return {};
    }
    /// The slab, opened if it is not. Errors: service_lost, and those of DeviceMemory::open.
    [[nodiscard]] Slab open(table::SlabRef ref);
    [[nodiscard]] Slab get(table::SlabRef ref) {
        const Slab slab = find(ref);
        return slab.device != nullptr ? slab : open(ref);
    }

    /// Opens the slabs of the table that are not open yet, once: later calls find it done. Before the client's first
    /// wait in a stream (design P6), because a driver may hold up an open until the streams that wait are done. What
    /// cannot be opened, as on a GPU out of reach, is left to the get that needs it. Errors: those of
    /// TableReader::slabs.
    void open_all(table::TableReader& reader);

    /// False if closing this slab may wait: for its device, or for its opening.
    [[nodiscard]] bool closes_at_once(table::SlabRef ref) const noexcept;
    /// Unmaps a slab, if it is mapped, or is being mapped.
    void close(table::SlabRef ref) noexcept;
    [[nodiscard]] std::uint64_t mapped() const noexcept;

private:
    static constexpr std::uint32_t kGroupSize = 256;
    struct Entry {
        std::atomic<std::uint32_t> generation{0};  // 0: none
        std::atomic<DeviceMemory*> device{nullptr};
        std::atomic<std::byte*> data{nullptr};
        std::atomic<std::uint64_t> bytes{0};
        std::atomic<const std::atomic<int>*> loss{nullptr};
    };
    struct Group {
        std::array<Entry, kGroupSize> entries{};
    };
    struct OpenSlab {
        table::SlabRef ref{};
        Slab slab{};
    };

    class Opening;

    [[nodiscard]] Slab open_new(table::SlabRef ref);
    [[nodiscard]] wire::SlabReply request_slab(table::SlabRef ref, Descriptor& file);
    [[nodiscard]] Entry& entry(std::uint32_t index);
    void add(table::SlabRef ref, const Slab& slab);

    Connection& connection_;
    Devices& devices_;
    StreamWords& stream_words_;
    std::array<std::atomic<Group*>, table::kMaxSlabs / kGroupSize> groups_{};
    std::atomic<bool> all_opened_{false};
    std::timed_mutex opening_all_;  // who waits for it finds it done
    std::timed_mutex opening_;      // one opening at a time
    mutable std::mutex mutex_;      // guards what follows, and stores to entries
    std::condition_variable opened_;
    std::optional<table::SlabRef> being_opened_;
    std::vector<std::unique_ptr<Group>> owned_groups_;
    std::vector<OpenSlab> open_;
};

}  // namespace fastio::detail
