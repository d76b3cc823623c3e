// The N-th call of each function of the CUDA runtime fails, on emulated GPUs: in an operator until a run makes fewer
// calls than N, and in fastiod, whose calls nobody outside can count, for the first few.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fastio/fastio.hpp>

#include "forked.hpp"
#include "support/child_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kBytes = 100'000;
constexpr std::uint64_t kCallsOfFastiod = 3;
constexpr int kOutOfMemory = 2;  // cudaErrorMemoryAllocation, which leaves a context usable

// What fastiod and libfastio call; those that only tell something about an earlier call cannot fail for themselves.
const std::vector<const char*> kFunctions{"cudaDeviceGetAttribute",
                                          "cudaDeviceSynchronize",
                                          "cudaDriverGetVersion",
                                          "cudaEventCreateWithFlags",
                                          "cudaEventQuery",
                                          "cudaEventRecord",
                                          "cudaEventSynchronize",
                                          "cudaFree",
                                          "cudaGetDevice",
                                          "cudaGetDeviceCount",
                                          "cudaGetDeviceProperties",
                                          "cudaGetDriverEntryPointByVersion",
                                          "cudaHostAlloc",
                                          "cudaHostGetDevicePointer",
                                          "cudaHostRegister",
                                          "cudaIpcCloseMemHandle",
                                          "cudaIpcGetMemHandle",
                                          "cudaIpcOpenMemHandle",
                                          "cudaMalloc",
                                          "cudaMemGetInfo",
                                          "cudaMemcpy",
                                          "cudaMemcpyAsync",
                                          "cudaMemset",
                                          "cudaMemsetAsync",
                                          "cudaPointerGetAttributes",
                                          "cudaRuntimeGetVersion",
                                          "cudaSetDevice",
                                          "cudaStreamCreateWithFlags",
                                          "cudaStreamSynchronize"};

// One operator's whole work. A failure has a type; returns what is wrong otherwise.
std::string use(const std::string& socket, bool must_work) {
    try {
        const std::vector<std::uint8_t> sent(kBytes, 7);
        Context context(
            {.job = "job", .socket = socket, .device = "cuda:0", .connect_timeout = std::chrono::seconds(60)});
        Allocation made = context.create(kBytes);
        made.copy_from(sent.data(), kBytes);
        made.publish("name", {.replace = true});
        Allocation got = context.get("name");
        std::vector<std::uint8_t> received(kBytes);
        got.copy_to(received.data(), kBytes);
        got.release();
        made.free();
        return received == sent ? "" : "wrong bytes; ";
    } catch (const Error& error) {
        return must_work ? std::string("it does not work any more: ") + error.what() : "";
    } catch (const std::exception& error) {
        return std::string("an error without a type: ") + error.what();
    }
}

std::string first_words(const ChildProcess& fastiod) {
    return fastiod.output().substr(0, 400);
}

class NthFailureOfCuda : public testing::TestWithParam<const char*> {
protected:
    [[nodiscard]] ChildProcess start(std::map<std::string, std::string> environment = {}) const {
        return ChildProcess::start(FASTIO_TEST_FASTIOD,
                                   {"--socket", socket_, "--device", "cuda:0", "--log-level", "error"},
                                   {.environment = std::move(environment), .capture_output = true});
    }

    TempDir folder_;
    std::string socket_ = folder_.file("s");
};

TEST_P(NthFailureOfCuda, InAnOperatorGivesATypedErrorAndLosesNothing) {
    ChildProcess fastiod = start();
    for (const bool for_ever : {false, true}) {
        bool reached = true;
        std::uint64_t nth = 0;
        while (reached && !HasFailure()) {
            ++nth;
            Forked process([&] {
                const cudart_emulator::Api& api = *cudart_emulator::find();
                api.fail_call(GetParam(), kOutOfMemory, nth, for_ever ? 1 : 0);
                std::string wrong = use(socket_, false);
                const bool faulty = api.calls(GetParam()) >= nth;
                if (faulty && !for_ever) {
                    wrong += use(socket_, true);
                }
                return wrong + (faulty ? "+" : "");
            });
            std::string said = process.wait();
            reached = said.ends_with('+');
            EXPECT_EQ(said, reached ? "+" : "") << GetParam() << " " << nth << (for_ever ? " for ever" : "");
        }
        std::printf("%s of an operator, %s: %llu runs\n", GetParam(), for_ever ? "for ever" : "once",
                    static_cast<unsigned long long>(nth));
    }
    Forked undisturbed([&] { return use(socket_, true); });
    EXPECT_EQ(undisturbed.wait(), "");
    Service view(socket_, std::chrono::seconds(60));
    for (;;) {  // ctest's timeout is the watchdog
        const ServiceTotals totals = view.totals();
        if (totals.sessions + totals.contexts + totals.allocations + totals.bytes_reserved == 0) {
            break;
        }
    }
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{.code = 0, .signal = 0})) << first_words(fastiod);
}

TEST_P(NthFailureOfCuda, InTheServiceEndsAStartInOrderOrGivesTypedErrors) {
    for (const char* lasts : {"", ":forever"}) {
        for (std::uint64_t nth = 1; nth <= kCallsOfFastiod && !HasFailure(); ++nth) {
            ChildProcess fastiod =
                start({{"FASTIO_EMU_FAIL", std::string(GetParam()) + ":" + std::to_string(kOutOfMemory) + ":" +
                                               std::to_string(nth) + lasts}});
            std::optional<ExitStatus> status;
            bool serves = false;
            while (!serves && !(status = fastiod.try_wait())) {
                try {
                    const Service view(socket_, std::chrono::seconds(0));
                    serves = true;
                } catch (const Error&) {
                    continue;
                }
            }
            if (serves) {
                Forked process([&] {
                    unsetenv("FASTIO_EMU_FAIL");
                    return use(socket_, false) + use(socket_, false);
                });
                EXPECT_EQ(process.wait(), "") << GetParam() << " " << nth << lasts;
                fastiod.signal(SIGTERM);
                status = fastiod.wait();
                EXPECT_EQ(*status, (ExitStatus{.code = 0, .signal = 0}))
                    << GetParam() << " " << nth << lasts << ": " << first_words(fastiod);
            } else {
                EXPECT_EQ(*status, (ExitStatus{.code = 1, .signal = 0}))
                    << GetParam() << " " << nth << lasts << ": " << first_words(fastiod);
                EXPECT_TRUE(fastiod.output().starts_with("fastiod: ")) << first_words(fastiod);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCuda, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace fastio::test
