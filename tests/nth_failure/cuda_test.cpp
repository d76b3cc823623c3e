// The N-th call of each function of the CUDA runtime fails, on emulated GPUs, in an operator, in fastiod and in an
// operator that hosts the service, once and for ever, until a run makes fewer calls than N.
#include <gtest/gtest.h>
#include <signal.h>

#include <fastio/fastio.hpp>
#include <filesystem>
#include <set>

#include "cuda_operator.hpp"
#include "forked.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

// What fastiod and libfastio call; those that only tell something about an earlier call cannot fail for themselves.
const std::vector<const char*> kFunctions{"cuDeviceGetAttribute",
                                          "cuStreamWaitValue64",
                                          "cuStreamWriteValue64",
                                          "cudaDeviceCanAccessPeer",
                                          "cudaDeviceEnablePeerAccess",
                                          "cudaDeviceGetAttribute",
                                          "cudaDeviceSynchronize",
                                          "cudaDriverGetVersion",
                                          "cudaEventCreateWithFlags",
                                          "cudaEventDestroy",
                                          "cudaEventQuery",
                                          "cudaEventRecord",
                                          "cudaEventSynchronize",
                                          "cudaFree",
                                          "cudaFreeHost",
                                          "cudaGetDevice",
                                          "cudaGetDeviceCount",
                                          "cudaGetDeviceProperties",
                                          "cudaGetDriverEntryPointByVersion",
                                          "cudaHostAlloc",
                                          "cudaHostGetDevicePointer",
                                          "cudaHostRegister",
                                          "cudaHostUnregister",
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
                                          "cudaStreamDestroy",
                                          "cudaStreamGetDevice",
                                          "cudaStreamIsCapturing",
                                          "cudaStreamSynchronize",
                                          "cudaStreamWaitEvent"};

using Functions = std::set<std::string, std::less<>>;

const Functions kNeverCalledByAnOperator{// The service has the memory, and gives its handles away.
                                         "cudaFree", "cudaIpcGetMemHandle", "cudaMalloc",
                                         // A slab of another process is opened together with the access to its GPU.
                                         "cudaDeviceEnablePeerAccess"};

const Functions kNeverCalledByAHost{// Its slabs are its own, and it has no neighbour whose streams it waits for.
                                    "cuStreamWaitValue64", "cudaIpcCloseMemHandle", "cudaIpcOpenMemHandle"};

const Functions kNeverCalledByFastiod{
    // It has no streams, and copies nothing.
    "cuStreamWaitValue64", "cuStreamWriteValue64", "cudaDeviceSynchronize", "cudaEventCreateWithFlags",
    "cudaEventDestroy", "cudaEventQuery", "cudaEventRecord", "cudaEventSynchronize", "cudaFreeHost", "cudaHostAlloc",
    "cudaMemcpy", "cudaMemcpyAsync", "cudaMemsetAsync", "cudaPointerGetAttributes", "cudaStreamCreateWithFlags",
    "cudaStreamDestroy", "cudaStreamGetDevice", "cudaStreamIsCapturing", "cudaStreamWaitEvent",
    // The words that streams write are pinned by the operators.
    "cudaHostGetDevicePointer", "cudaHostRegister", "cudaHostUnregister",
    // All slabs are its own, and it computes on none.
    "cudaDeviceCanAccessPeer", "cudaDeviceEnablePeerAccess", "cudaIpcCloseMemHandle", "cudaIpcOpenMemHandle"};

/// What alone calls the function, or calls it from threads or in a state that only it makes.
LongWork work_for(std::string_view function) {
    static const Functions uploads{"cudaEventCreateWithFlags",
                                   "cudaEventRecord",
                                   "cudaEventSynchronize",
                                   "cudaFreeHost",
                                   "cudaHostAlloc",
                                   "cudaMemcpyAsync",
                                   "cudaPointerGetAttributes",
                                   "cudaStreamCreateWithFlags",
                                   "cudaStreamDestroy",
                                   "cudaStreamSynchronize"};
    static const Functions words_used_again{"cudaEventQuery", "cudaStreamGetDevice"};
    return {.upload = uploads.contains(function), .many_publications = words_used_again.contains(function)};
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
        return ChildProcess::start(
            FASTIO_TEST_FASTIOD,
            {"--socket", socket_, "--device", "cuda:0", "--device", "cuda:1", "--log-level", "error"},
            {.environment = std::move(environment), .capture_output = true});
    }

    [[nodiscard]] CudaWork work() const {
        return {.options = {
                    .job = "job", .socket = socket_, .device = "cuda:0", .connect_timeout = std::chrono::seconds(60)}};
    }

    /// Lets each call of the function fail in processes of their own that do the work.
    static void fail_each_call(const CudaWork& work, const Functions& never_called, const char* role) {
        for (const bool for_ever : {false, true}) {
            bool reached = true;
            std::uint64_t nth = 0;
            while (reached && !HasFailure()) {
                ++nth;
                Forked process(
                    [&] { return work_with_fault(work, {.function = GetParam(), .nth = nth, .for_ever = for_ever}); });
                const std::string said = process.wait();
                reached = said.ends_with('+');
                EXPECT_EQ(said, reached ? "+" : "") << GetParam() << " " << nth << (for_ever ? " for ever" : "");
            }
            tell(role, for_ever, nth);
            expect_faults(nth - 1, never_called);
        }
    }

    // A test in which nothing failed shows nothing.
    static void expect_faults(std::uint64_t faults, const Functions& never_called) {
        if (!HasFailure()) {
            EXPECT_EQ(faults == 0, never_called.contains(std::string_view(GetParam())))
                << GetParam() << " failed in " << faults << " runs";
        }
    }

    static void tell(const char* role, bool for_ever, std::uint64_t nth) {
        std::printf("%s of %s, %s: %llu runs\n", GetParam(), role, for_ever ? "for ever" : "once",
                    static_cast<unsigned long long>(nth));
    }

    TempDir folder_;
    std::string socket_ = folder_.file("s");
};

TEST_P(NthFailureOfCuda, InAnOperatorGivesATypedErrorAndLosesNothing) {
    ChildProcess fastiod = start();
    CudaWork operators = work();
    operators.more = work_for(GetParam());
    operators.neighbour = start_neighbour(socket_);
    fail_each_call(operators, kNeverCalledByAnOperator, "an operator");
    operators.neighbour.reset();
    Forked undisturbed([&] { return work_without_fault(work()); });
    EXPECT_EQ(undisturbed.wait(), "");
    Service view(socket_, std::chrono::seconds(60));
    while (held(view.totals()) != 0) {  // ctest's timeout is the watchdog
    }
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{.code = 0, .signal = 0})) << first_words(fastiod);
}

class NthFailureOfCudaInAHost : public NthFailureOfCuda {};

TEST_P(NthFailureOfCudaInAHost, OfTheServiceGivesATypedErrorAndLosesNothing) {
    CudaWork host = work();
    host.options.device = "auto";
    host.options.embedded = true;
    host.more = work_for(GetParam());
    fail_each_call(host, kNeverCalledByAHost, "a host of the service");
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
        Forked process([&] { return work_without_fault(work()); });
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
        tell("fastiod", for_ever, nth);
        expect_faults(nth - 1, kNeverCalledByFastiod);
    }
}

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCudaInFastiod, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCudaInAHost, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

INSTANTIATE_TEST_SUITE_P(Runtime, NthFailureOfCuda, testing::ValuesIn(kFunctions),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace fastio::test
