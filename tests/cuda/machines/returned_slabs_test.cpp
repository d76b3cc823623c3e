// Slabs that go back to the driver, which calls it undefined to free what another process has open (rule 34).
#include <gtest/gtest.h>

#include <optional>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr const char* kClose = "cudaIpcCloseMemHandle";

class ReturnedSlab : public testing::Test {
protected:
    ReturnedSlab() {
        for (const char* const name : {"first", "second"}) {
            EXPECT_EQ(producer_.ask(std::string("create ") + name + " 1048576"), "ok");  // 8 MiB: a slab of its own
            EXPECT_EQ(producer_.ask(std::string("publish ") + name + " " + name), "ok");
            EXPECT_EQ(consumer_.ask(std::string("get ") + name + " " + name), "ok");
        }
        reserved_ = view_.totals().bytes_reserved;
    }
    /// Both slabs are empty then, and the service keeps one.
    void release_all() {
        for (const char* const name : {"first", "second"}) {
            ASSERT_EQ(producer_.ask(std::string("free ") + name), "ok");
            ASSERT_EQ(consumer_.ask(std::string("release ") + name), "ok");
        }
    }
    void await_return() {
        while (view_.totals().bytes_reserved >= reserved_) {
        }
    }

    Watchdog watchdog_{"a slab that goes back"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    ServiceProcess service_{{"--device", "cuda:0", "--trim-after", "0"}, {{"FASTIO_EMU_STRICT_FREE", "1"}}};
    StreamOperator producer_{service_.socket()};
    StreamOperator consumer_{service_.socket()};
    Service view_ = service_.view();
    std::uint64_t reserved_ = 0;
};

TEST_F(ReturnedSlab, IsFreedWhenEveryMemberHasClosedIt) {
    emulator_.close_gate(kClose);  // of all processes
    release_all();
    emulator_.wait_at_gate(kClose, 2);
    // The thread of the service that would free it is asked for another one, and gives that.
    std::optional<Context> other(service_.join("another job"));
    EXPECT_EQ(other->create(64 << 20).size(), 64U << 20U);
    EXPECT_GE(view_.totals().bytes_reserved, reserved_ + (64U << 20U));
    emulator_.open_gate(kClose);
    other.reset();
    await_return();
    EXPECT_EQ(producer_.ask("slabs"), "1");
    EXPECT_EQ(consumer_.ask("slabs"), "1");
}

TEST_F(ReturnedSlab, IsFreedWhenTheMemberThatDoesNotCloseItIsKilled) {
    consumer_.process().stop();
    ASSERT_EQ(producer_.ask("free first"), "ok");
    ASSERT_EQ(producer_.ask("free second"), "ok");
    ASSERT_EQ(producer_.ask("finish"), "ok");
    EXPECT_EQ(view_.totals().bytes_reserved, reserved_);
    consumer_.process().kill();
    await_return();
    EXPECT_EQ(producer_.ask("create first 1048576"), "ok") << "the service lives";
}

}  // namespace
}  // namespace fastio::test
