// What cannot be opened is refused by name, and before CUDA is asked where CUDA would say something misleading.
#include <gtest/gtest.h>

#include <cuda_runtime_api.h>

#include "gpu/gpus.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{2} << 20;

class CudaRefuses : public testing::Test {
protected:
    ~CudaRefuses() override { memory_->release(std::move(slab_)); }

    /// A handle of this process's slab, as if another process had exported it.
    [[nodiscard]] SlabHandle foreign() const {
        SlabHandle handle = slab_.handle;
        handle.origin.slab[0] ^= 1U;  // not an own one
        handle.origin.pid += 1;
        return handle;
    }
    Errc open_error(const SlabHandle& handle) {
        try {
            memory_->close(memory_->open(handle, kSlab, -1), kSlab);
        } catch (const Error& error) {
            message_ = error.what();
            return error.errc();
        }
        ADD_FAILURE() << "it was opened";
        return {};
    }
    [[nodiscard]] std::uint64_t opens() const { return emulator_.calls("cudaIpcOpenMemHandle"); }
    [[nodiscard]] bool says(const std::string& text) const { return message_.find(text) != std::string::npos; }

    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    std::shared_ptr<DeviceMemory> memory_ = gpu::make_cuda_memory(gpu::list_gpus().found.at(0).uuid);
    OwnedSlab slab_ = memory_->reserve(kSlab);
    std::string message_;
};

TEST_F(CudaRefuses, AHandleOfAnotherBootWithoutAskingCuda) {
    SlabHandle handle = foreign();
    handle.origin.boot_id[5] ^= 1U;
    const std::uint64_t before = opens();
    EXPECT_EQ(open_error(handle), Errc::incompatible_host);
    EXPECT_TRUE(says("boot")) << message_;
    EXPECT_EQ(opens(), before);
}

TEST_F(CudaRefuses, AHandleOfAnEqualProcessIdWithoutAskingCuda) {
    SlabHandle handle = foreign();
    handle.origin.pid = slab_.handle.origin.pid;
    handle.origin.pid_namespace += 1;
    const std::uint64_t before = opens();
    EXPECT_EQ(open_error(handle), Errc::unsupported);
    EXPECT_TRUE(says(std::to_string(handle.origin.pid_namespace))) << message_;
    EXPECT_EQ(opens(), before);
}

TEST_F(CudaRefuses, AHandleOfAnotherDriverOrMajorRuntimeWithoutAskingCuda) {
    const std::uint64_t before = opens();
    SlabHandle handle = foreign();
    handle.origin.driver_version -= 10;
    EXPECT_EQ(open_error(handle), Errc::version_mismatch);
    EXPECT_TRUE(says(std::to_string(handle.origin.driver_version))) << message_;
    handle = foreign();
    handle.origin.runtime_version -= 1000;
    EXPECT_EQ(open_error(handle), Errc::version_mismatch);
    EXPECT_EQ(opens(), before);
}

TEST_F(CudaRefuses, WhatCudaTakesForItsOwnAndNamesThePidNamespace) {
    SlabHandle handle = foreign();
    handle.origin.pid_namespace += 1;
    EXPECT_EQ(open_error(handle), Errc::device_error);
    EXPECT_TRUE(says("201")) << message_;
    EXPECT_TRUE(says("is in PID namespace " + std::to_string(handle.origin.pid_namespace))) << message_;
}

TEST_F(CudaRefuses, EveryCodeOfAnOpenWithItsCause) {
    const std::pair<cudaError_t, Errc> codes[]{
        {cudaErrorInvalidValue, Errc::device_error},
        {cudaErrorMemoryAllocation, Errc::out_of_memory},
        {cudaErrorInvalidDevice, Errc::device_unavailable},
        {cudaErrorDeviceUninitialized, Errc::device_error},
        {cudaErrorMapBufferObjectFailed, Errc::device_error},
        {cudaErrorPeerAccessUnsupported, Errc::peer_access_unavailable},
        {cudaErrorTooManyPeers, Errc::peer_access_unavailable},
        {cudaErrorInvalidResourceHandle, Errc::incompatible_host},
        {cudaErrorNotSupported, Errc::unsupported},
    };
    for (const auto& [code, errc] : codes) {
        emulator_.fail_call("cudaIpcOpenMemHandle", code, 1, 0);
        EXPECT_EQ(open_error(foreign()), errc) << code;
        EXPECT_TRUE(says(cudaGetErrorName(code))) << message_;
        EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "the caller's next check would find " << code;
    }
}

TEST_F(CudaRefuses, AMappingThatIsStillOpenAfterOneMoreTry) {
    const std::uint64_t before = opens();
    emulator_.fail_call("cudaIpcOpenMemHandle", cudaErrorAlreadyMapped, 1, 0);
    emulator_.fail_call("cudaIpcOpenMemHandle", cudaErrorAlreadyMapped, 2, 0);
    EXPECT_EQ(open_error(foreign()), Errc::device_error);
    EXPECT_TRUE(says("208")) << message_;
    EXPECT_EQ(opens(), before + 2);
}

TEST_F(CudaRefuses, MoreMemoryThanThereIsAndGoesOn) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory_->reserve(std::uint64_t{1} << 40)); }), Errc::out_of_memory);
    memory_->release(memory_->reserve(kSlab));
}

}  // namespace
}  // namespace fastio::test
