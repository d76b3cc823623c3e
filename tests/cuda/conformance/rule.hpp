#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fastio::conformance {

/// How well a rule of CUDA IPC is known: by NVIDIA's documentation, by a test suite made for NVIDIA hardware, by
/// reports from the field, by inference, or not at all.
enum class Grade { documented, tested, field, inferred, unknown };
[[nodiscard]] std::string_view to_string(Grade grade);

/// One question to the CUDA runtime. Calls are given as the numbers of their codes, and what they gave after it: "0
/// 42".
struct Rule {
    std::string_view id;    ///< the rule's number in docs/cuda_ipc.md, and a letter where several questions make it up
    Grade grade;            ///< decides whether a difference fails the run
    std::string_view text;  ///< what is asked
    std::string_view expected;  ///< the answers that keep the rule, with " | " between; empty: none is expected
    std::string_view emulated;  ///< the same of the emulator: what it claims, or kSame, or kNotModelled
    /// Runs in a process of its own, which it may break. Throws Skipped where the machine lacks what the question
    /// needs.
    std::string (*ask)();
    bool needs_gpu = true;
    bool alone = false;   ///< measures what others would disturb, or may disturb others
    int limit_parts = 1;  ///< it may take one of so many parts of the limit: what may well hang is not awaited for long
};

constexpr std::string_view kSame = "as expected";
constexpr std::string_view kNotModelled = "not modelled";

/// Why a question was not asked.
class Skipped : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// In the order in which they are asked; each is one file.
[[nodiscard]] std::span<const Rule> export_rules();
[[nodiscard]] std::span<const Rule> import_rules();
[[nodiscard]] std::span<const Rule> device_rules();
[[nodiscard]] std::span<const Rule> close_rules();
[[nodiscard]] std::span<const Rule> namespace_rules();
[[nodiscard]] std::span<const Rule> event_rules();
[[nodiscard]] std::span<const Rule> order_rules();
[[nodiscard]] std::span<const Rule> waiting_rules();
[[nodiscard]] std::span<const Rule> death_rules();
[[nodiscard]] std::span<const Rule> measurements();

[[nodiscard]] std::vector<Rule> all_rules();

}  // namespace fastio::conformance
