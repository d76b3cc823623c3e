#include "client/publishing.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "client/happens_before.hpp"
#include "client/streams.hpp"
#include "core/attributes.hpp"
#include "core/fail.hpp"
#include "core/names.hpp"

namespace fastio::detail {
namespace {

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

void check_name_and_time(std::string_view name, const PublishOptions& options) {
    check_name(name);
    if (options.time_to_live.count() <= 0) {
        fail(Errc::invalid_argument,
             "publish of '{}' was given a time to live of {} ns: give more than 0, or none for a name that stays", name,
             options.time_to_live.count());
    }
}

std::uint64_t send_publish(const AllocationImpl& impl, std::string_view name, const PublishOptions& options,
                           std::span<const std::byte> attributes, table::FenceRef fence) {
    const table::PublicationCopy& copy = impl.acquired.copy;
    wire::Publish request;
    request.slot = copy.allocation.slot;
    request.generation = copy.allocation.generation;
    request.lease = impl.acquired.lease;
    request.fence_word = fence.word;
    request.fence_value = fence.value;
    request.flags = options.replace ? wire::Publish::kReplace : 0;
    request.time_to_live_ns =
        options.time_to_live == forever ? 0 : static_cast<std::uint64_t>(options.time_to_live.count());
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
        if (pending_ && impl_.client->liveness().lost()) {
            keep();  // the service may have served it before, or after, and count on the lease from then on
        } else if (pending_) {
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

void send_free(AllocationImpl& impl, bool keep_lease) {
    wire::Free request;
    request.slot = impl.ref().slot;
    request.generation = impl.ref().generation;
    request.lease = impl.claim == Claim::lease ? impl.acquired.lease : wire::kNoLease;
    request.flags = keep_lease ? wire::Free::kKeepLease : 0;
    static_cast<void>(impl.client->connection().call<wire::Ok>(request, "free"));
}

// A lease can be left to a stream, a hold cannot.
void turn_into_lease(AllocationImpl& impl) {
    FirstLease lease(impl);
    if (impl.claim == Claim::hold) {
        drop_hold_now(*impl.client, impl.ref());
    }
    lease.keep();
}

}  // namespace

void check_publication(std::string_view name, const PublishOptions& options) {
    check_name_and_time(name, options);
    static_cast<void>(encode_attributes(options.attributes));
}

void publish(AllocationImpl& impl, std::string_view name, const PublishOptions& options) {
    Client& client = *impl.client;
    client.check_open("publish");
    check_name_and_time(name, options);
    check_not_lost(*impl.device, "publish");
    check_stream(*impl.device, options.stream, "publish");
    const std::uint64_t bytes = size_bytes(impl.acquired.copy.type, impl.acquired.copy.shape);
    const bool keeps = !options.attributes.is_given() && impl.attributes != nullptr;
    const Attributes& attributes = keeps ? std::as_const(*impl.attributes) : options.attributes;
    const std::vector<std::byte> encoded = encode_attributes(attributes);
    auto given = options.attributes.empty() ? nullptr : std::make_unique<Attributes>(options.attributes);
    FirstLease lease(impl);
    table::FenceRef fence;
    if (options.stream) {
        fence = client.stream_words().complete_behind(*impl.device, options.stream).value_or(table::FenceRef{});
    } else {
        impl.device->synchronise({});
    }
    release_contents(impl.data);  // pairs with get
    impl.acquired.copy.version = send_publish(impl, name, options, encoded, fence);
    lease.keep();
    impl.acquired.copy.size = bytes;
    if (!keeps) {
        impl.attributes = std::move(given);
    }
    impl.set_name(name);
    client.counters().bytes_published.fetch_add(bytes, std::memory_order_relaxed);
}

void free(AllocationImpl& impl, Stream stream) {
    impl.client->check_open("free");
    release_contents(impl.slab_data());  // pairs with create
    const bool in_order = has_streams(*impl.device);
    try {
        in_order ? unpublish(impl) : send_free(impl, false);
    } catch (...) {
        const Liveness& liveness = impl.client->liveness();
        if (liveness.lost() && liveness.ending() != Ending::lost) {
            impl.claim = Claim::none;  // given up: the service may serve it yet, and give the memory to others
        }
        throw;
    }
    if (in_order) {
        // The names are gone, the lease goes when the GPU is done.
        stream ? drop_claim_behind(impl, stream) : drop_claim(impl);
    } else if (std::exchange(impl.claim, Claim::none) == Claim::lease) {
        // The service counts this entry no longer, so that no nudge is due.
        impl.client->leases().drop(impl.acquired.lease);
    }
}

void unpublish(AllocationImpl& impl) {
    impl.client->check_open("unpublish");
    FirstLease lease(impl);
    send_free(impl, true);
    lease.keep();
}

void drop_claim(AllocationImpl& impl) noexcept {
    if (impl.client->liveness().forked()) {
        return;
    }
    // Without data nobody has used the memory yet.
    if (impl.data == nullptr || !has_streams(*impl.device)) {
        drop_claim_now(impl);
        return;
    }
    Janitor& janitor = impl.client->janitor();
    switch (std::exchange(impl.claim, Claim::none)) {
        case Claim::none:
            break;
        case Claim::hold:
            janitor.drop_hold(*impl.device, impl.ref());
            break;
        case Claim::lease:
            janitor.drop_lease(*impl.device, impl.ref(), impl.acquired.lease);
            break;
    }
}

void drop_claim_behind(AllocationImpl& impl, Stream stream) {
    Client& client = *impl.client;
    turn_into_lease(impl);
    if (!client.stream_words().clear_lease_behind(*impl.device, impl.acquired.lease, stream)) {
        impl.device->synchronise(stream);
        drop_claim_now(impl);
        return;
    }
    impl.claim = Claim::none;
    // Its scan then sees the lease marked as left to a stream, and looks again until it is gone.
    if (table::is_retired(client.reader(), impl.ref())) {
        client.nudge(impl.ref());
    }
}

void drop_claim_now(AllocationImpl& impl) noexcept {
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
            drop_hold_now(*impl.client, impl.ref());
            break;
        case Claim::lease:
            drop_lease_now(*impl.client, impl.ref(), impl.acquired.lease);
            break;
    }
}

void drop_lease_now(Client& client, table::AllocationRef allocation, std::uint32_t entry) noexcept {
    table::drop_lease(client.reader(), client.leases(), allocation, entry,
                      [&](table::AllocationRef retired) { client.nudge(retired); });
}

void drop_hold_now(Client& client, table::AllocationRef allocation) noexcept {
    wire::ReleaseHold message;
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    client.connection().post(message);
}

}  // namespace fastio::detail
