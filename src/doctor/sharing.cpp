#include "doctor/sharing.hpp"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "core/fail.hpp"
#include "device/device_name.hpp"
#include "device/host_memory.hpp"
#include "gpu/gpus.hpp"
#include "wire/socket.hpp"

namespace fastio::doctor {
namespace {

constexpr std::uint64_t kSlabBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kQuestion = 0x6661737469'6f3f;
constexpr std::uint64_t kAnswer = 0x6661737469'6f21;
// Where the other process finds its socket: the first descriptor after the standard streams.
constexpr int kPeerSocket = 3;

struct Request {
    SlabHandle handle{};
    std::array<char, 64> uuid{};  ///< of the GPU; empty: host
};
struct Reply {
    std::uint32_t opened = 0;
    std::array<char, 400> message{};  ///< why it did not open; else which GPUs cannot reach it
};
static_assert(sizeof(Request) <= wire::kMaxMessageBytes && sizeof(Reply) <= wire::kMaxMessageBytes);

template <std::size_t Capacity>
void set(std::array<char, Capacity>& text, std::string_view value) noexcept {
    text = {};
    value.copy(text.data(), Capacity - 1);
}

template <class Plain>
std::span<const std::byte> bytes_of(const Plain& plain) noexcept {
    return std::as_bytes(std::span{&plain, 1});
}

template <class Plain>
bool receive(wire::Socket& socket, wire::Packet& packet, Plain& plain) noexcept {
    if (socket.receive(packet) != wire::ReceiveResult::received || packet.bytes != sizeof(Plain)) {
        return false;
    }
    std::memcpy(&plain, packet.data.data(), sizeof(Plain));
    return true;
}

/// The other process, which does not outlive this object.
class Peer {
public:
    explicit Peer(const PeerProgram& program) {
        auto [mine, its] = wire::Socket::pair();
        socket_ = std::move(mine);
        std::vector<std::string> words{program.path};
        words.insert(words.end(), program.arguments.begin(), program.arguments.end());
        words.push_back(std::to_string(kPeerSocket));
        std::vector<char*> argv;
        argv.reserve(words.size() + 1);
        for (std::string& word : words) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        // A descriptor that has the number already would keep its close-on-exec.
        const Descriptor other = its.fd() == kPeerSocket ? Descriptor{::dup(its.fd())} : Descriptor{};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, other ? other.get() : its.fd(), kPeerSocket);
        const int error = ::posix_spawn(&pid_, program.path.c_str(), &actions, nullptr, argv.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (error != 0) {
            fail(Errc::io_error, "could not start {} as the other process: {}", program.path, std::strerror(error));
        }
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    Reply ask(const Request& request, const Descriptor& file, std::chrono::seconds limit) {
        const std::array<int, 1> files{file.get()};
        socket_.send_bytes(bytes_of(request), std::span(files).first(file ? 1 : 0), false);
        pollfd polled{socket_.fd(), POLLIN, 0};
        if (::poll(&polled, 1, static_cast<int>(std::chrono::milliseconds(limit).count())) != 1) {
            fail(Errc::timed_out, "the other process did not answer within {} s, so that its driver may hang",
                 limit.count());
        }
        wire::Packet packet;
        Reply reply;
        if (!receive(socket_, packet, reply)) {
            fail(Errc::io_error, "the other process ended without an answer");
        }
        return reply;
    }

private:
    wire::Socket socket_;
    pid_t pid_ = -1;
};

std::string ask_peer(DeviceMemory& memory, const OwnedSlab& slab, const PeerProgram& program,
                     std::chrono::seconds limit) {
    memory.copy(slab.data, &kQuestion, sizeof kQuestion, {});
    Request request;
    request.handle = slab.handle;
    set(request.uuid, memory.info().uuid);
    const Reply reply = Peer(program).ask(request, slab.file, limit);
    if (reply.opened == 0) {
        fail(Errc::device_error, "the other process could not open the slab: {}", reply.message.data());
    }
    std::uint64_t found = 0;
    memory.copy(&found, slab.data, sizeof found, {});
    if (found != kAnswer) {
        fail(Errc::corrupt_input, "what the other process wrote did not arrive: {:#x} instead of {:#x}", found,
             kAnswer);
    }
    return reply.message.data();
}

/// Which further GPUs of this process cannot reach a slab of that one, and why.
std::string unreachable_from(const Request& request) {
    std::string list;
    for (const gpu::Gpu& other : gpu::list_gpus().found) {
        if (other.uuid == request.uuid.data()) {
            continue;
        }
        try {
            const auto memory = gpu::make_cuda_memory(request.uuid.data(), other.uuid);
            memory->close(memory->open(request.handle, kSlabBytes, -1), kSlabBytes);
        } catch (const Error& error) {
            list += (list.empty() ? "" : "; ") +
                    fmt::format("not from cuda:{} ({})", other.ordinal, error.code().message());
        }
    }
    return list;
}

std::string open_and_answer(const Request& request, int file) {
    const bool on_host = request.uuid.front() == '\0';
    const auto memory = on_host ? make_host_memory() : gpu::make_cuda_memory(request.uuid.data());
    void* const data = memory->open(request.handle, kSlabBytes, file);
    std::uint64_t found = 0;
    memory->copy(&found, data, sizeof found, {});
    if (found != kQuestion) {
        fail(Errc::corrupt_input, "it holds {:#x} instead of {:#x}", found, kQuestion);
    }
    memory->copy(data, &kAnswer, sizeof kAnswer, {});
    memory->close(data, kSlabBytes);
    return on_host ? "" : unreachable_from(request);
}

}  // namespace

Finding share(DeviceMemory& memory, const PeerProgram& program, std::chrono::seconds limit) noexcept {
    Finding finding{"sharing " + memory.info().name, Verdict::good, {}, {}};
    try {
        OwnedSlab slab = memory.reserve(kSlabBytes);
        std::string unreachable;
        try {
            unreachable = ask_peer(memory, slab, program, limit);
        } catch (const std::exception& error) {
            finding.verdict = Verdict::problem;
            finding.found = error.what();
        }
        memory.release(std::move(slab));
        if (finding.verdict == Verdict::good) {
            finding.found = "another process opened a slab, read what lay there and answered in it";
            if (!unreachable.empty()) {
                finding.verdict = Verdict::warning;
                finding.found += "; " + unreachable;
                finding.remedy = "keep operators that share on one GPU, or copy between GPUs";
            }
        }
    } catch (const std::exception& error) {
        finding.verdict = Verdict::problem;
        finding.found = error.what();
    }
    return finding;
}

int answer_share(int socket) noexcept {
    wire::Socket line{Descriptor{socket}};
    wire::Packet packet;
    Request request;
    if (!receive(line, packet, request)) {
        return 1;
    }
    request.uuid.back() = '\0';
    Reply reply;
    try {
        const int file = packet.descriptor_count > 0 ? packet.descriptors.front().get() : -1;
        set(reply.message, open_and_answer(request, file));
        reply.opened = 1;
    } catch (const std::exception& error) {
        set(reply.message, error.what());
    }
    return line.send_bytes(bytes_of(reply), {}, true) == wire::SendResult::sent ? 0 : 1;
}

}  // namespace fastio::doctor
