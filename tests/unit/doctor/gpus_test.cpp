#include "doctor/gpus.hpp"

#include <gtest/gtest.h>

namespace fastio::doctor {
namespace {

gpu::Gpu good_gpu() {
    gpu::Gpu gpu;
    gpu.ordinal = 1;
    gpu.uuid = "GPU-00000000-0000-0000-0000-000000000001";
    gpu.product = "A product";
    gpu.total_bytes = std::uint64_t{80} << 30;
    gpu.stream_order = StreamOrder::memory_operations;
    return gpu;
}

CudaFacts facts_of(const gpu::Gpu& gpu) {
    return {{{gpu}, {}}, {13000, 12080}, {}, {}};
}

TEST(DoctorOnGpus, SaysWhichGpuWithWhichVersions) {
    const std::vector<Finding> findings = judge(facts_of(good_gpu()));
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].verdict, Verdict::good);
    EXPECT_EQ(findings[0].found, "CUDA driver 13.0, runtime 12.8");
    EXPECT_EQ(findings[1].subject, "cuda:1");
    EXPECT_EQ(findings[1].verdict, Verdict::good);
    EXPECT_NE(findings[1].found.find("A product, GPU-00000000-0000-0000-0000-000000000001, 80.0 GiB"),
              std::string::npos)
        << findings[1].found;
}

TEST(DoctorOnGpus, NoGpuIsAWarningWithItsReason) {
    const std::vector<Finding> findings = judge(CudaFacts{{{}, "the driver is missing: install it"}, {}, {}, {}});
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].verdict, Verdict::warning);
    EXPECT_EQ(findings[0].remedy, "the driver is missing: install it");
}

TEST(DoctorOnGpus, AnExclusiveOneIsAProblem) {
    gpu::Gpu gpu = good_gpu();
    gpu.exclusive = true;
    const std::vector<Finding> findings = judge(facts_of(gpu));
    EXPECT_EQ(findings[1].verdict, Verdict::problem);
    EXPECT_NE(findings[1].remedy.find("-c DEFAULT"), std::string::npos);
}

TEST(DoctorOnGpus, WithoutStreamMemoryOperationsIsAWarning) {
    gpu::Gpu gpu = good_gpu();
    gpu.stream_order = StreamOrder::synchronise;
    EXPECT_EQ(judge(facts_of(gpu))[1].verdict, Verdict::warning);
}

TEST(DoctorOnGpus, ASubstituteForTheRuntimeIsNeverTakenForAGpu) {
    CudaFacts cuda = facts_of(good_gpu());
    cuda.substitute = "emulator";
    EXPECT_EQ(judge(cuda)[0].verdict, Verdict::warning);
    EXPECT_NE(judge(cuda)[0].found.find("emulator"), std::string::npos);
}

TEST(DoctorOnGpus, SaysThatGpusAreHidden) {
    CudaFacts cuda = facts_of(good_gpu());
    cuda.visible_devices = "1,2";
    EXPECT_NE(judge(cuda)[0].found.find("CUDA_VISIBLE_DEVICES is 1,2"), std::string::npos);
}

}  // namespace
}  // namespace fastio::doctor
