#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cuda_objects.hpp"
#include "processes.hpp"

namespace fastio::gpu_bench {

/// What two processes of a case say to each other: a SEQPACKET message.
struct Message {
    std::uint64_t number = 0;
    std::uint64_t value = 0;
    Handle handle{};
};

/// One end of a pair of sockets. Errors of both calls: std::runtime_error if the other process has ended, and of hear
/// also after 30 s of silence.
class Line {
public:
    explicit Line(int socket) noexcept;
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line();
    void say(const Message& message);
    [[nodiscard]] Message hear();

private:
    int socket_;
};

/// The other process of a case: this program in another role, killed and reaped with this object. Start it before the
/// first CUDA call, because it is forked.
class Peer {
public:
    /// `socket`: of the service, if the role needs one.
    explicit Peer(const std::string& role, const std::string& socket = {});
    [[nodiscard]] Line& line() noexcept { return *line_; }
    [[nodiscard]] Message ask(const Message& message) {
        line_->say(message);
        return line_->hear();
    }

private:
    std::unique_ptr<Line> line_;
    std::unique_ptr<bench::Process> process_;
};

}  // namespace fastio::gpu_bench
