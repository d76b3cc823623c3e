#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "reference_model/oracle.hpp"
#include "reference_model/step.hpp"

namespace fastio::test {

/// The clients of one case, wherever they are, and their service.
class Stage {
public:
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    virtual ~Stage() = default;

    [[nodiscard]] virtual std::string play(const Step& step) = 0;
    [[nodiscard]] virtual const std::string& socket() const = 0;
    /// What the service counts beside the clients.
    [[nodiscard]] virtual Counts others() const { return {}; }
};

/// Plays the steps on the stage and with the oracle. After each the answers must be the same, and the service must
/// come to count what the oracle counts: `patience` is the watchdog for what a helper thread or a death has to bring
/// about. Empty if all went well, else what did not.
[[nodiscard]] std::string contest(const std::vector<Step>& steps, Stage& stage, Oracle& oracle,
                                  std::chrono::milliseconds patience = std::chrono::minutes(1));

}  // namespace fastio::test
