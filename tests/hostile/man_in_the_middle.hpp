#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "device/descriptor.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {

/// Stands between one client at a time and a real service, and changes what the service says, on both sockets.
/// *Thread safety:* every member, from any thread.
class ManInTheMiddle {
public:
    /// A packet on its way to the client.
    struct Reply {
        std::vector<std::byte> bytes{};
        std::vector<Descriptor> descriptors{};
        bool keep_silent = false;  ///< it never arrives
    };
    explicit ManInTheMiddle(std::string service);
    ManInTheMiddle(const ManInTheMiddle&) = delete;
    ManInTheMiddle& operator=(const ManInTheMiddle&) = delete;
    ~ManInTheMiddle();

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    /// What is done to each reply and event from now on. Called with a lock held that this class needs.
    void change(std::function<void(wire::Kind, Reply&)> change) {
        const std::lock_guard lock(mutex_);
        change_ = std::move(change);
    }

    /// Says what the service did not, on the event socket of the client that is connected; blocks while that is full.
    /// False where there is none.
    bool say_bytes(std::span<const std::byte> bytes, std::span<const int> descriptors = {});
    template <wire::WireMessage Message>
    bool say(Message message) {
        message.header.kind = Message::kKind;
        message.header.bytes = static_cast<std::uint16_t>(sizeof(Message));
        return say_bytes(std::as_bytes(std::span(&message, 1)));
    }
    /// Tells the client to close a slab, and keeps the answer from the service. Returns once the client has answered;
    /// false where it is gone.
    bool close_slab(std::uint32_t index, std::uint32_t generation);
    /// From now on nobody reads what the client says on its event socket: as with a service that is stopped.
    void stop_reading_events() { reads_events_ = false; }
    /// The client finds its event socket closed.
    void end_events();

private:
    void serve(wire::Socket client);
    void forward(wire::Socket& client, wire::Packet& packet);
    void take_events_of(wire::Packet& reply);
    void forward_answer(const wire::Packet& packet);

    std::string service_;
    TempDir folder_;
    std::string socket_;
    Descriptor listener_;
    std::mutex mutex_;
    std::function<void(wire::Kind, Reply&)> change_;
    wire::Socket to_client_;   // the event socket: the end that the client sent
    wire::Socket to_service_;  // and the one whose other end the service has in its place
    std::condition_variable answered_;
    std::uint64_t lies_ = 0;     // slabs that close_slab spoke of
    std::uint64_t answers_ = 0;  // to these
    std::atomic<bool> reads_events_{true};
    std::thread thread_;
};

}  // namespace fastio::test
