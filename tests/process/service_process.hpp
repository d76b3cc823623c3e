#pragma once

#include <cstddef>
#include <fastio/fastio.hpp>
#include <map>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {

/// What the programs of this suite are compiled for: it runs over every device.
inline constexpr const char* kDevice = FASTIO_TEST_DEVICE;

/// A fastiod of its own, with its socket in a folder of its own, and the suite's device unless told otherwise.
class ServiceProcess {
public:
    explicit ServiceProcess(const std::vector<std::string>& arguments = {},
                            const std::map<std::string, std::string>& environment = {});

    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    [[nodiscard]] ChildProcess& process() noexcept { return process_; }
    [[nodiscard]] Service view() const { return Service(socket_, std::chrono::seconds(60)); }
    [[nodiscard]] Context join(const std::string& job) const {
        return Context({.job = job, .socket = socket_, .connect_timeout = std::chrono::seconds(60)});
    }
    /// Starts another one on the same socket after the first was killed.
    void start();
    /// Starts so many at once after the first was killed. Returns once all but one have refused; that one is this.
    void start_rivals(std::size_t count);

    /// Blocks until the service counts nothing any more: no sessions, contexts, allocations, leases, bytes. Returns
    /// what there is; ctest's watchdog ends a wait for what never comes.
    ServiceTotals wait_until_empty() const;
    static ServiceTotals wait_until_empty(Service& view);

    /// Open descriptors of the service; 0 where this user may not look (fastiod is undumpable).
    [[nodiscard]] std::size_t descriptors() const;
    /// Mappings of shared memory files in the service; 0 where this user may not look.
    [[nodiscard]] std::size_t memfd_mappings() const;

private:
    [[nodiscard]] ChildProcess start_one(ChildOptions options) const;

    TempDir folder_;
    std::string socket_;
    std::vector<std::string> arguments_;
    std::map<std::string, std::string> environment_;
    ChildProcess process_;
};

}  // namespace fastio::test
