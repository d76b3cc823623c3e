#pragma once

#include <array>
#include <memory>
#include <vector>

#include "input.hpp"
#include "service/request_dispatcher.hpp"
#include "support/forwarding_memory.hpp"

namespace fastio::fuzz {

/// A device whose slabs are numbers: nobody looks into them.
class NumberMemory final : public test::ForwardingMemory {
public:
    NumberMemory();
    [[nodiscard]] OwnedSlab reserve(std::uint64_t bytes) override;
    void release(OwnedSlab slab) override;
    void fill(void*, std::byte, std::uint64_t, Stream) override {}

private:
    std::uint64_t next_ = 1;
};

/// The service without its sockets' loop: one thread does everything, in the order that the input says.
class ServiceParts {
public:
    explicit ServiceParts(service::Options options);
    ServiceParts(const ServiceParts&) = delete;
    ServiceParts& operator=(const ServiceParts&) = delete;
    ~ServiceParts();

    /// What a client holds, and the session that stands for it.
    struct Client {
        wire::Socket request{};
        wire::Socket events{};
        fastio::Descriptor lifeline{};
        std::uint64_t session = 0;
    };
    /// A client that has connected and said nothing yet.
    [[nodiscard]] std::unique_ptr<Client> connect();
    /// Null when it has ended.
    [[nodiscard]] service::Session* session(const Client& client) { return registry.session(client.session); }

    void request(const Client& client, wire::Packet& packet);
    void event(const Client& client, const wire::Packet& packet);
    void exit(const Client& client);
    void end_lifeline(const Client& client);
    /// What the device was asked for is done.
    void finish_device_work();
    /// Every timer is due.
    void run_timers();
    /// All clients die, and the contexts that would outlive them are ended.
    void end_all(std::span<const std::unique_ptr<Client>> clients);
    /// The end of a round of the service's loop.
    void tidy();
    /// Reads what the service has sent.
    static void read_all(Client& client);

    service::Registry registry;
    service::Inspector inspector{registry};
    service::SlabReturns returns{registry};
    service::Growth growth{registry, returns};
    service::FenceWatch fence_watch{registry};
    service::NameExpiry name_expiry{registry};
    service::Teardown teardown{registry, growth, returns, fence_watch};
    service::Admission admission{registry};
    service::RequestDispatcher dispatcher{registry,    admission,   growth,   returns,
                                          fence_watch, name_expiry, teardown, inspector};

private:
    [[nodiscard]] bool device_works() const;
    void settle();
};

}  // namespace fastio::fuzz
