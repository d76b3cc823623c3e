#pragma once

#include <array>
#include <memory>
#include <string>

#include "reference_model/contest.hpp"
#include "reference_model/player.hpp"

namespace fastio::test {

/// An embedded service, and clients in the same process: one mapping for all.
class InProcessStage final : public Stage {
public:
    explicit InProcessStage(const std::string& device)
        : host_({.job = "host", .device = device, .embedded = true}),
          players_{Player(host_.socket(), device), Player(host_.socket(), device), Player(host_.socket(), device)} {}

    std::string play(const Step& step) override {
        return players_.at(static_cast<std::size_t>(step.client)).play(step);
    }
    [[nodiscard]] const std::string& socket() const override { return host_.socket(); }
    [[nodiscard]] Counts others() const override { return {.sessions = 1, .contexts = 1}; }

private:
    Context host_;
    std::array<Player, kClients> players_;
};

}  // namespace fastio::test
