#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/fail.hpp"
#include "device/descriptor.hpp"
#include "wire/messages.hpp"

namespace fastio::wire {

template <std::size_t Capacity>
void set_text(Text<Capacity>& text, std::string_view value) noexcept {
    text.bytes = static_cast<std::uint32_t>(value.size() < Capacity ? value.size() : Capacity);
    std::memset(text.data, 0, Capacity);
    if (text.bytes != 0) {  // an empty view may have no data
        std::memcpy(text.data, value.data(), text.bytes);
    }
}
/// Empty when the length is out of range: text that nobody vouches for.
template <std::size_t Capacity>
[[nodiscard]] std::optional<std::string_view> get_text(const Text<Capacity>& text) noexcept {
    if (text.bytes > Capacity) {
        return std::nullopt;
    }
    return std::string_view{text.data, text.bytes};
}

/// The most descriptors that Linux lets one packet carry (SCM_MAX_FD). All are taken: what did not fit the kernel would
/// close in the receiving thread, for as long as that takes.
inline constexpr std::size_t kMostReceived = 253;

/// One received packet with its descriptors. With more than kMaxDescriptors it is no message: `truncated` is set.
/// Descriptors that nobody took are closed by the next receive, and by the packet's end.
struct Packet {
    alignas(8) std::array<std::byte, kMaxMessageBytes> data;
    std::size_t bytes = 0;
    std::array<Descriptor, kMaxDescriptors> descriptors{};
    std::size_t descriptor_count = 0;
    std::array<Descriptor, kMostReceived - kMaxDescriptors> surplus{};
    std::size_t surplus_count = 0;
    bool truncated = false;

    /// The header, or empty when the packet is shorter than one, has another magic, or states another length.
    [[nodiscard]] std::optional<Header> header() const noexcept;
    /// The message, copied, or empty unless kind and size are exactly Message's.
    template <WireMessage Message>
    [[nodiscard]] std::optional<Message> as() const noexcept {
        const std::optional<Header> head = header();
        if (!head || truncated || head->kind != Message::kKind || bytes != sizeof(Message)) {
            return std::nullopt;
        }
        Message message;
        std::memcpy(&message, data.data(), sizeof(Message));
        return message;
    }
};

enum class SendResult { sent, would_block, closed };
enum class ReceiveResult { received, would_block, closed };

/// A connected SOCK_SEQPACKET socket. Sends never raise SIGPIPE. *Thread safety:* one sender and one receiver at a
/// time.
class Socket {
public:
    Socket() noexcept = default;
    explicit Socket(Descriptor descriptor) noexcept : descriptor_(std::move(descriptor)) {}

    /// Never waits, so that a stopped service cannot hold its clients. Errors: service_unreachable (no socket, nobody
    /// listens, the queue of waiting clients is full), permission_denied, invalid_argument (path too long), io_error.
    [[nodiscard]] static Socket connect(const std::string& path);
    /// Two connected ends, close-on-exec. Errors: io_error.
    [[nodiscard]] static std::pair<Socket, Socket> pair();

    /// Fills in kind, size and magic.
    template <WireMessage Message>
    static void complete(Message& message) noexcept {
        message.header.magic = kMagic;
        message.header.kind = Message::kKind;
        message.header.bytes = static_cast<std::uint16_t>(sizeof(Message));
    }
    /// Completes a message and sends it as one packet. `blocking` false never waits.
    template <WireMessage Message>
    SendResult send(Message& message, std::span<const int> descriptors = {}, bool blocking = true) noexcept {
        complete(message);
        return send_bytes({reinterpret_cast<const std::byte*>(&message), sizeof(Message)}, descriptors, blocking);
    }
    /// At most kMaxDescriptors descriptors, which stay the caller's. `would_block` comes in spite of `blocking` when
    /// this user has too many descriptors in flight or the kernel is out of buffers.
    SendResult send_bytes(std::span<const std::byte> bytes, std::span<const int> descriptors, bool blocking) noexcept;
    /// One packet. EOF, an empty packet and errors are `closed`; what a peer sent before it closed comes first.
    ReceiveResult receive(Packet& packet, bool blocking = true) noexcept;
    /// For a socket that is about to be closed, after shutdown(): the next packet's descriptors, whatever else it is.
    /// False when nothing is queued any more.
    bool discard(Packet& packet) noexcept;

    /// Ends both directions for whoever holds either end: later sends fail, what is queued can still be received.
    void shutdown() noexcept;
    void set_non_blocking();
    [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
    void reset() noexcept { descriptor_.reset(); }
    [[nodiscard]] Descriptor release() noexcept { return std::move(descriptor_); }

private:
    Descriptor descriptor_;
};

/// From now on nobody can send descriptors to this socket, nor into a connection to it that is made later: the kernel
/// refuses the sender (SO_PASSRIGHTS, Linux 6.16). False where it cannot.
bool refuse_descriptors(int socket) noexcept;

struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};
/// SO_PEERCRED. Errors: io_error.
[[nodiscard]] PeerCredentials peer_credentials(int socket);
/// A pidfd of the peer: SO_PEERPIDFD (Linux 6.5), else pidfd_open with the start time compared before and after; a
/// pid of 0 (another PID namespace) is refused. Errors: io_error, permission_denied.
[[nodiscard]] Descriptor peer_pidfd(int socket);

/// $FASTIO_STAGE, else the program's short name.
[[nodiscard]] std::string operator_name();

/// The socket's path as ContextOptions::socket documents it; `given` wins when it is not empty.
[[nodiscard]] std::string default_socket_path(std::string_view given);

}  // namespace fastio::wire
