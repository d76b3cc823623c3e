// What clients send to the service. An input is a program: packets of up to four clients, what they write into their
// lease pages, their ends, and when the service's device and timers do their part. All ends at the end, and nothing may
// be left.
#include <unistd.h>

#include <iterator>
#include <utility>

#include "packets.hpp"
#include "service_parts.hpp"
#include "table/layout.hpp"

namespace {

using namespace fastio::fuzz;
namespace service = fastio::service;
namespace table = fastio::table;
namespace wire = fastio::wire;
using Client = ServiceParts::Client;

constexpr std::size_t kClients = 4;
constexpr std::size_t kMostSteps = 200;

service::Options options(std::uint8_t choice) {
    service::Options options;
    options.pool_max = std::uint64_t{16} << 20;
    options.quota = (choice & 1) != 0 ? std::uint64_t{1} << 20 : 0;
    options.user_quota = (choice & 2) != 0 ? std::uint64_t{1} << 20 : 0;
    options.debug_memory = (choice & 4) != 0 ? 4096 : 0;
    options.max_clients = 3;
    options.max_leases = 2 * table::kLeasesPerChunk;
    options.max_allocations = 64;
    if ((choice & 8) != 0) {
        options.user = {2, std::uint64_t{3} * table::kLeasesPerChunk, 3, 1, 0};
    }
    return options;
}

class Program {
public:
    Program(ServiceParts& parts, Input& input) : parts_(parts), input_(input) {
        for (auto& client : clients_) {
            client = parts_.connect();
        }
    }

    void run() {
        for (std::size_t i = 0; !input_.empty() && i < kMostSteps; ++i) {
            step();
        }
        std::ranges::move(clients_, std::back_inserter(left_));
        parts_.end_all(left_);
        require(parts_.registry.sessions.empty(), "no session is left");
        require(parts_.registry.contexts.empty() && parts_.registry.jobs.empty(), "no context is left");
        require(parts_.registry.devices[0].reserved == 0, "no memory is left reserved");
    }

private:
    void step() {
        const auto what = input_.take<std::uint8_t>();
        Client& client = *clients_[what / 64];
        switch (what % 16) {
            case 0:
                any_packet(client);
                break;
            case 1:
                hello(client);
                break;
            case 2:
                join(client);
                break;
            case 3:
                event(client);
                break;
            case 4:
                write_lease(client);
                break;
            case 5:
                parts_.exit(client);
                break;
            case 6:
                parts_.end_lifeline(client);
                break;
            case 7:
                parts_.finish_device_work();
                break;
            case 8:
                parts_.tidy();
                break;
            case 9:
                ServiceParts::read_all(client);
                break;
            case 10:
                parts_.run_timers();
                break;
            case 11:
                reconnect(what / 64);
                break;
            default:
                message(client);
        }
    }

    void reconnect(std::size_t client) {
        if (left_.size() < kClients) {
            left_.push_back(std::exchange(clients_[client], parts_.connect()));
        }
    }
    /// Any bytes, of any length, with any number of descriptors that are nobody's.
    void any_packet(Client& client) {
        const auto shape = input_.take<std::uint8_t>();
        fill(packet_, shape, input_.take_bytes(input_.take<std::uint16_t>()));
        parts_.request(client, packet_);
    }
    /// One message of a kind that there is, whose first fields are the input's.
    void message(Client& client) {
        const auto& types = fastio::test::all_messages();
        const auto& type = types[input_.take<std::uint8_t>() % types.size()];
        std::array<std::byte, wire::kMaxMessageBytes> bytes{};
        wire::Header header;
        header.kind = type.kind;
        std::memcpy(bytes.data(), &header, sizeof(header));
        const auto fields = input_.take_bytes(input_.take<std::uint16_t>());
        const std::size_t room = type.bytes - sizeof(header);
        std::copy_n(fields.begin(), std::min(fields.size(), room), bytes.begin() + sizeof(header));
        fill(packet_, PacketShape::kMended | PacketShape::kSized, bytes);
        parts_.request(client, packet_);
    }
    template <class Message>
    void prepare(Message message) {
        message.header.kind = Message::kKind;
        // Some of its bytes may be others.
        const auto offset = input_.take<std::uint16_t>();
        const auto others = input_.take_bytes(input_.take<std::uint8_t>());
        std::array<std::byte, sizeof(Message)> bytes;
        std::memcpy(bytes.data(), &message, sizeof(message));
        if (offset < bytes.size()) {
            std::copy_n(others.begin(), std::min(others.size(), bytes.size() - offset), bytes.begin() + offset);
        }
        fill(packet_, PacketShape::kMended, bytes);
    }
    void hello(Client& client) {
        wire::Hello hello{};
        hello.layout_signature = table::layout_signature();
        std::ranges::copy(parts_.registry.host.boot_id, hello.boot_id);
        wire::set_text(hello.name, "op");
        prepare(hello);
        packet_.descriptor_count = input_.take<std::uint8_t>() % 4;
        parts_.request(client, packet_);
        packet_.descriptor_count = 0;
    }
    void join(Client& client) {
        wire::Join join{};
        wire::set_text(join.job, input_.take<std::uint8_t>() % 2 == 0 ? "a" : "b");
        wire::set_text(join.device, "auto");
        prepare(join);
        parts_.request(client, packet_);
    }
    void event(Client& client) {
        const auto shape = input_.take<std::uint8_t>();
        wire::SlabClosed closed{};
        closed.index = input_.take<std::uint8_t>();
        closed.generation = input_.take<std::uint8_t>();
        prepare(closed);
        packet_.descriptor_count = shape % 7 == 6 ? 1 : 0;
        parts_.event(client, packet_);
    }
    void write_lease(Client& client) {
        const std::uint64_t entry = input_.take<std::uint16_t>() % (2 * table::kLeasesPerChunk);
        std::uint64_t lease = table::pack_lease(input_.take<std::uint8_t>(), input_.take<std::uint8_t>());
        lease |= (entry & 1) != 0 ? table::kClearedByStream : 0;
        const service::Session* const session = parts_.session(client);
        if (session != nullptr && session->leases) {
            require(::pwrite(session->leases->file(), &lease, sizeof(lease),
                             static_cast<off_t>(entry * sizeof(lease))) == sizeof(lease),
                    "a client can write its leases");
        }
    }

    ServiceParts& parts_;
    Input& input_;
    std::array<std::unique_ptr<Client>, kClients> clients_{};
    std::vector<std::unique_ptr<Client>> left_{};  ///< their sessions go on
    wire::Packet packet_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    ServiceParts parts(options(input.take<std::uint8_t>()));
    Program(parts, input).run();
    return 0;
}
