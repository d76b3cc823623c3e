#pragma once

#include <memory>
#include <string>

#include "forked.hpp"
#include "plan.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {

/// A service in a forked process, on the host device, that obeys a plan as the service.
class ForkedService {
public:
    /// `pauses`: a context outlives its last member, and a dead client's memory is not used again, for a moment.
    explicit ForkedService(Plan& plan, bool pauses = false);

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    [[nodiscard]] pid_t pid() const noexcept { return process_->pid(); }
    [[nodiscard]] bool has_ended() { return process_->has_ended(); }
    /// Tells it to stop. Any process may.
    void tell_to_stop() const;
    /// Blocks until it has ended. Empty if it ended as told and left nothing; else what it complained of.
    std::string wait() { return process_->wait(); }

    /// Returns when it has served everything that is there now. Any process may ask. A service that hangs ends this by
    /// its alarm.
    void finish_round(const Plan& plan) const;
    /// Its open descriptors and its mappings of shared memory files.
    [[nodiscard]] std::string holdings() const;

private:
    TempDir folder_;
    std::string socket_ = folder_.file("s");
    Descriptor stop_;
    std::unique_ptr<Forked> process_;
    Descriptor pidfd_;
};

}  // namespace fastio::test
