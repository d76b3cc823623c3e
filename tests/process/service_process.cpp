#include "process/service_process.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace fastio::test {

ServiceProcess::ServiceProcess(const std::vector<std::string>& arguments,
                               const std::map<std::string, std::string>& environment)
    : socket_(folder_.file("fastiod.sock")), arguments_(arguments), environment_(environment) {
    start();
}

void ServiceProcess::start() {
    process_ = start_one({});
}

void ServiceProcess::start_rivals(std::size_t count) {
    std::vector<ChildProcess> rivals;
    for (std::size_t i = 0; i < count; ++i) {
        rivals.push_back(start_one({.capture_output = true}));  // each says why it refuses
    }
    // Which one stays is the kernel's choice.
    while (rivals.size() > 1) {
        std::erase_if(rivals, [](ChildProcess& rival) {
            const std::optional<ExitStatus> status = rival.try_wait();
            if (status && *status != ExitStatus{.code = 1, .signal = 0}) {
                throw std::runtime_error("one of several services did not refuse, but: " + to_string(*status));
            }
            return status.has_value();
        });
        std::this_thread::yield();
    }
    if (rivals.empty()) {
        throw std::runtime_error("of several services that were started at once all refused");
    }
    process_ = std::move(rivals.front());
}

ChildProcess ServiceProcess::start_one(ChildOptions options) const {
    std::vector<std::string> arguments{"--socket", socket_, "--log-level", "warning"};
    if (std::ranges::find(arguments_, "--device") == arguments_.end()) {
        arguments.insert(arguments.end(), {"--device", kDevice});
    }
    arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
    options.environment = environment_;
    return ChildProcess::start(FASTIO_TEST_FASTIOD, arguments, options);
}

ServiceTotals ServiceProcess::wait_until_empty() const {
    Service connection = view();
    return wait_until_empty(connection);
}

ServiceTotals ServiceProcess::wait_until_empty(Service& view) {
    while (true) {
        const ServiceTotals totals = view.totals();
        if (totals.sessions + totals.contexts + totals.allocations + totals.leases + totals.publications +
                totals.bytes_reserved ==
            0) {
            return totals;
        }
        std::this_thread::yield();
    }
}

std::size_t ServiceProcess::descriptors() const {
    std::error_code denied;
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process_.pid()) + "/fd", denied)) {
        ++count;
    }
    return count;
}

std::size_t ServiceProcess::memfd_mappings() const {
    std::ifstream maps("/proc/" + std::to_string(process_.pid()) + "/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        count += line.find("/memfd:") != std::string::npos ? 1 : 0;
    }
    return count;
}

}  // namespace fastio::test
