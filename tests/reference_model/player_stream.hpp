#pragma once

#include <memory>

#include <fastio/stream.hpp>

namespace fastio::test {

/// The stream that a client works on. Each test program is linked with one maker: on a device without streams there is
/// none, and all is done when a call returns.
class PlayerStream {
public:
    PlayerStream() = default;
    PlayerStream(const PlayerStream&) = delete;
    PlayerStream& operator=(const PlayerStream&) = delete;
    virtual ~PlayerStream() = default;

    [[nodiscard]] virtual Stream get() const noexcept = 0;
    /// Returns when the work so far is done.
    virtual void synchronise() = 0;
};

/// A new one, or nothing.
[[nodiscard]] std::unique_ptr<PlayerStream> make_player_stream();

}  // namespace fastio::test
