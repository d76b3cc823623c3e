#pragma once

#include <rapidcheck.h>
#include <functional>
#include <string>
#include <vector>

#include "reference_model/step.hpp"

namespace fastio::test {

/// Which steps come how often.
struct Mix {
    bool kills = false;
    /// Hardly anything but memory that goes from one client to the next, so that there is always work in their streams.
    bool mostly_contents = false;
};

/// Steps of all verbs, the frequent ones of a pipeline more often.
[[nodiscard]] rc::Gen<Step> step_generator(Mix mix);

/// What a search for a counter-example came to.
struct Search {
    bool failed = false;
    std::string text{};            ///< the counter-example, why it is one, and how to repeat it
    std::size_t fewest_steps = 0;  ///< of all that failed: what shrinking came to
};

/// Runs `play` on sequences of steps, 100 of them times `scale`, until one fails: then on ever smaller ones. The seed
/// is that of RC_PARAMS if there is one, which can set the number of sequences as well (README.md); `seed` 0 means
/// that, too. An exception of `play` is a failure.
[[nodiscard]] Search search(const std::function<std::string(const std::vector<Step>&)>& play, Mix mix, double scale,
                            std::uint64_t seed = 0);

}  // namespace fastio::test
