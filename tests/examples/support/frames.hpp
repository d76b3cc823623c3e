#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "support/program.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace frames::testing {

using brain_mri::testing::Outcome;
using brain_mri::testing::Program;

inline constexpr std::int64_t kHeight = 6;
inline constexpr std::int64_t kWidth = 8;

/// The programs of examples/frames in one job on `device`, with a socket of its own.
class Programs {
public:
    explicit Programs(std::string device) : device_(std::move(device)) {}

    /// `environment` goes to it beside the job, the socket and the device.
    [[nodiscard]] Program start(const std::string& name, const std::vector<std::string>& arguments,
                                std::map<std::string, std::string> environment = {}) const;
    /// Of small frames.
    [[nodiscard]] Program start_source(std::vector<std::string> arguments, const std::string& fps = "0",
                                       std::map<std::string, std::string> environment = {}) const;
    [[nodiscard]] Program start_service() const;

    /// A member of the job. With `embedded` the service is in this process.
    [[nodiscard]] fastio::Context join(bool embedded) const;

    /// What it wrote to standard error, but for the line that says that no kernel runs on the device.
    [[nodiscard]] static std::string errors_of(const Outcome& outcome);
    /// It ended well, without a word on standard error, and its output has `counts`.
    static void expect_success(const Outcome& outcome, const std::string& counts);

private:
    fastio::test::Watchdog watchdog_{"the programs of examples/frames"};
    std::string device_;
    fastio::test::TempDir folder_;
};

/// Until `count` more were published or replaced.
void wait_for_publications(fastio::Watch& watch, int count);

}  // namespace frames::testing
