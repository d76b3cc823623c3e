// Machines with one GPU and with many, and drivers that are not all the same.
#include <gtest/gtest.h>

#include <vector>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

/// A machine of its own, whose GPUs this process does not see.
class MachineWithGpus : public testing::Test {
protected:
    explicit MachineWithGpus(const std::string& count)
        : machine_{{"FASTIO_EMU_DIR", folder_.file("machine")}, {"FASTIO_EMU_GPUS", count}},
          service_({"--device", "auto"}, machine_) {}

    [[nodiscard]] StreamOperator join(const std::string& device) const {
        return StreamOperator(service_.socket(), device, machine_);
    }

    Watchdog watchdog_{"a machine with GPUs"};
    TempDir folder_;
    std::map<std::string, std::string> machine_;
    ServiceProcess service_;
};

class MachineWithOneGpu : public MachineWithGpus {
protected:
    MachineWithOneGpu() : MachineWithGpus("1") {}
};

TEST_F(MachineWithOneGpu, ServesItAndRefusesASecond) {
    StreamOperator producer = join("auto");
    StreamOperator consumer = join("cuda:0");
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("write a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");
    EXPECT_EQ(producer.ask("device a"), "cuda:0 cuda:0 cuda:0");
    ASSERT_EQ(consumer.ask("get a name"), "ok");
    ASSERT_EQ(consumer.ask("read a"), "ok");
    EXPECT_EQ(consumer.ask("verify a 7"), "right");
    EXPECT_TRUE(consumer.ask("join " + service_.socket() + " cuda:1").starts_with("error device_unavailable: "));
}

class MachineWithFourGpus : public MachineWithGpus {
protected:
    MachineWithFourGpus() : MachineWithGpus("4") {}
};

TEST_F(MachineWithFourGpus, ServesAllToOperatorsThatReachEachOthers) {
    constexpr int kGpus = 4;
    std::vector<StreamOperator> operators;
    for (int gpu = 0; gpu < kGpus; ++gpu) {
        const std::string number = std::to_string(gpu);
        StreamOperator& one = operators.emplace_back(join("cuda:" + number));
        ASSERT_EQ(one.ask("create own 4096"), "ok");
        ASSERT_EQ(one.ask("put own " + number), "ok");
        ASSERT_EQ(one.ask("publish own of-" + number), "ok");
    }
    for (StreamOperator& one : operators) {
        for (int gpu = 0; gpu < kGpus; ++gpu) {
            const std::string number = std::to_string(gpu);
            ASSERT_EQ(one.ask("get other of-" + number), "ok");
            EXPECT_EQ(one.ask("see other " + number), "right") << "of GPU " << gpu;
        }
    }
    EXPECT_TRUE(operators[0].ask("join " + service_.socket() + " cuda:4").starts_with("error device_unavailable: "));
}

class OperatorOfAnotherDriver : public testing::Test {
protected:
    Watchdog watchdog_{"an operator of another driver"};
    ServiceProcess service_;
    StreamOperator other_{service_.socket(), "cuda:0", {{"FASTIO_EMU_DRIVER_VERSION", "13010"}}};
};

TEST_F(OperatorOfAnotherDriver, IsRefusedByNameAndLeavesNothing) {
    StreamOperator producer(service_.socket());
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("put a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");
    for (const char* const call : {"get b name", "create c 4096"}) {
        const std::string answer = other_.ask(call);
        EXPECT_TRUE(answer.starts_with("error version_mismatch: ")) << call << ": " << answer;
        EXPECT_NE(answer.find("13010"), std::string::npos) << answer;
    }
    EXPECT_EQ(other_.ask("calls cudaIpcOpenMemHandle"), "0");
    const ServiceTotals totals = service_.view().totals();
    EXPECT_EQ(totals.allocations, 1U);
    EXPECT_EQ(totals.leases, 1U) << "the producer's";
    EXPECT_EQ(producer.ask("see a 7"), "right");
}

TEST(GpuWithoutStreamMemoryOperations, IsReportedOnceHoweverMuchIsPublishedOnItsStreams) {
    const Watchdog watchdog("a GPU without stream memory operations");
    const TempDir folder;
    const std::string socket = folder.file("fastiod.sock");
    const std::map<std::string, std::string> machine{{"FASTIO_EMU_STREAM_MEMORY_OPERATIONS", "0"}};
    ChildProcess fastiod = ChildProcess::start(FASTIO_TEST_FASTIOD, {"--socket", socket, "--device", "cuda:0"},
                                               {.environment = machine, .capture_output = true});
    for (int i = 0; i < 2; ++i) {
        StreamOperator producer(socket, "cuda:0", machine);
        ASSERT_EQ(producer.ask("create a 100"), "ok");
        for (const char* const name : {"first", "second", "third"}) {
            ASSERT_EQ(producer.ask(std::string("publish a ") + name + std::to_string(i)), "ok");
        }
        ASSERT_EQ(producer.ask("stats"), "synchronise 3");
    }
    fastiod.signal(SIGTERM);
    ASSERT_EQ(fastiod.wait(), (ExitStatus{.code = 0, .signal = 0}));
    const std::string output = fastiod.output();
    const std::string line = "the streams of cuda:0 cannot wait for memory";
    EXPECT_NE(output.find(line), std::string::npos) << output;
    EXPECT_EQ(output.find(line), output.rfind(line)) << output;
}

}  // namespace
}  // namespace fastio::test
