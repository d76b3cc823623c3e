#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/child_process.hpp"

namespace fastio::conformance {

/// One line of the suite's answers.
struct Line {
    std::string rule{};
    std::string expected{};
    std::string got{};
    std::string verdict{};
    std::string library{};
};
[[nodiscard]] std::string to_string(const Line& line);

/// What a run of fastio_cuda_conformance gave.
struct SuiteRun {
    test::ExitStatus status{};
    std::vector<Line> lines{};
    std::string said{};  ///< on standard output and error

    [[nodiscard]] static SuiteRun of(const std::vector<std::string>& arguments,
                                     const std::map<std::string, std::string>& environment = {});
    /// The only line's verdict and answer.
    [[nodiscard]] std::string answer() const;
};

}  // namespace fastio::conformance
