#include "service_parts.hpp"

#include <algorithm>

#include "device/host_memory.hpp"
#include "support/pipe.hpp"

namespace fastio::fuzz {
namespace {

constexpr std::uint64_t kSlabUnit = std::uint64_t{2} << 20;

}  // namespace

NumberMemory::NumberMemory() : ForwardingMemory(make_host_memory()) {}

OwnedSlab NumberMemory::reserve(std::uint64_t bytes) {
    OwnedSlab slab;
    slab.data = reinterpret_cast<void*>(next_ * kSlabUnit);
    slab.bytes = bytes;
    next_ += bytes / kSlabUnit;
    return slab;
}

void NumberMemory::release(OwnedSlab slab) {
    require(slab.data != nullptr && slab.bytes % kSlabUnit == 0, "what is released was reserved");
}

ServiceParts::ServiceParts(service::Options options)
    : registry(std::move(options), {std::make_shared<NumberMemory>()}) {}

ServiceParts::~ServiceParts() {
    registry.devices.stop_workers();
    for (const auto& [id, context] : registry.contexts) {
        for (service::SlabPool& pool : context->pools()) {
            while (std::optional<service::SlabPool::Slab> slab = pool.take_any()) {
                registry.devices.give_back(0, std::move(slab->memory));
            }
        }
        for (service::ClosingSlab& slab : context->closing) {
            registry.devices.give_back(slab.device, std::move(slab.memory));
        }
    }
}

std::unique_ptr<ServiceParts::Client> ServiceParts::connect() {
    auto client = std::make_unique<Client>();
    auto [own, of_service] = wire::Socket::pair();
    client->request = std::move(own);
    client->session = registry.next_session;
    admission.admit(std::move(of_service));
    settle();
    return client;
}

void ServiceParts::request(const Client& client, wire::Packet& packet) {
    service::Session* const found = session(client);
    if (found != nullptr && found->connected()) {
        dispatcher.request(*found, packet);
        settle();
    }
}

void ServiceParts::event(const Client& client, const wire::Packet& packet) {
    service::Session* const found = session(client);
    if (found != nullptr && found->connected()) {
        dispatcher.event(*found, packet);
        settle();
    }
}

void ServiceParts::exit(const Client& client) {
    service::Session* const found = session(client);
    if (found != nullptr && found->pidfd) {
        const bool is_connected = found->connected();
        teardown.on_exit(*found);
        if (is_connected) {
            registry.end(*found, service::Session::End::hang_up);
        }
        settle();
    }
}

void ServiceParts::end_lifeline(const Client& client) {
    service::Session* const found = session(client);
    if (found != nullptr && found->lifeline) {
        teardown.on_lifeline_end(*found);
        settle();
    }
}

bool ServiceParts::device_works() const {
    return std::ranges::any_of(registry.contexts, [](const auto& entry) {
        const service::Context& context = *entry.second;
        return context.releasing > 0 || std::ranges::find(context.growing, true) != context.growing.end();
    });
}

void ServiceParts::finish_device_work() {
    while (device_works()) {
        test::wait_until_readable(registry.wake.get());
        growth.on_workers();
        settle();
    }
}

void ServiceParts::run_timers() {
    for (const auto& [id, context] : registry.contexts) {
        growth.on_patience(*context);
        fence_watch.on_limit(*context);
        fence_watch.on_streams(*context);
        if (context->expiry) {
            registry.timers.cancel(*context->expiry);
            name_expiry.on_due(*context);
        }
        if (context->trim) {
            registry.timers.cancel(*context->trim);
            returns.on_trim(*context);
        }
    }
    settle();
}

void ServiceParts::end_all(std::span<const std::unique_ptr<Client>> clients) {
    for (const auto& client : clients) {
        end_lifeline(*client);
        if (service::Session* const found = session(*client)) {
            registry.end(*found, service::Session::End::hang_up);
            settle();
        }
        exit(*client);
    }
    for (const auto& [id, context] : registry.contexts) {
        teardown.end_context(*context);
    }
    tidy();
    while (device_works()) {
        finish_device_work();
        tidy();
    }
}

void ServiceParts::settle() {
    while (!registry.ending.empty()) {
        const std::uint64_t id = registry.ending.back();
        registry.ending.pop_back();
        if (service::Session* const found = registry.session(id)) {
            teardown.leave(*found);
        }
    }
}

void ServiceParts::tidy() {
    while (!registry.touched.empty()) {
        service::Context* const context = registry.context(registry.touched.back());
        registry.touched.pop_back();
        if (context != nullptr && context->take_touched()) {
            teardown.settle_context(*context);
            const bool went = context->collect();
            fence_watch.follow_streams(*context);
            fence_watch.rearm(*context);
            name_expiry.rearm(*context);
            returns.trim(*context);
            if (went) {
                growth.pump(*context);
                growth.tell_room();
            }
            teardown.forget(*context);
        }
        settle();
    }
}

void ServiceParts::read_all(Client& client) {
    wire::Packet packet;
    while (client.request.receive(packet, false) == wire::ReceiveResult::received) {
        if (packet.as<wire::HelloReply>()) {
            client.events = wire::Socket{std::move(packet.descriptors[1])};
            client.lifeline = std::move(packet.descriptors[2]);
        }
    }
    while (client.events && client.events.receive(packet, false) == wire::ReceiveResult::received) {
    }
}

}  // namespace fastio::fuzz
