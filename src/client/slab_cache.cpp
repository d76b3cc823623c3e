#include "client/slab_cache.hpp"

#include <algorithm>
#include <chrono>

#include "core/fail.hpp"

namespace fastio::detail {
namespace {

/// The kernel takes a process's memory and files away before it calls it dead.
constexpr std::chrono::milliseconds kDying{200};

}  // namespace

/// Invariant 3, for as long as it lives.
class SlabCache::Opening {
public:
    Opening(SlabCache& cache, table::SlabRef ref) noexcept : cache_(cache) {
        const std::lock_guard lock(cache_.mutex_);
        cache_.being_opened_ = ref;
    }
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
    ~Opening() {
        const std::lock_guard lock(cache_.mutex_);
        cache_.being_opened_.reset();
        cache_.opened_.notify_all();
    }

private:
    SlabCache& cache_;
};

SlabCache::~SlabCache() {
    for (const OpenSlab& slab : open_) {
        slab.slab.device->close(slab.slab.data, slab.slab.bytes);
    }
}

SlabCache::Slab SlabCache::open(table::SlabRef ref) {
    if (ref.index >= table::kMaxSlabs || ref.generation == 0) {
        fail(Errc::protocol_error, "the service speaks of slab {} of generation {}: there are {} slabs at most",
             ref.index, ref.generation, table::kMaxSlabs);
    }
    const auto opening = connection_.lock(opening_, "mapping a slab");
    {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(open_, ref, &OpenSlab::ref);
        if (found != open_.end()) {
            return found->slab;
        }
    }
    const Opening being_opened(*this, ref);
    return open_new(ref);
}

SlabCache::Slab SlabCache::open_new(table::SlabRef ref) {
    Descriptor file;
    const wire::SlabReply reply = request_slab(ref, file);
    Slab slab;
    slab.device = &devices_.memory(reply.device);
    slab.loss = &slab.device->loss();
    stream_words_.prepare(*slab.device);
    slab.bytes = reply.bytes;
    try {
        slab.data = static_cast<std::byte*>(slab.device->open(reply.handle, reply.bytes, file.get()));
    } catch (const Error& error) {
        if (connection_.service_is_dead(kDying)) {  // its memory went with it, which a device only calls unknown
            fail(Errc::service_lost, "mapping a slab: the service died before it was mapped, so {}", error.what());
        }
        throw;
    }
    try {
        add(ref, slab);
    } catch (...) {
        slab.device->close(slab.data, slab.bytes);
        throw;
    }
    return slab;
}

wire::SlabReply SlabCache::request_slab(table::SlabRef ref, Descriptor& file) {
    wire::Slab request;
    request.index = ref.index;
    request.generation = ref.generation;
    Connection::Turn turn(connection_, "mapping a slab");
    const auto reply = turn.call<wire::SlabReply>(request);
    if (reply.handle.kind == HandleKind::memfd) {
        file = turn.take_descriptor(0);
    }
    return reply;
}

void SlabCache::open_all(table::TableReader& reader) {
    if (all_opened_.load(std::memory_order_acquire)) {  // pairs with the release below: they are open
        return;
    }
    const auto lock = connection_.lock(opening_all_, "mapping the slabs");
    if (all_opened_.load(std::memory_order_relaxed)) {
        return;
    }
    for (const table::SlabRef ref : reader.slabs()) {
        try {
            static_cast<void>(get(ref));
        } catch (const Error&) {  // gone since, or out of this process's reach
        }
    }
    all_opened_.store(true, std::memory_order_release);
}

bool SlabCache::closes_at_once(table::SlabRef ref) const noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(open_, ref, &OpenSlab::ref);
    return found != open_.end() ? found->slab.device->info().stream_order == StreamOrder::no_streams
                                : being_opened_ != ref;
}

void SlabCache::add(table::SlabRef ref, const Slab& slab) {
    const std::lock_guard lock(mutex_);
    Entry& place = entry(ref.index);
    open_.push_back({ref, slab});
    // An earlier slab of this index may still be open: only its closing is under way, so nobody looks for it.
    place.generation.store(0, std::memory_order_relaxed);
    // Release: who sees one of these sees the 0 too (pairs with get's acquire).
    place.device.store(slab.device, std::memory_order_release);
    place.data.store(slab.data, std::memory_order_release);
    place.bytes.store(slab.bytes, std::memory_order_release);
    place.loss.store(slab.loss, std::memory_order_release);
    place.generation.store(ref.generation, std::memory_order_release);
}

SlabCache::Entry& SlabCache::entry(std::uint32_t index) {
    std::atomic<Group*>& group = groups_[index / kGroupSize];
    if (group.load(std::memory_order_relaxed) == nullptr) {
        owned_groups_.push_back(std::make_unique<Group>());
        group.store(owned_groups_.back().get(), std::memory_order_release);  // pairs with get's acquire
    }
    return group.load(std::memory_order_relaxed)->entries[index % kGroupSize];
}

void SlabCache::close(table::SlabRef ref) noexcept {
    Slab slab;
    {
        std::unique_lock lock(mutex_);
        opened_.wait(lock, [&] { return being_opened_ != ref; });
        const auto found = std::ranges::find(open_, ref, &OpenSlab::ref);
        if (found == open_.end()) {
            return;
        }
        slab = found->slab;
        open_.erase(found);
        Entry& place = groups_[ref.index / kGroupSize].load(std::memory_order_relaxed)->entries[ref.index % kGroupSize];
        if (place.generation.load(std::memory_order_relaxed) == ref.generation) {
            place.generation.store(0, std::memory_order_relaxed);
        }
    }
    slab.device->close(slab.data, slab.bytes);
}

std::uint64_t SlabCache::mapped() const noexcept {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

}  // namespace fastio::detail
