// cudaIpcGetMemHandle: rules 2 to 12.
#include "fixture.hpp"

namespace fastio::test {
namespace {

class Export : public EmulatorTest {};

cudaError_t export_of(void* data) {
    cudaIpcMemHandle_t handle{};
    return cudaIpcGetMemHandle(&handle, data);
}

TEST_F(Export, AHandleStaysTheSameWhileItsMemoryLives) {
    const DeviceBuffer buffer(kBlock);
    EXPECT_EQ(exported(buffer.data()), exported(buffer.data()));
}

TEST_F(Export, AnInteriorPointerGivesItsBasesHandle) {
    const DeviceBuffer buffer(kBlock);
    EXPECT_EQ(exported(buffer.data()), exported(buffer.data() + kMiB / 2));
}

TEST_F(Export, MemoryAtTheSameAddressAsFreedMemoryHasAnotherHandle) {
    void* first = nullptr;
    ASSERT_EQ(cudaMalloc(&first, kBlock), cudaSuccess);
    const std::string handle = exported(first);
    ASSERT_EQ(cudaFree(first), cudaSuccess);
    void* second = nullptr;
    ASSERT_EQ(cudaMalloc(&second, kBlock), cudaSuccess);
    ASSERT_EQ(first, second) << "the emulator gives addresses again, as drivers do";
    EXPECT_NE(handle, exported(second));
    EXPECT_EQ(cudaFree(second), cudaSuccess);
}

TEST_F(Export, WhatIsNoMemoryOfTheRuntimeIsRefused) {
    void* freed = nullptr;
    ASSERT_EQ(cudaMalloc(&freed, kBlock), cudaSuccess);
    ASSERT_EQ(cudaFree(freed), cudaSuccess);
    const DeviceBuffer buffer(kBlock);
    int host = 0;
    EXPECT_EQ(export_of(nullptr), cudaErrorInvalidValue);
    EXPECT_EQ(export_of(buffer.data() + buffer.bytes()), cudaErrorInvalidValue);
    EXPECT_EQ(export_of(&host), cudaErrorInvalidValue);
    EXPECT_EQ(cudaIpcGetMemHandle(nullptr, nullptr), cudaErrorInvalidValue);
    if (freed != buffer.data()) {
        EXPECT_EQ(export_of(freed), cudaErrorInvalidValue);
    }
}

TEST_F(Export, ManagedPinnedAndPoolMemoryIsRefused) {
    void* managed = nullptr;
    void* pinned = nullptr;
    void* pooled = nullptr;
    ASSERT_EQ(cudaMallocManaged(&managed, kBlock, cudaMemAttachGlobal), cudaSuccess);
    ASSERT_EQ(cudaMallocHost(&pinned, kBlock), cudaSuccess);
    ASSERT_EQ(cudaMallocAsync(&pooled, kBlock, nullptr), cudaSuccess);
    EXPECT_EQ(export_of(managed), cudaErrorInvalidValue);
    EXPECT_EQ(export_of(pinned), cudaErrorInvalidValue);
    EXPECT_EQ(export_of(pooled), cudaErrorInvalidValue);
    EXPECT_EQ(cudaFree(managed), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
    EXPECT_EQ(cudaFreeAsync(pooled, nullptr), cudaSuccess);
}

TEST_F(Export, ARefusedExportLeavesALastError) {
    ASSERT_EQ(export_of(nullptr), cudaErrorInvalidValue);
    EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidValue);
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Export, WithoutAPlaceForTheHandleItCrashesAsTheRealOneDid) {
    const DeviceBuffer buffer(kBlock);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    // The death test's own process starts with CUDA unused, so it makes its own memory.
    EXPECT_DEATH(
        {
            const DeviceBuffer own(kBlock);
            cudaIpcGetMemHandle(nullptr, own.data());
        },
        "a real driver crashes here");
}

TEST_F(Export, AttributesTellWhatCanBeExported) {
    using GetAttribute = CUresult (*)(void*, CUpointer_attribute, CUdeviceptr);
    const auto get = driver_function<GetAttribute>("cuPointerGetAttribute");
    const auto capable = [&](const void* data) {
        unsigned value = 77;
        EXPECT_EQ(get(&value, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE, reinterpret_cast<CUdeviceptr>(data)),
                  CUDA_SUCCESS);
        return value;
    };
    const DeviceBuffer buffer(kBlock);
    void* pooled = nullptr;
    ASSERT_EQ(cudaMallocAsync(&pooled, kBlock, nullptr), cudaSuccess);
    EXPECT_EQ(capable(buffer.data()), 1U);
    EXPECT_EQ(capable(pooled), 0U);
    CUmemoryPool pool = nullptr;
    EXPECT_EQ(get(&pool, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, reinterpret_cast<CUdeviceptr>(pooled)), CUDA_SUCCESS);
    EXPECT_NE(pool, nullptr);
    EXPECT_EQ(cudaFreeAsync(pooled, nullptr), cudaSuccess);
}

TEST_F(Export, BufferIdsAreNeverUsedAgain) {
    using GetAttribute = CUresult (*)(void*, CUpointer_attribute, CUdeviceptr);
    const auto get = driver_function<GetAttribute>("cuPointerGetAttribute");
    const auto id = [&] {
        const DeviceBuffer buffer(kBlock);
        unsigned long long value = 0;
        EXPECT_EQ(get(&value, CU_POINTER_ATTRIBUTE_BUFFER_ID, reinterpret_cast<CUdeviceptr>(buffer.data())),
                  CUDA_SUCCESS);
        return value;
    };
    EXPECT_NE(id(), id());
}

}  // namespace
}  // namespace fastio::test
