// Slabs of another process, opened and closed by several clients of this one.
#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <vector>

#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr const char* kOpen = "cudaIpcOpenMemHandle";
constexpr const char* kClose = "cudaIpcCloseMemHandle";

class SlabsOfAnotherProcess : public testing::Test {
protected:
    [[nodiscard]] std::uint64_t opened() const { return emulator_.calls(kOpen) - opened_before_; }
    [[nodiscard]] std::uint64_t closed() const { return emulator_.calls(kClose) - closed_before_; }

    Watchdog watchdog_{"slabs of another process"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    const std::uint64_t opened_before_ = emulator_.calls(kOpen);
    const std::uint64_t closed_before_ = emulator_.calls(kClose);
    ServiceProcess service_;
};

TEST_F(SlabsOfAnotherProcess, AreOpenedWhileAnotherOneIsBeingClosed) {
    Context kept = service_.join("kept");
    std::optional<Context> leaving(service_.join("leaving"));
    static_cast<void>(leaving->create(1));
    emulator_.close_gate(kClose);  // as a driver does that waits for the GPU
    std::thread closer([&] { leaving.reset(); });
    emulator_.wait_at_gate(kClose, 1);
    EXPECT_EQ(kept.create(1).size(), 1U);
    EXPECT_EQ(opened(), 2U);
    emulator_.open_gate(kClose);
    closer.join();
    EXPECT_EQ(closed(), 1U);
}

TEST_F(SlabsOfAnotherProcess, ThatCudaOnceRefusedToCloseAreClosedWithTheNext) {
    std::optional<Context> refused(service_.join("refused"));
    std::optional<Context> next(service_.join("next"));
    static_cast<void>(refused->create(1));
    static_cast<void>(next->create(1));
    emulator_.fail_call(kClose, 999, 1, 0);
    refused.reset();
    EXPECT_EQ(closed(), 1U);
    next.reset();
    EXPECT_EQ(closed(), 3U) << "its own, and the one that is still open";
    next.emplace(service_.join("next"));
    static_cast<void>(next->create(1));
    next.reset();
    EXPECT_EQ(closed(), 4U) << "nothing is left to be closed";
}

TEST_F(SlabsOfAnotherProcess, AreOpenedOnceHoweverManyClientsUseThem) {
    Context first = service_.join("job");
    const std::uint64_t value = 7;
    Allocation made = first.create(uint64, {1});
    made.copy_from(&value, sizeof value);
    made.publish("name");
    {
        Context second = service_.join("job");
        EXPECT_EQ(second.get("name").data(), made.data());
    }
    EXPECT_EQ(opened(), 1U);
    EXPECT_EQ(closed(), 0U);
    std::uint64_t seen = 0;
    made.copy_to(&seen, sizeof seen);
    EXPECT_EQ(seen, value);
}

TEST_F(SlabsOfAnotherProcess, AreOpenAfterAnotherClientHasClosedThemAtTheSameTime) {
    {
        Context producer({.job = "job", .socket = service_.socket(), .persistent = true});
        const std::uint64_t value = 7;
        Allocation made = producer.create(uint64, {1});
        made.copy_from(&value, sizeof value);
        made.publish("name");
    }
    constexpr int kClients = 4;
    constexpr int kRounds = 10;
    std::vector<std::thread> clients;
    clients.reserve(kClients);
    for (int i = 0; i < kClients; ++i) {
        clients.emplace_back([&] {
            for (int round = 0; round < kRounds; ++round) {
                Context context = service_.join("job");
                std::uint64_t seen = 0;
                context.get("name").copy_to(&seen, sizeof seen);
                EXPECT_EQ(seen, 7U);
            }
        });
    }
    for (std::thread& client : clients) {
        client.join();
    }
    EXPECT_EQ(opened(), closed());
}

}  // namespace
}  // namespace fastio::test
