// The N-th call of each function of the CUDA runtime fails, on emulated GPUs, in an operator and in fastiod, once and
// for ever, until a run makes fewer calls than N.
#include <gtest/gtest.h>
#include <signal.h>

#include <fastio/fastio.hpp>
#include <filesystem>

#include "forked.hpp"
#include "support/child_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kBytes = 100'000;
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

const std::string kDoesNotWork = "it does not work any more: ";

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
        return must_work ? kDoesNotWork + error.what() : "";
    } catch (const std::exception& error) {
        return std::string("an error without a type: ") + error.what();
    }
}

// What fastiod keeps for anybody; all of it is gone with the last operator.
std::uint64_t held(const ServiceTotals& totals) {
    return totals.sessions + totals.contexts + totals.allocations + totals.publications + totals.leases +
           totals.bytes_reserved;
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
    while (held(view.totals()) != 0) {  // ctest's timeout is the watchdog
    }
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{.code = 0, .signal = 0})) << first_words(fastiod);
}

// fastiod obeys the order; the operators, and this process, do not.
class NthFailureOfCudaInFastiod : public NthFailureOfCuda {
protected:
    /// Whether any fault was met.
    bool run(std::uint64_t nth, bool for_ever) {
        order_ = std::string(GetParam()) + ":" + std::to_string(kOutOfMemory) + ":" + std::to_string(nth) +
                 (for_ever ? ":forever" : "");
        std::filesystem::remove(fault_file_);
        ChildProcess fastiod = start({{"FASTIO_EMU_FAIL", order_}, {"FASTIO_EMU_FAULT_FILE", fault_file_}});
        if (const std::optional<ExitStatus> status = end_of_start(fastiod)) {
            EXPECT_EQ(*status, (ExitStatus{.code = 1, .signal = 0})) << order_ << ": " << first_words(fastiod);
            EXPECT_TRUE(fastiod.output().starts_with("fastiod: ")) << order_ << ": " << first_words(fastiod);
            EXPECT_TRUE(has_met_a_fault()) << order_ << ": it did not start, and nothing failed";
            return true;
        }
        // A use that meets no fault works, whatever failed in fastiod before it: once.
        for (int uses = 0; uses < kUses; ++uses) {
            expect_use(for_ever);
            expect_nothing_left();
        }
        fastiod.signal(SIGTERM);
        EXPECT_EQ(fastiod.wait(), (ExitStatus{.code = 0, .signal = 0})) << order_ << ": " << first_words(fastiod);
        return has_met_a_fault();
    }

private:
    static constexpr int kUses = 3;

    // Empty where it serves.
    std::optional<ExitStatus> end_of_start(ChildProcess& fastiod) const {
        for (;;) {
            try {
                const Service view(socket_, std::chrono::seconds(0));
                return std::nullopt;
            } catch (const Error&) {
                if (const auto status = fastiod.try_wait()) {
                    return status;
                }
            }
        }
    }

    void expect_use(bool for_ever) const {
        const std::uintmax_t before = faults_met();
        Forked process([&] { return use(socket_, true); });
        const std::string wrong = process.wait();
        if (wrong.starts_with(kDoesNotWork)) {
            EXPECT_TRUE(for_ever ? has_met_a_fault() : faults_met() > before)
                << order_ << ": without a fault, " << wrong;
        } else {
            EXPECT_EQ(wrong, "") << order_;
        }
    }

    // ctest's timeout is the watchdog. What fastiod does with a context's slabs is done then.
    void expect_nothing_left() const {
        Service view(socket_, std::chrono::seconds(60));
        while (held(view.totals()) != 0) {
        }
    }

    [[nodiscard]] std::uintmax_t faults_met() const {
        std::error_code none;
        const std::uintmax_t bytes = std::filesystem::file_size(fault_file_, none);
        return none ? 0 : bytes;
    }
    [[nodiscard]] bool has_met_a_fault() const { return faults_met() != 0; }

    std::string order_;
    std::string fault_file_ = folder_.file("faults");
};

TEST_P(NthFailureOfCudaInFastiod, EndsAStartInOrderOrGivesATypedErrorAndLosesNothing) {
    for (const bool for_ever : {false, true}) {
        std::uint64_t nth = 1;
        while (run(nth, for_ever) && !HasFailure()) {
            ++nth;
        }
        std::printf("%s of fastiod, %s: %llu runs\n", GetParam(), for_ever ? "for ever" : "once",
                    static_cast<unsigned long long>(nth));
    }
}

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCudaInFastiod, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCuda, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace fastio::test
