#include "running_service.hpp"

#include <utility>

#include "device/host_memory.hpp"

namespace fastio::test {

RunningService::RunningService(service::Options options, std::shared_ptr<DeviceMemory> device) {
    if (options.socket.empty()) {
        options.socket = folder_.file("fastiod.sock");
    }
    socket_ = options.socket;
    std::vector<std::shared_ptr<DeviceMemory>> devices{device ? std::move(device) : make_host_memory()};
    service_ = std::make_unique<service::Service>(std::move(options), std::move(devices));
    thread_ = std::thread([this] { service_->run(); });
}

RunningService::~RunningService() {
    stop();
}

void RunningService::stop() {
    if (service_) {
        service_->stop();
        thread_.join();
        service_.reset();
    }
}

}  // namespace fastio::test
