#include "client/creating.hpp"

#include <bit>
#include <utility>

#include "client/deadline.hpp"
#include "client/happens_before.hpp"
#include "client/incoming.hpp"
#include "client/sleeps.hpp"
#include "client/streams.hpp"
#include "core/fail.hpp"
#include "core/limits.hpp"

namespace fastio::detail {
namespace {

void check_alignment(std::uint64_t alignment) {
    if (!std::has_single_bit(alignment) || alignment < kMinAlignment || alignment > kMaxAlignment) {
        fail(Errc::invalid_argument, "create was asked for an alignment of {} bytes: give a power of two from {} to {}",
             alignment, kMinAlignment, kMaxAlignment);
    }
}

// Empty where the service has no room now and may have some later; then `why` says what was short.
std::optional<wire::CreateReply> try_to_create(Client& client, wire::Create& request, std::optional<Error>& why) {
    try {
        return client.connection().call<wire::CreateReply>(request, "create");
    } catch (const RefusedForNow& refusal) {
        why = refusal;
        return std::nullopt;
    }
}

/// What was released on a GPU counts until the GPU is done with it. Who is refused for want of room has that awaited,
/// and asks once more.
wire::CreateReply create_now(Client& client, wire::Create& request) {
    std::optional<Error> why;
    auto reply = try_to_create(client, request, why);
    if (!reply && client.finish_releases()) {
        reply = try_to_create(client, request, why);
    }
    return reply ? *reply : throw Error(*why);
}

/// Asks again whenever memory came back. Of memory that a GPU gave back, or another program that uses it, nobody is
/// told: for that it looks around.
wire::CreateReply create_waiting(Client& client, wire::Create& request, const CreateOptions& options) {
    const auto deadline = deadline_after(options.timeout);
    Sleeps sleeps(deadline, true);
    std::optional<Error> why;
    request.flags |= wire::Create::kWaitsItself;  // others of this process ask the service meanwhile
    for (;;) {
        // In this order: what changes after these reads ends the sleep.
        const std::uint32_t cancel_seen = client.liveness().cancel_seen();
        const std::uint32_t room_seen = client.reader().room_sequence();
        client.check_open("create");
        if (const auto reply = try_to_create(client, request, why)) {
            return *reply;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            fail(why->errc(), "{} (asked for again and again for {} ms)", why->what(),
                 std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
        }
        client.counters().waits.fetch_add(1, std::memory_order_relaxed);
        table::wait_for_change(client.reader().room(), room_seen, client.liveness().cancel_word(), cancel_seen,
                               sleeps.end_of_next());
        if (options.on_wake != nullptr) {
            options.on_wake();
        }
    }
}

}  // namespace

AllocationPtr create(Client& client, std::uint64_t bytes, DataType type, const Shape& shape,
                     const CreateOptions& options, StreamUse use) {
    client.check_open("create");
    check_alignment(options.alignment);
    if (!options.device.empty()) {
        check_device_available(options.device);
    }
    const bool own_device = is_own_device(options);
    refuse_host_stream(own_device ? client.device() : options.device, options.stream, "create");

    wire::Create request;
    request.size = bytes;
    request.alignment = options.alignment;
    if (!own_device) {
        wire::set_text(request.device, device_for_service(options.device));
    }
    AllocationPtr impl(new AllocationImpl(client));
    const wire::CreateReply reply = options.timeout > std::chrono::nanoseconds::zero()
                                        ? create_waiting(client, request, options)
                                        : create_now(client, request);
    impl->claim = Claim::hold;  // from here on the destructor gives it back
    impl->is_user = true;
    client.enter();
    impl->acquired.copy.allocation = {reply.slot, reply.generation};
    impl->acquired.copy.type = type;
    impl->acquired.copy.shape = shape;
    // Its state is mapped now, so that neither a release nor check() has to ask for it.
    static_cast<void>(client.reader().allocation_state(reply.slot));
    impl->acquired.placement = {{reply.slab, reply.slab_generation}, reply.offset, bytes, reply.capacity, reply.device};
    if (options.stream && (options.zero || use == StreamUse::copies)) {  // as in get
        check_stream(client.devices().memory(reply.device), options.stream, "create");
    }
    const SlabCache::Slab slab = client.slabs().get(impl->acquired.placement.slab);
    slab.check_not_lost("create");
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

}  // namespace fastio::detail
