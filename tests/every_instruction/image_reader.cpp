#include "image_reader.hpp"

#include <unistd.h>
#include <xxhash.h>

#include <fastio/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/liveness.hpp"
#include "unit/table/table_fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kPage = 4096;

bool same_copy(const table::PublicationCopy& one, const table::PublicationCopy& other) {
    return one.version == other.version && one.allocation == other.allocation && one.type == other.type &&
           one.shape.rank == other.shape.rank && std::ranges::equal(one.shape.span(), other.shape.span()) &&
           one.size == other.size && one.published_ns == other.published_ns &&
           one.publisher_pid == other.publisher_pid && one.fence_word == other.fence_word &&
           one.fence_value == other.fence_value && one.attributes == other.attributes;
}

bool same_place(const table::Placement& one, const table::Placement& other) {
    return one.slab == other.slab && one.offset == other.offset && one.size == other.size &&
           one.capacity == other.capacity && one.device == other.device;
}

}  // namespace

bool same(const NameView& one, const NameView& other) {
    if (one.lost || other.lost || one.copy.has_value() != other.copy.has_value()) {
        return one.lost && other.lost;
    }
    return !one.copy || same_copy(*one.copy, *other.copy);
}

std::string to_string(const NameView& view) {
    if (view.lost) {
        return "service_lost";
    }
    if (!view.copy) {
        return "missing";
    }
    return "version " + std::to_string(view.copy->version) + " in allocation " +
           std::to_string(view.copy->allocation.slot) + "/" + std::to_string(view.copy->allocation.generation) + ", " +
           std::to_string(view.copy->size) + " bytes, " + std::to_string(view.copy->attributes.size()) +
           " of attributes";
}

class ImageReader::Source final : public table::SegmentSource {
public:
    explicit Source(const std::vector<File>& files) : files_(files) {}
    Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override {
        for (const File& file : files_) {
            if (!file.which.is_leases && file.which.kind == kind && file.which.ordinal == ordinal) {
                return duplicate(file.fd.get());
            }
        }
        throw Error(Errc::service_lost, "the service was killed before it had handed this segment out");
    }

private:
    const std::vector<File>& files_;
};

ImageReader::ImageReader(const SteppedProcess& process, std::vector<std::string> names, std::string prefix)
    : names_(std::move(names)), prefix_(std::move(prefix)) {
    for (const SubjectFile& which : process.files()) {
        if (which.is_fences) {
            continue;
        }
        File file;
        file.which = which;
        file.fd = process.open(which);
        const auto bytes = static_cast<std::size_t>(::lseek(file.fd.get(), 0, SEEK_END));
        file.mapping = Mapping(file.fd.get(), bytes, Mapping::Access::read_only);
        used_.push_back(bytes);
        files_.push_back(std::move(file));
    }
    source_ = std::make_unique<Source>(files_);
    for (const File& file : files_) {
        if (file.which.is_leases) {
            pages_ = std::make_unique<table::LeasePages>(duplicate(file.fd.get()), 1);
        } else if (file.which.kind == table::SegmentKind::header) {
            reader_ = std::make_unique<table::TableReader>(duplicate(file.fd.get()), *source_);
        }
    }
}

ImageReader::~ImageReader() = default;

std::uint64_t ImageReader::hash() const {
    std::uint64_t hash = 0;
    if (watched_) {
        for (const auto& [file, page] : *watched_) {
            hash = XXH3_64bits_withSeed(files_[file].mapping.data() + page * kPage, kPage, hash);
        }
        return hash;
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
        hash = XXH3_64bits_withSeed(files_[i].mapping.data(), used_[i], hash);
    }
    return hash;
}

std::map<ImageReader::Page, std::uint64_t> ImageReader::page_hashes() const {
    std::map<Page, std::uint64_t> hashes;
    for (std::size_t file = 0; file < files_.size(); ++file) {
        for (std::size_t page = 0; (page + 1) * kPage <= files_[file].mapping.size(); ++page) {
            hashes[{file, page}] = XXH3_64bits(files_[file].mapping.data() + page * kPage, kPage);
        }
    }
    return hashes;
}

