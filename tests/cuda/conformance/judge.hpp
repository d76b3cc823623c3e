#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform.hpp"
#include "rule.hpp"

namespace fastio::conformance {

enum class Verdict { matches, differs, recorded, skipped };
[[nodiscard]] std::string_view to_string(Verdict verdict);

struct Finding {
    std::string expected{};  ///< here: the emulator's claims if it is one
    std::string got{};
    Verdict verdict = Verdict::skipped;
    std::string noise{};  ///< what the processes of the rule printed
};

// Each runs in a process of its own, which the judge starts and ends; the judge itself never calls CUDA.

/// Throws std::runtime_error if not even that can be found out.
[[nodiscard]] Platform find_platform(std::chrono::seconds limit);
/// How rules are asked.
struct Conditions {
    std::chrono::seconds limit{30};  ///< for one rule
    std::size_t jobs = 1;            ///< rules at a time
};
/// Tells each rule's finding, with its index, when it is there. Whatever a rule does to its process, this returns: a
/// crash, and what takes too long, are answers like others.
void judge(std::span<const Rule> rules, const Platform& platform, const Conditions& conditions,
           const std::function<void(std::size_t, const Finding&)>& tell);
/// What the rule may take of that; a second at least.
[[nodiscard]] std::chrono::seconds limit_of(const Rule& rule, const Conditions& conditions);
/// How many of the first rules can be judged side by side; `rules` is not empty.
[[nodiscard]] std::size_t batch_at(std::span<const Rule> rules);

/// `got` against `expected`. Of an unknown rule a GPU's answer is only recorded.
[[nodiscard]] Verdict compare(const Rule& rule, const Platform& platform, std::string_view got);
/// A difference from what is documented or tested always fails; others only if `strict`.
[[nodiscard]] bool fails(const Rule& rule, Verdict verdict, bool strict);

/// The other side of judge: what the rule answers.
[[nodiscard]] std::string answer(std::string_view id);

/// One JSON object in one line.
[[nodiscard]] std::string to_json(const Rule& rule, const Finding& finding, const Platform& platform);

}  // namespace fastio::conformance
