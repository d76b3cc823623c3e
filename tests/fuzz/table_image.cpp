#include "table_image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "device/host_identity.hpp"
#include "device/memfd.hpp"
#include "table/segments.hpp"
#include "table/writer.hpp"

namespace fastio::fuzz {

using table::SegmentKind;

TableImage::TableImage() {
    table::TableIdentity identity;
    identity.boot_id = read_boot_id();
    identity.job = "job";
    DeviceInfo device;
    device.name = "host";
    identity.devices = {device};
    const table::TableWriter writer(identity, {});
    const Mapping header(writer.segment(SegmentKind::header, 0).fd, sizeof(table::TableHeader),
                         Mapping::Access::read_only);
    add(SegmentKind::header, 0, sizeof(table::TableHeader), {header.data(), header.size()});
    for (std::uint32_t ordinal = 0; ordinal < kOrdinals; ++ordinal) {
        for (const SegmentKind kind : {SegmentKind::index, SegmentKind::publications, SegmentKind::attributes,
                                       SegmentKind::allocations, SegmentKind::slabs}) {
            add(kind, ordinal, table::segment_bytes(kind));
        }
    }
}

void TableImage::add(SegmentKind kind, std::uint32_t ordinal, std::size_t bytes, std::span<const std::byte> start) {
    Segment segment;
    segment.file = make_memfd("segment", bytes);
    seal_size(segment.file.get());
    segment.memory = Mapping(segment.file.get(), bytes, Mapping::Access::read_write);
    segment.start.assign(start.begin(), start.end());
    std::copy(start.begin(), start.end(), segment.memory.data());
    segments_.emplace(Key{kind, ordinal}, std::move(segment));
}

Descriptor TableImage::file(SegmentKind kind, std::uint32_t ordinal) const {
    const auto found = segments_.find({kind, ordinal});
    return found == segments_.end() ? Descriptor{} : Descriptor{::fcntl(found->second.file.get(), F_DUPFD_CLOEXEC, 3)};
}

Descriptor TableImage::copy_of_header(std::size_t bytes, bool sealed) const {
    Descriptor file = make_memfd("header", bytes);
    const std::byte* const from = segments_.at({SegmentKind::header, 0}).memory.data();
    require(::pwrite(file.get(), from, bytes, 0) == static_cast<ssize_t>(bytes), "the header can be copied");
    if (sealed) {
        seal_size(file.get());
    }
    return file;
}

void TableImage::put(SegmentKind kind, std::uint32_t ordinal, std::size_t offset, std::span<const std::byte> bytes) {
    const auto found = segments_.find({kind, ordinal});
    if (found == segments_.end() || offset >= found->second.memory.size()) {
        return;
    }
    const std::size_t count = std::min(bytes.size(), found->second.memory.size() - offset);
    std::copy_n(bytes.begin(), count, found->second.memory.data() + offset);
    changes_.push_back({found->first, offset, count});
}

void TableImage::restore() {
    for (const Change& change : changes_) {
        Segment& segment = segments_.at(change.key);
        std::byte* const at = segment.memory.data() + change.offset;
        if (segment.start.empty()) {
            std::fill_n(at, change.bytes, std::byte{0});
        } else {
            std::copy_n(segment.start.data() + change.offset, change.bytes, at);
        }
    }
    changes_.clear();
}

}  // namespace fastio::fuzz
