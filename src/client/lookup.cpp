#include "client/lookup.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "client/deadline.hpp"
#include "client/happens_before.hpp"
#include "client/sleeps.hpp"
#include "client/streams.hpp"
#include "core/attributes.hpp"
#include "core/fail.hpp"
#include "core/names.hpp"
#include "device/waiting.hpp"

namespace fastio::detail {
namespace {

// False when the name is missing, or not newer than asked for.
bool acquire(Client& client, std::string_view name, std::uint64_t hash, std::uint64_t newer_than,
             AllocationImpl& impl) {
    std::uint64_t retries = 0;
    std::uint32_t tried_chunks = 0;
    MoreLeases more(client);
    for (;;) {
        const table::AcquireResult result =
            table::acquire(client.reader(), client.leases(), name, hash, newer_than, impl.acquired, retries,
                           [&client](table::AllocationRef allocation) { client.nudge(allocation); });
        if (retries != 0) [[unlikely]] {
            client.counters().retries.fetch_add(retries, std::memory_order_relaxed);
            retries = 0;
        }
        if (result != table::AcquireResult::no_lease_entry) [[likely]] {
            return result == table::AcquireResult::acquired;
        }
        // Asks for more only after a try that knew of all there are: another thread may just have been granted some.
        const std::uint32_t chunks = client.leases().granted_chunks();
        if (std::exchange(tried_chunks, chunks) == chunks) {
            more.get(chunks);
        }
    }
}

void tell_woken(const GetOptions& options) {
    if (options.on_wake != nullptr) {
        options.on_wake();
    }
}

[[gnu::noinline]] bool acquire_waiting(Client& client, std::string_view name, std::uint64_t hash,
                                       const GetOptions& options, AllocationImpl& impl) {
    check_name(name);
    if (options.timeout <= std::chrono::nanoseconds::zero()) {
        client.check_open("get");
        return false;
    }
    const auto deadline = deadline_after(options.timeout);
    // A signal that arrives just before a sleep begins does not end it.
    Sleeps sleeps(deadline, options.on_wake != nullptr);
    for (;;) {
        // In this order (Liveness, and the table writer's invariant 5): what changes after these reads ends the sleep.
        const std::uint32_t cancel_seen = client.liveness().cancel_seen();
        const std::uint32_t bucket_seen = client.reader().bucket_sequence(hash);
        client.check_open("get");
        if (acquire(client, name, hash, options.newer_than, impl)) {
            return true;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        client.counters().waits.fetch_add(1, std::memory_order_relaxed);
        table::wait_for_change(client.reader().bucket(hash), bucket_seen, client.liveness().cancel_word(), cancel_seen,
                               sleeps.end_of_next());
        tell_woken(options);
    }
}

bool is_poisoned(const AllocationImpl& impl) {
    return impl.client->reader().allocation_state(impl.ref().slot).poisoned;
}

void wait_for_contents(AllocationImpl& impl, std::string_view name, table::FenceRef fence, const GetOptions& options) {
    const std::chrono::nanoseconds timeout = options.contents_timeout;
    const auto deadline = deadline_after(timeout);
    PollingPauses pauses;
    while (!impl.client->stream_words().is_complete(fence)) {
        if (is_poisoned(impl)) {
            fail_producer_lost(impl, name, "get");
        }
        impl.client->check_open("get");
        if (std::chrono::steady_clock::now() >= deadline) {
            fail(Errc::timed_out,
                 "get of '{}': version {} is published, but its producer's stream has not completed the contents "
                 "within {} ms: give more contents_timeout, or a stream to wait in",
                 name, impl.acquired.copy.version,
                 std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
        }
        pauses.pause();
        tell_woken(options);
    }
}

bool wait_in_stream(AllocationImpl& impl, table::FenceRef fence, Stream stream) {
    Client& client = *impl.client;
    client.slabs().open_all(client.reader());
    return client.stream_words().wait_in(*impl.device, fence, stream);
}

/// The word is complete. Errors: service_lost, where it may be another consumer's who completed it.
void check_completion(AllocationImpl& impl, std::string_view name) {
    if (impl.client->stream_words().may_be_orphans() && impl.client->service_is_dead()) [[unlikely]] {
        fail(Errc::service_lost,
             "get of '{}': the service died, and nobody can tell any more whether the contents were completed", name);
    }
}

// Until here only the slab was opened. Design P6: the GPU waits where there is a stream, else the host.
[[gnu::noinline]] void await_contents(AllocationImpl& impl, std::string_view name, const GetOptions& options) {
    const table::FenceRef fence = fence_of(impl.acquired.copy, name, "get");
    StreamWords& words = impl.client->stream_words();
    if (words.is_complete(fence)) {
        check_completion(impl, name);
        return;
    }
    // What is staged is copied now, so that its contents are waited for now.
    if (options.stream && !impl.client->staging() && wait_in_stream(impl, fence, options.stream)) {
        impl.awaited = true;
        return;
    }
    wait_for_contents(impl, name, fence, options);
    check_completion(impl, name);
}

}  // namespace

void fail_producer_lost(const AllocationImpl& impl, std::string_view name, std::string_view call) {
    const std::uint64_t version = impl.acquired.copy.version;
    throw Error(Errc::producer_lost,
                fmt::format("{} of '{}': the producer of version {} died before its contents were complete, or did not "
                            "complete them within the service's --fence-limit: wait for it to be published again "
                            "(newer_than {})",
                            call, name, version, version),
                version);
}

AllocationPtr get(Client& client, std::string_view name, const GetOptions& options) {
    client.liveness().check("get");
    const std::uint64_t hash = table::hash_name(name.data(), name.size());
    AllocationPtr impl(new AllocationImpl(client));
    if (!acquire(client, name, hash, options.newer_than, *impl)) [[unlikely]] {
        if (!acquire_waiting(client, name, hash, options, *impl)) {
            return nullptr;
        }
    }
    impl->claim = Claim::lease;
    impl->is_user = true;
    client.enter_by_get();
    const table::Placement& placement = impl->acquired.placement;
    SlabCache::Slab slab = client.slabs().find(placement.slab);
    if (options.stream) [[unlikely]] {  // first: opening a slab, or waiting for the device, would spoil a capture
        check_stream(slab.device != nullptr ? *slab.device : client.devices().memory(placement.device), options.stream,
                     "get");
    }
    if (slab.device == nullptr) [[unlikely]] {
        slab = client.slabs().open(placement.slab);
    }
    slab.check_not_lost("get");
    if (placement.offset > slab.bytes || placement.size > slab.bytes - placement.offset) [[unlikely]] {
        fail(Errc::corrupt_input, "get of '{}': the table places {} bytes at {} in a slab of {}: restart the job", name,
             placement.size, placement.offset, slab.bytes);
    }
    const table::PublicationCopy& copy = impl->acquired.copy;
    if (!fits(copy.type, copy.shape, placement.size)) [[unlikely]] {
        fail(Errc::corrupt_input,
             "get of '{}': the table says that its {} bytes are an array of {} [{}]: restart the job", name,
             placement.size, to_string(copy.type), fmt::join(copy.shape.span(), ", "));
    }
    impl->device = slab.device;
    impl->data = slab.data + placement.offset;
    if (impl->acquired.copy.fence_value != 0) [[unlikely]] {
        await_contents(*impl, name, options);
    }
    // After the fence: who completes one for a dead producer has poisoned the allocation before.
    if (is_poisoned(*impl)) [[unlikely]] {
        fail_producer_lost(*impl, name, "get");
    }
    acquire_contents(impl->data);  // pairs with publish
    if (client.staging()) [[unlikely]] {
        stage(*impl);
    }
    impl->set_name(name);
    if (!impl->acquired.copy.attributes.empty()) [[unlikely]] {
        impl->attributes = std::make_unique<Attributes>(decode_attributes(impl->acquired.copy.attributes));
        impl->acquired.copy.attributes.clear();
    }
    return impl;
}

}  // namespace fastio::detail
