#pragma once

#include <cstdint>
#include <string>

/// What keeps Fast I/O from working well on a machine: `fastio doctor`. Facts are collected apart from their judgement,
/// so that tests can judge machines that they do not have.
namespace fastio::doctor {

enum class Verdict : std::uint8_t {
    good,
    warning,  ///< works, with a limit that some user will meet
    problem,  ///< something that was asked for cannot work
};
[[nodiscard]] const char* to_string(Verdict verdict) noexcept;  ///< "ok", "warning", "problem"

struct Finding {
    std::string subject{};
    Verdict verdict = Verdict::good;
    std::string found{};   ///< one line
    std::string remedy{};  ///< one line, what to do; empty where there is nothing to do
};

}  // namespace fastio::doctor
