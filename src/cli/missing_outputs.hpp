#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cli/pipeline.hpp"

namespace fastio::cli {

/// Looks for what an operator has declared as an output, has never published, and another one still waits for: that one
/// would wait for ever. A name below the declared one counts too: "frame/17" for "frame".
class MissingOutputs {
public:
    explicit MissingOutputs(const Pipeline& pipeline);

    /// Something was published under this name, by whomever.
    void saw(std::string_view name);
    /// Some publications were not heard of: from now on nothing is missing.
    void lose_track() noexcept { expected_.clear(); }

    struct Missing {
        std::string producer{};
        std::string name{};
        std::string consumer{};
    };
    /// Of operators that ended well; `ended` are all that ended.
    [[nodiscard]] std::optional<Missing> find(const std::set<std::string>& ended_well,
                                              const std::set<std::string>& ended) const;

private:
    struct Expected {
        std::string producer{};
        std::set<std::string> consumers{};
    };
    std::map<std::string, Expected, std::less<>> expected_;
};

}  // namespace fastio::cli
