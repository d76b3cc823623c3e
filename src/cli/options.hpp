#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace fastio::cli {

/// What an option leaves open the environment says; `otherwise` where neither does.
[[nodiscard]] inline std::string or_environment(const std::string& option, const char* variable,
                                                const char* otherwise = "") {
    if (!option.empty()) {
        return option;
    }
    const char* const value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

/// `seconds` as an option gives it: at most 1e9.
[[nodiscard]] inline std::chrono::nanoseconds nanoseconds_of(double seconds) noexcept {
    return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

/// What every command takes. Empty: as ContextOptions says.
struct CommonOptions {
    std::string socket{};
    std::string job{};
};

struct LsOptions {
    CommonOptions common{};
    std::string prefix{};
    bool json = false;
};
struct StatOptions {
    CommonOptions common{};
    bool json = false;
};
struct TopOptions {
    CommonOptions common{};
    bool json = false;
};
struct RmOptions {
    CommonOptions common{};
    std::string name{};  ///< empty: the whole job
    bool json = false;
};
struct WatchOptions {
    CommonOptions common{};
    std::string prefix{};
    bool json = false;
};
struct PutOptions {
    CommonOptions common{};
    std::string file{};
    std::string name{};
    bool replace = false;
    std::optional<double> time_to_live_seconds{};
    bool json = false;
};
struct GetOptionsOfCommand {
    CommonOptions common{};
    std::string name{};
    std::string output{};
    std::optional<double> timeout_seconds{};
    bool json = false;
};
struct RunOptions {
    CommonOptions common{};  ///< `job` empty: the pipeline's name and random letters
    std::string pipeline{};
    std::string workdir = ".";
    std::string device{};  ///< empty: $FASTIO_DEVICE, else the service's first
    double grace_seconds = 5;
    bool json = false;
};

struct BenchOptions {
    std::optional<std::size_t> rounds{};
    bool json = false;
};

struct DoctorOptions {
    CommonOptions common{};
    std::vector<std::string> devices{};  ///< empty: the host and every GPU
    int answer_on = -1;                  ///< a descriptor: be the other process of another doctor, and nothing else
    bool json = false;
};

}  // namespace fastio::cli
