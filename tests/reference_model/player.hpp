#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "reference_model/player_stream.hpp"
#include "reference_model/step.hpp"

namespace fastio::test {

/// One client: does what steps say with the public API, and answers with what came of it. With a stream it queues there
/// whatever can be queued, and waits for it only where an answer needs contents: the answers are the same as without.
class Player {
public:
    Player(std::string socket, std::string device);
    Player(const Player&) = delete;
    Player& operator=(const Player&) = delete;
    ~Player();

    /// Errors of Fast I/O are answers, "error NAME". What else is thrown is a failure of the test.
    [[nodiscard]] std::string play(const Step& step);

private:
    [[nodiscard]] std::string play_unguarded(const Step& step);
    [[nodiscard]] Context join(int job, bool persistent) const;
    [[nodiscard]] Allocation create(const Step& step);
    [[nodiscard]] std::string read(const Allocation& allocation);
    void write(Allocation& allocation, const Step& step);
    [[nodiscard]] std::string find_many();
    [[nodiscard]] std::string list(const Step& step);
    void publish_array(const Step& step);
    [[nodiscard]] std::string next_event(int expected);
    [[nodiscard]] std::string stats();
    [[nodiscard]] std::string inspect(const Step& step) const;
    /// What was in the slot is released at once, so that its queued work must be done.
    void put(Allocation& slot, Allocation&& allocation);
    [[nodiscard]] Stream stream() const noexcept { return stream_ ? stream_->get() : Stream{}; }
    /// Waits for what is queued.
    void finish();
    /// Contents that are copied from by what is queued.
    [[nodiscard]] const std::vector<std::byte>& keep(std::vector<std::byte> contents);

    std::string socket_;
    std::string device_;
    std::unique_ptr<PlayerStream> stream_ = make_player_stream();
    std::list<std::vector<std::byte>> copied_from_{};
    Context context_;
    std::array<Allocation, kSlots> slots_{};
    std::optional<Watch> watch_{};
};

}  // namespace fastio::test
