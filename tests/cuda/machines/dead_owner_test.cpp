// The process that owns the slabs is killed: what a driver may say then of its handles and of its memory.
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

/// What an open says of a dead exporter's handle differs between drivers (rule 36).
class HandleOfADeadOwner : public testing::TestWithParam<const char*> {
protected:
    static constexpr const char* kOpen = "cudaIpcOpenMemHandle";

    Watchdog watchdog_{"a dead owner's handle"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    ServiceProcess service_;
};

TEST_P(HandleOfADeadOwner, GivesServiceLostWhateverTheDriverSays) {
    Context context = service_.join("job");
    ASSERT_EQ(emulator_.set("FASTIO_EMU_DEAD_EXPORTER", GetParam()), 0);
    std::optional<Errc> error;
    emulator_.close_gate(kOpen);
    std::thread maker([&] {
        try {
            static_cast<void>(context.create(1));
        } catch (const Error& thrown) {
            error = thrown.errc();
        }
    });
    emulator_.wait_at_gate(kOpen, 1);
    service_.process().kill();
    emulator_.open_gate(kOpen);
    maker.join();
    EXPECT_EQ(error, Errc::service_lost);
}

INSTANTIATE_TEST_SUITE_P(Codes, HandleOfADeadOwner, testing::Values("1", "2", "101", "201", "400", "999"),
                         [](const auto& parameter) { return std::string("Code") + parameter.param; });

class MemoryOfADeadOwner : public testing::Test {
protected:
    Watchdog watchdog_{"a dead owner's memory"};
    ServiceProcess service_;
};

// With DEATH_POISONS_IMPORTERS what is queued on such memory breaks the process's GPU for good, as a stray kernel does.
TEST_F(MemoryOfADeadOwner, ThatItsDriverTookAwayEndsTheUsersAndNobodyElse) {
    StreamOperator user(service_.socket(), "cuda:0", {{"FASTIO_EMU_DEATH_POISONS_IMPORTERS", "1"}});
    ASSERT_EQ(user.ask("create a 4096"), "ok");
    ASSERT_EQ(user.ask("put a 7"), "ok");
    ASSERT_EQ(user.ask("publish a name"), "ok");
    ASSERT_EQ(user.ask("finish"), "ok");
    service_.process().kill();
    service_.start();
    const std::string read = user.ask("see a 7");
    EXPECT_TRUE(read.starts_with("error device_error: ")) << read;
    EXPECT_NE(read.find("must end"), std::string::npos) << read;
    const std::string made = user.ask("create b 4096");
    EXPECT_TRUE(made.starts_with("error ")) << made;
    EXPECT_EQ(user.ask("leave"), "ok");
    user.say("quit");
    EXPECT_EQ(user.process().wait(), (ExitStatus{.code = 0, .signal = 0}));
    StreamOperator next(service_.socket());
    ASSERT_EQ(next.ask("create a 4096"), "ok");
    ASSERT_EQ(next.ask("put a 8"), "ok");
    EXPECT_EQ(next.ask("see a 8"), "right");
}

TEST_F(MemoryOfADeadOwner, ThatItsDriverTookAwayAndNobodyTouchesIsLetGo) {
    StreamOperator user(service_.socket(), "cuda:0", {{"FASTIO_EMU_DEATH_POISONS_IMPORTERS", "1"}});
    ASSERT_EQ(user.ask("create a 4096"), "ok");
    ASSERT_EQ(user.ask("publish a name"), "ok");
    ASSERT_EQ(user.ask("finish"), "ok");
    service_.process().kill();
    service_.start();
    EXPECT_TRUE(user.ask("create b 4096").starts_with("error service_lost: "));
    EXPECT_EQ(user.ask("release a"), "ok");
    ASSERT_EQ(user.ask("leave"), "ok");
    ASSERT_EQ(user.ask("join " + service_.socket() + " cuda:0"), "ok") << "its GPU is not broken";
    ASSERT_EQ(user.ask("create a 4096"), "ok");
    ASSERT_EQ(user.ask("put a 8"), "ok");
    EXPECT_EQ(user.ask("see a 8"), "right");
}

}  // namespace
}  // namespace fastio::test