std::uint64_t ImageReader::rest_hash() const {
    std::uint64_t rest = 0;
    for (const auto& [page, hash] : page_hashes()) {
        rest = watched_ && watched_->contains(page) ? rest : XXH3_64bits_withSeed(&hash, sizeof(hash), rest);
    }
    return rest;
}

std::vector<std::size_t> ImageReader::used() const {
    std::vector<std::size_t> used;
    for (const File& file : files_) {
        std::size_t bytes = file.mapping.size();
        while (bytes > 0 && file.mapping.data()[bytes - 1] == std::byte{0}) {
            --bytes;
        }
        // Index words and futex words stand anywhere.
        const bool anywhere =
            file.which.kind == table::SegmentKind::header || file.which.kind == table::SegmentKind::index;
        used.push_back(anywhere && !file.which.is_leases
                           ? file.mapping.size()
                           : std::min(bytes / kPage * kPage + 2 * kPage, file.mapping.size()));
    }
    return used;
}

NameView ImageReader::look_up(const std::string& name, std::vector<std::string>& violations) {
    NameView view;
    const std::uint64_t hash = table::hash_name(name.data(), name.size());
    view.sequence = reader_->bucket_sequence(hash);
    std::uint64_t retries = 0;
    try {
        table::PublicationCopy copy;
        if (reader_->lookup(name, hash, copy, &retries)) {
            view.copy = std::move(copy);
        }
    } catch (const Error& error) {
        view.lost = error.errc() == Errc::service_lost;
        if (!view.lost) {
            violations.push_back("lookup of '" + name + "': " + error.what());
        }
    }
    if (retries != 0) {
        violations.push_back("lookup of '" + name + "' looked again although nothing moved");
    }
    return view;
}

void ImageReader::check_list(const ImageView& view, std::vector<std::string>& violations) {
    std::map<std::string, table::PublicationRow> rows;
    try {
        for (table::PublicationRow& row : reader_->list(prefix_)) {
            rows[row.name] = std::move(row);
        }
    } catch (const Error& error) {
        const bool any_lost = std::ranges::any_of(view.names, [](const auto& entry) { return entry.second.lost; });
        if (error.errc() != Errc::service_lost || !any_lost) {
            violations.push_back(std::string("list: ") + error.what());
        }
        return;
    }
    for (const auto& [name, seen] : view.names) {
        if (!name.starts_with(prefix_)) {
            continue;
        }
        const auto row = rows.find(name);
        const NameView listed{false, row == rows.end() ? std::nullopt : std::optional(row->second.copy), 0};
        if (!seen.lost && !same(seen, listed)) {
            violations.push_back("'" + name + "': lookup says " + to_string(seen) + ", list says " + to_string(listed));
        }
        if (row != rows.end() && row->second.publisher != "load") {
            violations.push_back("'" + name + "' is listed as published by '" + row->second.publisher + "'");
        }
    }
}

void ImageReader::check_placements(const ImageView& view, std::vector<std::string>& violations) {
    for (std::uint32_t slot = 0; slot < view.states.size(); ++slot) {
        const StateWord& state = view.states[slot];
        if (state.state == AllocationState::vacant) {
            continue;
        }
        const table::Placement now = reader_->placement(slot);
        const auto [first, inserted] = placements_.try_emplace({slot, state.generation}, now);
        if (!inserted && !same_place(first->second, now)) {
            violations.push_back("allocation " + std::to_string(slot) + " moved within one generation");
        }
        if (now.size == 0 || now.capacity < now.size) {
            violations.push_back("allocation " + std::to_string(slot) + " has a state before it has a place");
        }
    }
    for (const table::SlabRef ref : view.slabs) {
        const table::TableReader::Slab slab = reader_->slab(ref);
        const auto [first, inserted] = slab_bytes_.try_emplace({ref.index, ref.generation}, slab.bytes);
        if (!slab.exists || slab.bytes == 0 || slab.handle.kind != HandleKind::memfd || first->second != slab.bytes) {
            violations.push_back("slab " + std::to_string(ref.index) + " is listed before it is complete");
        }
    }
}

