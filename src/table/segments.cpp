#include "table/segments.hpp"

#include <string>

#include "device/memfd.hpp"

namespace fastio::table {

const char* to_string(SegmentKind kind) noexcept {
    switch (kind) {
        case SegmentKind::header:
            return "header";
        case SegmentKind::index:
            return "index";
        case SegmentKind::publications:
            return "publications";
        case SegmentKind::attributes:
            return "attributes";
        case SegmentKind::allocations:
            return "allocations";
        case SegmentKind::slabs:
            return "slabs";
    }
    return "unknown";
}

OwnedSegment::OwnedSegment(SegmentKind kind, std::uint64_t bytes)
    : file_(make_memfd((std::string("fastio-table-") + to_string(kind)).c_str(), bytes)) {
    reserve_pages(file_.get(), 0, bytes);
    // The service's forked children have no business in the table; Linux unmaps it there.
    mapping_ = Mapping(file_.get(), bytes, Mapping::Access::read_write, Mapping::Fork::not_inherited);
    seal_against_new_writers(file_.get());
}

}  // namespace fastio::table
