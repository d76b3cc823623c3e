// What codes of the CUDA runtime mean.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "gpu/error.hpp"

namespace fastio::test {
namespace {

// By number: older toolkits lack some of the names. Of each the runtime's header says that the process must be
// terminated, or that the context is gone.
TEST(CudaErrors, AfterWhichTheProcessMustEndAreSticky) {
    for (const int code : {46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911, 999}) {
        const gpu::Diagnosis diagnosis = gpu::diagnose(static_cast<cudaError_t>(code));
        EXPECT_TRUE(diagnosis.sticky) << code;
        EXPECT_NE(diagnosis.errc, Errc::out_of_memory) << code;
    }
}

TEST(CudaErrors, OfOneCallAreNot) {
    for (const int code :
         {1, 2, 3, 4, 34, 35, 100, 101, 201, 205, 208, 217, 400, 600, 701, 711, 720, 800, 801, 900, 906}) {
        EXPECT_FALSE(gpu::diagnose(static_cast<cudaError_t>(code)).sticky) << code;
    }
}

TEST(CudaErrors, AtTheEndOfTheProcessSayWhatToDo) {
    const gpu::Diagnosis diagnosis = gpu::diagnose(cudaErrorCudartUnloading);
    EXPECT_EQ(diagnosis.errc, Errc::device_unavailable);
    EXPECT_NE(diagnosis.cause.find("before main returns"), std::string_view::npos);
}

}  // namespace
}  // namespace fastio::test
