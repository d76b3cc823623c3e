#include "table/leases.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "device/memfd.hpp"

namespace fastio::table {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{kLeasesPerChunk} * sizeof(std::uint64_t);

std::uint32_t most_chunks(std::uint32_t max_leases) {
    if (max_leases == 0) {
        fail(Errc::invalid_argument, "could not make lease pages for 0 leases: allow 1 at least");
    }
    return (max_leases - 1) / kLeasesPerChunk + 1;
}

}  // namespace

LeasePages::LeasePages(Descriptor file, std::uint32_t granted_chunks) : file_(std::move(file)), granted_(0) {
    const std::uint64_t bytes = file_bytes(file_.get());
    if (!has_size_seals(file_.get()) || bytes == 0 || bytes % kChunkBytes != 0 ||
        granted_chunks > bytes / kChunkBytes) {
        fail(Errc::protocol_error,
             "could not map lease pages: the file has {} bytes, expected {} chunks of {} at "
             "least, sealed in size",
             bytes, granted_chunks, kChunkBytes);
    }
    mapping_ = Mapping(file_.get(), bytes, Mapping::Access::read_write, Mapping::Fork::not_inherited);
    grant(granted_chunks);
    const std::uint32_t entries = granted_chunks * kLeasesPerChunk;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
        starts_[shard].entry.store(entries / kShards * shard, std::memory_order_relaxed);
    }
}

std::uint32_t LeasePages::search(std::atomic<std::uint32_t>& hint, std::uint64_t lease) noexcept {
    const std::uint32_t entries = granted_.load(std::memory_order_acquire) * kLeasesPerChunk;
    std::uint32_t entry = hint.load(std::memory_order_relaxed);
    for (std::uint32_t tried = 0; tried < entries; ++tried, ++entry) {
        if (entry >= entries) {
            entry = 0;
        }
        if (take(entry, lease)) {
            hint.store(entry + 1, std::memory_order_relaxed);
            return entry;
        }
    }
    return kNoEntry;
}

std::uint32_t LeasePages::granted_chunks() const noexcept {
    return granted_.load(std::memory_order_acquire);
}

void LeasePages::grant(std::uint32_t chunks) noexcept {
    const auto most = static_cast<std::uint32_t>(mapping_.size() / kChunkBytes);
    std::uint32_t before = granted_.load(std::memory_order_relaxed);
    const std::uint32_t after = std::min(chunks, most);
    // Never fewer: replies of two requests may be handled in either order.
    while (before < after &&
           !granted_.compare_exchange_weak(before, after, std::memory_order_release, std::memory_order_relaxed)) {
    }
}

std::uint32_t LeasePages::in_use() const noexcept {
    const std::uint32_t entries = granted_chunks() * kLeasesPerChunk;
    std::uint32_t count = 0;
    for (std::uint32_t entry = 0; entry < entries; ++entry) {
        count += __atomic_load_n(word(entry), __ATOMIC_RELAXED) != 0 ? 1 : 0;
    }
    return count;
}

bool LeasePages::any_left_to_stream() const noexcept {
    const std::uint32_t entries = granted_chunks() * kLeasesPerChunk;
    for (std::uint32_t entry = 0; entry < entries; ++entry) {
        if ((__atomic_load_n(word(entry), __ATOMIC_RELAXED) & kClearedByStream) != 0) {
            return true;
        }
    }
    return false;
}

void LeasePages::abandon() noexcept {
    granted_.store(0, std::memory_order_release);
    mapping_.abandon();
    file_.reset();
}

LeaseBook::LeaseBook(std::uint32_t max_leases, std::uint32_t chunks)
    : file_(make_memfd("fastio-leases", most_chunks(max_leases) * kChunkBytes)), max_chunks_(most_chunks(max_leases)) {
    if (chunks > max_chunks_) {
        fail(Errc::invalid_argument, "could not grant {} chunks of lease pages: {} leases are {} chunks", chunks,
             max_leases, max_chunks_);
    }
    if (chunks > 0) {
        reserve_pages(file_.get(), 0, chunks * kChunkBytes);
    }
    seal_size(file_.get());
    mapping_ =
        Mapping(file_.get(), max_chunks_ * kChunkBytes, Mapping::Access::read_only, Mapping::Fork::not_inherited);
    granted_ = chunks;
}

bool LeaseBook::grant() {
    if (granted_ == max_chunks_) {
        return false;
    }
    mapping_.populate(granted_ * kChunkBytes, kChunkBytes);  // the client has the file, and may hold its locks
    ++granted_;
    return true;
}

std::uint64_t LeaseBook::entry(std::uint32_t index) const noexcept {
    if (index >= granted_ * kLeasesPerChunk) {
        return 0;
    }
    return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(mapping_.data()) + index, __ATOMIC_ACQUIRE) &
           ~kClearedByStream;
}

}  // namespace fastio::table