std::optional<table::Acquired> ImageReader::acquire(const std::string& name, std::vector<std::string>& violations,
                                                    bool* lost) {
    table::Acquired acquired;
    std::uint64_t retries = 0;
    bool nudged = false;
    try {
        const table::AcquireResult result =
            table::acquire(*reader_, *pages_, name, table::hash_name(name.data(), name.size()), 0, acquired, retries,
                           [&](table::AllocationRef) { nudged = true; });
        if (retries != 0 || nudged) {
            violations.push_back("get of '" + name + "' found a name that leads to no live allocation");
        }
        if (result == table::AcquireResult::acquired) {
            return acquired;
        }
        if (result != table::AcquireResult::missing) {
            violations.push_back("get of '" + name + "' found no free lease entry");
        }
    } catch (const Error& error) {
        if (error.errc() != Errc::service_lost) {
            violations.push_back("get of '" + name + "': " + error.what());
        } else if (lost != nullptr) {
            *lost = true;
        }
    }
    return std::nullopt;
}

void ImageReader::check_acquire(const std::string& name, const NameView& view, std::vector<std::string>& violations) {
    const std::uint32_t before = pages_->in_use();
    bool lost = false;
    const std::optional<table::Acquired> acquired = acquire(name, violations, &lost);
    if (!lost && acquired.has_value() != view.copy.has_value()) {
        violations.push_back("'" + name + "': lookup says " + to_string(view) + ", get " +
                             (acquired ? "acquires" : "does not"));
    }
    if (acquired) {
        const table::AllocationRef allocation = acquired->copy.allocation;
        if (view.copy && !same_copy(acquired->copy, *view.copy)) {
            violations.push_back("'" + name + "': get and lookup saw different publications");
        }
        const auto place = placements_.find(allocation);
        if (allocation.slot < kWatchedSlots &&
            (place == placements_.end() || !same_place(place->second, acquired->placement))) {
            violations.push_back("'" + name + "': get gives memory that is not the allocation's");
        }
        if (pages_->entry_word(acquired->lease).load() != table::pack_lease(allocation.slot, allocation.generation)) {
            violations.push_back("'" + name + "': get leaves no lease that names the allocation");
        }
        pages_->drop(acquired->lease);
    }
    if (pages_->in_use() != before) {
        violations.push_back("'" + name + "': get leaves a lease behind");
    }
}

// A blocked get as src/client/lookup.cpp does it, whose writer dies in this image: the helper thread ends the client.
void ImageReader::check_end(const std::string& name, std::vector<std::string>& violations) {
    detail::Liveness liveness;
    const std::uint64_t hash = table::hash_name(name.data(), name.size());
    const std::uint32_t cancel_seen = liveness.cancel_seen();
    const std::uint32_t bucket_seen = reader_->bucket_sequence(hash);
    liveness.check("get");
    static_cast<void>(look_up(name, violations));
    liveness.end(detail::Ending::lost);
    table::wait_for_change(reader_->bucket(hash), bucket_seen, liveness.cancel_word(), cancel_seen,
                           std::chrono::steady_clock::time_point::max());
    try {
        liveness.check("get");
        violations.push_back("a get whose service was lost goes on");
    } catch (const Error& error) {
        if (error.errc() != Errc::service_lost) {
            violations.push_back(std::string("a get whose service was lost ends with: ") + error.what());
        }
    }
}

ImageView ImageReader::look(std::vector<std::string>& violations) {
    ImageView view;
    const table::TableHeader& header = reader_->header();
    view.context = reader_->context_state();
    view.version = table::load_word(&header.version);
    view.publications = table::load_word(&header.publications);
    view.allocations = table::load_word(&header.allocations);
    for (std::uint32_t slot = 0; slot < kWatchedSlots; ++slot) {
        view.states.push_back(reader_->allocation_state(slot));
    }
    try {
        view.slabs = reader_->slabs();
    } catch (const Error& error) {
        view.slabs_lost = error.errc() == Errc::service_lost;
        if (!view.slabs_lost) {
            violations.push_back(std::string("slabs: ") + error.what());
        }
    }
    check_placements(view, violations);
    for (const std::string& name : names_) {
        const NameView& seen = view.names.emplace(name, look_up(name, violations)).first->second;
        if (seen.copy && seen.copy->version > view.version) {
            violations.push_back("'" + name + "' has a version above the header's");
        }
        check_acquire(name, seen, violations);
    }
    check_list(view, violations);
    check_end(names_.front(), violations);
    return view;
}

}  // namespace fastio::test
