#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "device/host_memory.hpp"
#include "raw_client.hpp"
#include "service/service.hpp"
#include "support/faulty_memory.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {

/// A service on a thread of the test's own, with a device that does as told.
class RunningService {
public:
    explicit RunningService(service::Options options, std::shared_ptr<DeviceMemory> memory)
        : service_(std::move(options), {std::move(memory)}), thread_([this] { service_.run(); }) {}
    RunningService(const RunningService&) = delete;
    RunningService& operator=(const RunningService&) = delete;
    ~RunningService() {
        service_.stop();
        thread_.join();
    }

    [[nodiscard]] std::string metrics_address() const { return service_.metrics_address(); }

private:
    service::Service service_;
    std::thread thread_;
};

class ServiceTest : public ::testing::Test {
protected:
    ServiceTest() {
        options.let_descriptors_in = true;                  // that no kernel keeps back what a test sends
        options.trim_after = std::chrono::milliseconds{0};  // where a test is not about it, memory goes back at once
    }

    [[nodiscard]] std::string socket() const { return folder.file("s"); }

    /// Starts the service with `options`, at socket().
    void start() {
        options.socket = socket();
        running = std::make_unique<RunningService>(options, device);
    }
    [[nodiscard]] std::unique_ptr<RawClient> member(std::string_view job = "job", std::uint64_t quota = 0,
                                                    std::uint32_t flags = 0) {
        ensure();
        return RawClient::member(socket(), job, quota, flags);
    }
    [[nodiscard]] std::unique_ptr<RawClient> visitor() {
        ensure();
        return RawClient::visitor(socket());
    }
    [[nodiscard]] wire::TotalsReply totals() { return visitor()->totals(); }
    /// Asks the service again and again until it says so; ctest's timeout is the watchdog.
    template <class Condition>
    void wait_for_totals(Condition&& condition) {
        const auto asker = visitor();
        while (!condition(asker->totals())) {
            std::this_thread::yield();
        }
    }
    void ensure() {
        if (!running) {
            start();
        }
    }
    [[nodiscard]] Faults& faults() { return device->faults(); }

    TempDir folder;
    service::Options options{};
    std::shared_ptr<FaultyMemory> device = std::make_shared<FaultyMemory>(make_host_memory());
    std::unique_ptr<RunningService> running{};
};

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

}  // namespace fastio::test
