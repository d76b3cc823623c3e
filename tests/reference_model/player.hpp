#pragma once

#include <array>
#include <optional>
#include <string>

#include <fastio/fastio.hpp>

#include "reference_model/step.hpp"

namespace fastio::test {

/// One client: does what steps say with the public API, and answers with what came of it.
class Player {
public:
    Player(std::string socket, std::string device);

    /// Errors of Fast I/O are answers, "error NAME". What else is thrown is a failure of the test.
    [[nodiscard]] std::string play(const Step& step);

private:
    [[nodiscard]] std::string play_unguarded(const Step& step);
    [[nodiscard]] Context join(int job) const;
    [[nodiscard]] Allocation create(const Step& step);
    [[nodiscard]] std::string read(const Allocation& allocation) const;
    void write(Allocation& allocation, const Step& step);
    [[nodiscard]] std::string find_many();
    [[nodiscard]] std::string list(const Step& step);
    void publish_array(const Step& step);
    [[nodiscard]] std::string next_event(int expected);
    [[nodiscard]] std::string stats();
    [[nodiscard]] std::string inspect(const Step& step) const;

    std::string socket_;
    std::string device_;
    Context context_;
    std::array<Allocation, kSlots> slots_{};
    std::optional<Watch> watch_{};
};

}  // namespace fastio::test
