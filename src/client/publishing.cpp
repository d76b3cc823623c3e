#include "client/publishing.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>
#include <vector>

#include "client/happens_before.hpp"
#include "client/streams.hpp"
#include "core/attributes.hpp"
#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/names.hpp"

namespace fastio::detail {
namespace {

void check_alignment(std::uint64_t alignment) {
    if (!std::has_single_bit(alignment) || alignment < kMinAlignment || alignment > kMaxAlignment) {
        fail(Errc::invalid_argument, "create was asked for an alignment of {} bytes: give a power of two from {} to {}",
             alignment, kMinAlignment, kMaxAlignment);
    }
}

void send_attributes(Connection::Turn& turn, std::span<const std::byte> bytes) {
    for (std::size_t offset = 0; offset < bytes.size();) {
        wire::AttributesPart part;
        const std::size_t count = std::min(bytes.size() - offset, std::size(part.data));
        part.offset = static_cast<std::uint32_t>(offset);
        part.bytes = static_cast<std::uint32_t>(count);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, std::begin(part.data));
        turn.send(part);
        offset += count;
    }
}

std::uint64_t send_publish(const AllocationImpl& impl, std::uint32_t lease, std::string_view name, bool replace,
                           std::span<const std::byte> attributes) {
    const table::PublicationCopy& copy = impl.acquired.copy;
    wire::Publish request;
    request.slot = copy.allocation.slot;
    request.generation = copy.allocation.generation;
    request.lease = lease;
    request.flags = replace ? wire::Publish::kReplace : 0;
    wire::set_text(request.name, name);
    request.type_code = static_cast<std::uint8_t>(copy.type.code);
    request.type_bits = copy.type.bits;
    request.type_lanes = copy.type.lanes;
    request.rank = copy.shape.rank;
    std::copy(copy.shape.extents.begin(), copy.shape.extents.end(), std::begin(request.extents));
    request.attribute_bytes = static_cast<std::uint32_t>(attributes.size());
    Connection::Turn turn(impl.client->connection(), "publish");
    send_attributes(turn, attributes);
    return turn.call<wire::PublishReply>(request).version;
}

// The first publish turns the hold into a lease. It is there before the service hears of it (P4), so that at every
// moment one of both keeps the allocation.
class FirstLease {
public:
    explicit FirstLease(AllocationImpl& impl) : impl_(impl) {
        if (impl.claim == Claim::hold) {
            impl.acquired.lease = impl.client->claim_lease(impl.ref());
            pending_ = true;
        }
    }
    FirstLease(const FirstLease&) = delete;
    FirstLease& operator=(const FirstLease&) = delete;
    ~FirstLease() {
        if (pending_) {
            impl_.client->leases().drop(impl_.acquired.lease);
        }
    }
    void keep() noexcept {
        impl_.claim = Claim::lease;
        pending_ = false;
    }

private:
    AllocationImpl& impl_;
    bool pending_ = false;
};

void drop_lease(AllocationImpl& impl) noexcept {
    Client& client = *impl.client;
    client.leases().drop(impl.acquired.lease);
    bool retired = true;
    try {
        const StateWord state = client.reader().allocation_state(impl.ref().slot);
        retired = state.generation == impl.ref().generation && state.state == AllocationState::retired;
    } catch (const std::exception&) {  // its segment could not be mapped; a nudge too many does no harm
    }
    if (retired) {
        client.nudge(impl.ref());
    }
}

void drop_hold(AllocationImpl& impl) noexcept {
    wire::ReleaseHold message;
    message.slot = impl.ref().slot;
    message.generation = impl.ref().generation;
    impl.client->connection().post(message);
}

}  // namespace

AllocationPtr create(Client& client, std::uint64_t bytes, DataType type, const Shape& shape,
                     const CreateOptions& options) {
    client.check_open("create");
    check_alignment(options.alignment);
    if (!options.device.empty()) {
        check_device_available(options.device);
    }
    const bool own_device = options.device.empty() || options.device == "auto";
    refuse_host_stream(own_device ? client.device() : options.device, options.stream, "create");

    wire::Create request;
    request.size = bytes;
    request.alignment = options.alignment;
    if (!own_device) {
        wire::set_text(request.device, options.device);
    }
    AllocationPtr impl(new AllocationImpl(client));
    const auto reply = client.connection().call<wire::CreateReply>(request, "create");
    impl->claim = Claim::hold;  // from here on the destructor gives it back
    impl->is_user = true;
    client.enter();
    impl->acquired.copy.allocation = {reply.slot, reply.generation};
    impl->acquired.copy.type = type;
    impl->acquired.copy.shape = shape;
    impl->acquired.placement = {{reply.slab, reply.slab_generation}, reply.offset, bytes, reply.capacity, reply.device};
    const SlabCache::Slab slab = client.slabs().get(impl->acquired.placement.slab);
    if (reply.offset > slab.bytes || bytes > slab.bytes - reply.offset) {
        fail(Errc::protocol_error, "create of {} bytes: the service places them at {} in a slab of {}", bytes,
             reply.offset, slab.bytes);
    }
    impl->device = slab.device;
    impl->data = slab.data + reply.offset;
    acquire_contents(slab.data);  // pairs with drop_claim and free: the memory's earlier holders
    if (options.zero) {
        impl->device->fill(impl->data, std::byte{0}, bytes, options.stream);
    }
    return impl;
}

void publish(AllocationImpl& impl, std::string_view name, const PublishOptions& options) {
    Client& client = *impl.client;
    client.check_open("publish");
    check_name(name);
    refuse_host_stream(*impl.device, options.stream, "publish");
    const std::uint64_t bytes = size_bytes(impl.acquired.copy.type, impl.acquired.copy.shape);
    const std::vector<std::byte> encoded = encode_attributes(options.attributes);
    auto attributes = options.attributes.empty() ? nullptr : std::make_unique<Attributes>(options.attributes);
    if (!options.stream) {
        impl.device->synchronise({});
    }
    // Mapped now, so that no release has to.
    static_cast<void>(client.reader().allocation_state(impl.ref().slot));
    release_contents(impl.data);  // pairs with get
    FirstLease lease(impl);
    impl.acquired.copy.version = send_publish(impl, impl.acquired.lease, name, options.replace, encoded);
    lease.keep();
    impl.acquired.copy.size = bytes;
    impl.attributes = std::move(attributes);
    impl.set_name(name);
    client.counters().bytes_published.fetch_add(bytes, std::memory_order_relaxed);
}

void free(AllocationImpl& impl) {
    Client& client = *impl.client;
    client.check_open("free");
    release_contents(impl.slab_data());  // pairs with create
    wire::Free request;
    request.slot = impl.ref().slot;
    request.generation = impl.ref().generation;
    request.lease = impl.claim == Claim::lease ? impl.acquired.lease : wire::kNoLease;
    static_cast<void>(client.connection().call<wire::Ok>(request, "free"));
    // The service counts this entry no longer, so that no nudge is due.
    if (std::exchange(impl.claim, Claim::none) == Claim::lease) {
        client.leases().drop(impl.acquired.lease);
    }
}

void drop_claim(AllocationImpl& impl) noexcept {
    if (impl.client->liveness().forked()) {
        return;
    }
    if (impl.data != nullptr) {
        release_contents(impl.slab_data());  // pairs with create
    }
    switch (std::exchange(impl.claim, Claim::none)) {
        case Claim::none:
            break;
        case Claim::hold:
            drop_hold(impl);
            break;
        case Claim::lease:
            drop_lease(impl);
            break;
    }
}

}  // namespace fastio::detail
