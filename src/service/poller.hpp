#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "device/descriptor.hpp"

namespace fastio::service {

/// What a descriptor in the poller stands for.
enum class Source : std::uint8_t {
    listener,
    stop,
    workers,
    timers,
    request,
    events,
    pidfd,
    lifeline,
    metrics,  ///< the port of the metrics
    scrape,   ///< a connection to it
    unread,   ///< an ended connection whose client has not read
};

/// Source and, for those of a session or a scrape, its id. Ids are never used again, so a token that outlived its owner
/// leads nowhere instead of to another.
struct Token {
    Source source = Source::stop;
    std::uint64_t id = 0;

    [[nodiscard]] constexpr std::uint64_t pack() const noexcept {
        return (id << 8) | static_cast<std::uint8_t>(source);
    }
    [[nodiscard]] static constexpr Token unpack(std::uint64_t word) noexcept {
        return {static_cast<Source>(word & 0xff), word >> 8};
    }
};

/// epoll, level-triggered: what is left unread is told again, so each source is served one step a round.
class Poller {
public:
    /// Errors: io_error.
    Poller();

    /// Errors: io_error (the user's limit of watches included).
    void add(int fd, std::uint32_t events, Token token);
    void modify(int fd, std::uint32_t events, Token token) noexcept;
    void remove(int fd) noexcept;

    /// What is ready; sleeps until something is, but not for long where it is wanted `soon`. Empty after a signal.
    [[nodiscard]] std::span<const epoll_event> wait(bool soon) noexcept;

private:
    Descriptor epoll_;
    std::array<epoll_event, 64> ready_{};
};

}  // namespace fastio::service
