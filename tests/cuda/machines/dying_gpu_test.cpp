// A GPU that works on for a while for a client that was killed, with nobody left who holds its files: nothing but the
// grace time (kReuseGrace in cuda_memory.cpp) keeps the client's memory from the next one.
#include <gtest/gtest.h>

#include <chrono>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::chrono::milliseconds kGrace{100};

TEST(DyingGpu, WritesToMemoryThatNobodyIsGivenBeforeTheGraceIsOver) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer cannot follow an engine with a process of its own";
#endif
    const Watchdog watchdog("a dying GPU");
    const ServiceProcess service;
    StreamOperator next(service.socket());
    StreamOperator dying(service.socket(), "cuda:0",
                         {{"FASTIO_EMU_EXECUTOR", "process"}, {"FASTIO_EMU_LINGER_MS", "10"}});
    const std::string words = std::to_string(1 << 18);  // 2 MiB
    ASSERT_EQ(dying.ask("create a " + words), "ok");
    ASSERT_EQ(dying.ask("long_write a 7"), "ok");
    Service view = service.view();
    const std::uint64_t reserved = view.totals().bytes_reserved;

    const auto before = std::chrono::steady_clock::now();
    dying.process().kill();
    while (view.totals().allocations != 0) {
    }
    EXPECT_GE(std::chrono::steady_clock::now() - before, kGrace);
    ASSERT_EQ(next.ask("create b " + words), "ok");
    ASSERT_EQ(view.totals().bytes_reserved, reserved) << "it was to be given the dead one's memory";
    ASSERT_EQ(next.ask("put b 8"), "ok");
    cudart_emulator::find()->wait_for_engines();
    EXPECT_EQ(next.ask("see b 8"), "right");
}

}  // namespace
}  // namespace fastio::test
