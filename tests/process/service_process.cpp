#include "process/service_process.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

namespace fastio::test {

ServiceProcess::ServiceProcess(const std::vector<std::string>& arguments,
                               const std::map<std::string, std::string>& environment)
    : socket_(folder_.file("fastiod.sock")), arguments_(arguments), environment_(environment) {
    start();
}

void ServiceProcess::start() {
    std::vector<std::string> arguments{"--socket", socket_, "--log-level", "warning"};
    if (std::ranges::find(arguments_, "--device") == arguments_.end()) {
        arguments.insert(arguments.end(), {"--device", kDevice});
    }
    arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
    process_ = ChildProcess::start(FASTIO_TEST_FASTIOD, arguments, {.environment = environment_});
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
