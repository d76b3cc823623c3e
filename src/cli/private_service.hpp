#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/child.hpp"
#include "cli/lines.hpp"

namespace fastio::cli {

/// A folder of mode 0700 with a name that nobody else uses; goes with this object.
class PrivateFolder {
public:
    /// Errors: io_error.
    PrivateFolder();
    PrivateFolder(const PrivateFolder&) = delete;
    PrivateFolder& operator=(const PrivateFolder&) = delete;
    ~PrivateFolder();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

/// A fastiod of one's own, at a socket in a private folder: a process of its own, so that it lives and dies apart from
/// whoever uses it. The destructor ends it with SIGTERM, and with SIGKILL where that is not enough.
class PrivateService {
public:
    /// Starts `fastiod`, found beside this program or else in $PATH, and returns when a client can connect. It serves
    /// `device`; where that is empty, what it serves by default. Errors: not_found (no such program), io_error,
    /// service_unreachable (it ended, or did not answer in time).
    explicit PrivateService(const std::string& device = {},
                            std::chrono::nanoseconds ready_timeout = std::chrono::seconds(20));
    PrivateService(const PrivateService&) = delete;
    PrivateService& operator=(const PrivateService&) = delete;
    ~PrivateService();

    [[nodiscard]] std::string socket() const { return folder_.path() / "fastiod.sock"; }
    /// Polls readable once the service has ended.
    [[nodiscard]] int pidfd() const noexcept { return child_->pidfd(); }
    /// To be asked when its connections are gone: waits two seconds at most for the process itself.
    [[nodiscard]] bool has_ended() const;
    /// How it ended; to be called once it has.
    [[nodiscard]] ExitStatus end_status() noexcept;
    /// What its log has at the level "warning" so far, without the dates.
    [[nodiscard]] std::vector<std::string> warnings() const;
    /// The end of what it logged, in one line.
    [[nodiscard]] std::string last_words() const;

private:
    void wait_until_ready(std::chrono::nanoseconds timeout);
    [[nodiscard]] Lines read_log(std::function<void(std::string_view)> on_line) const;

    PrivateFolder folder_;
    std::optional<Child> child_;
    std::optional<ExitStatus> end_status_;  // once it was reaped
};

}  // namespace fastio::cli
