#include "context_subject.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/attributes.hpp"
#include "unit/service/context_settings.hpp"
#include "unit/table/table_fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kSlabBytes = 64 << 20;
constexpr std::uint32_t kMostLeases = 8192;
constexpr std::uint32_t kMostOrdinals = 8;

}  // namespace

ContextWorld::ContextWorld() : context(context_settings(), watchers, touched) {
    for (service::Session* const session : {&producer, &consumer}) {
        session->id = session == &producer ? 1 : 2;
        session->name = session == &producer ? "load" : "smooth";
        session->pid = 1234;
        session->stage = service::Session::Stage::member;
        session->context = &context;
        session->leases = std::make_unique<table::LeaseBook>(kMostLeases, 1);
        context.members()[session->id] = session;
    }
    producer_pages = std::make_unique<table::LeasePages>(duplicate(producer.leases->file()), 1);
    OwnedSlab slab;
    slab.bytes = kSlabBytes;
    slab.handle.kind = HandleKind::memfd;
    const table::SlabRef ref = context.writer().add_slab(slab.handle, slab.bytes, 0, 4711);
    context.pools()[0].add(ref, std::move(slab));
}

table::AllocationRef ContextWorld::create(std::uint64_t size) {
    return context.create(producer, account, size, 256, 0, service::Collect::where_short).value();
}

std::uint32_t ContextWorld::lease_of(table::AllocationRef allocation) const {
    const auto entry = leases_.find(allocation);
    return entry == leases_.end() ? wire::kNoLease : entry->second;
}

void ContextWorld::publish(std::string_view name, table::AllocationRef allocation, std::uint64_t size,
                           std::string_view remark, bool replace, table::FenceRef fence) {
    wire::Publish message;
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    message.lease = lease_of(allocation);
    if (message.lease == wire::kNoLease) {
        message.lease = producer_pages->claim(allocation).value();
        leases_[allocation] = message.lease;
    }
    message.fence_word = fence.word;
    message.fence_value = fence.value;
    message.flags = replace ? wire::Publish::kReplace : 0;
    wire::set_text(message.name, name);
    message.type_code = static_cast<std::uint8_t>(uint8.code);
    message.type_bits = uint8.bits;
    message.type_lanes = uint8.lanes;
    message.rank = 2;
    message.extents[0] = 3;
    message.extents[1] = static_cast<std::int64_t>(size / 3);
    if (!remark.empty()) {
        Attributes attributes;
        attributes["remark"] = remark;
        producer.attributes = encode_attributes(attributes);
        message.attribute_bytes = static_cast<std::uint32_t>(producer.attributes.size());
    }
    context.publish(producer, account, message);
}

std::uint32_t ContextWorld::grant_fences() {
    has_fences_ = true;
    return context.fences().grant(producer.id).value();
}

void ContextWorld::free(table::AllocationRef allocation) {
    wire::Free message;
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    message.lease = lease_of(allocation);
    context.free(producer, message);
}

void ContextWorld::release(table::AllocationRef allocation) {
    const std::uint32_t entry = lease_of(allocation);
    if (entry == wire::kNoLease) {
        throw std::runtime_error("the producer has no such lease");
    }
    producer_pages->drop(entry);
    leases_.erase(allocation);
}

void ContextWorld::release_all() {
    while (!leases_.empty()) {
        release(leases_.begin()->first);
    }
}

std::vector<SubjectFile> ContextWorld::files() const {
    using enum table::SegmentKind;
    std::vector<SubjectFile> files;
    table::TableWriter& writer = const_cast<service::Context&>(context).writer();
    for (const table::SegmentKind kind : {header, index, publications, attributes, allocations, slabs}) {
        for (std::uint32_t ordinal = 0; ordinal < kMostOrdinals && writer.segment(kind, ordinal).fd >= 0; ++ordinal) {
            files.push_back({false, kind, ordinal, writer.segment(kind, ordinal).fd});
        }
    }
    files.push_back({true, header, 0, consumer_leases()});
    if (has_fences_) {
        files.push_back({false, header, 0, const_cast<service::Context&>(context).fences().file(), true});
    }
    return files;
}

void ContextSubject::settle() {
    if (std::exchange(settled_, true)) {
        world_.release_all();
    }
    world_.context.collect();
}

MakeSubject ContextSubject::make(Routine prepare, Routine routine) {
    return [prepare = std::move(prepare), routine = std::move(routine)] {
        return std::make_unique<ContextSubject>(prepare, routine);
    };
}

}  // namespace fastio::test
