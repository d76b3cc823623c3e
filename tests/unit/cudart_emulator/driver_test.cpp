// What is found instead of a driver (rule 67), and after a fork (rule 38).
#include <cstring>

#include "fixture.hpp"

namespace fastio::test {
namespace {

class DriverTest : public EmulatorTest {};

TEST_F(DriverTest, MissingGives35ForEverythingButVersions) {
    Peer peer = Peer::with({{"FASTIO_EMU_DRIVER", "missing"}});
    EXPECT_EQ(peer.code("count"), cudaErrorInsufficientDriver);
    EXPECT_EQ(peer.code("malloc a 16"), cudaErrorInsufficientDriver);
    EXPECT_EQ(peer.code("last-error"), cudaErrorInsufficientDriver);
    EXPECT_EQ(peer.code("last-error"), cudaErrorInsufficientDriver) << "it does not come by itself";
    EXPECT_EQ(peer.number("driver-version"), 0U);
}

TEST_F(DriverTest, AStubGives34) {
    EXPECT_EQ(Peer::with({{"FASTIO_EMU_DRIVER", "stub"}}).code("count"), cudaErrorStubLibrary);
}

TEST_F(DriverTest, WithoutAGpuGives100) {
    EXPECT_EQ(Peer::with({{"FASTIO_EMU_DRIVER", "no-gpu"}}).code("count"), cudaErrorNoDevice);
}

TEST_F(DriverTest, HasTheVersionThatTheSwitchSays) {
    EXPECT_EQ(Peer::with({{"FASTIO_EMU_DRIVER_VERSION", "12040"}}).number("driver-version"), 12040U);
    int runtime = 0;
    EXPECT_EQ(cudaRuntimeGetVersion(&runtime), cudaSuccess);
    EXPECT_EQ(runtime, CUDART_VERSION);
}

TEST_F(DriverTest, IsLostToAForkedChildOfAProcessThatUsedIt) {
    Peer peer;
    ASSERT_EQ(peer.number("count"), 2U);
    EXPECT_EQ(peer.code("fork"), cudaErrorInitializationError);
    EXPECT_EQ(peer.code("malloc a 16"), 0) << "the parent goes on";
}

TEST_F(DriverTest, IsThereForAForkedChildOfAProcessThatDidNotUseIt) {
    EXPECT_EQ(Peer().code("fork"), cudaSuccess);
}

TEST_F(DriverTest, GivesOutFunctionsByNameAndVersion) {
    void* function = &function;
    cudaDriverEntryPointQueryResult result{};
    ASSERT_EQ(cudaGetDriverEntryPointByVersion("cuNoSuchFunction", &function, 12'000, 0, &result), cudaSuccess);
    EXPECT_EQ(result, cudaDriverEntryPointSymbolNotFound);
    EXPECT_EQ(function, nullptr);
    ASSERT_EQ(cudaGetDriverEntryPointByVersion("cuStreamWriteValue64", &function, 8'000, 0, &result), cudaSuccess);
    EXPECT_EQ(result, cudaDriverEntryPointVersionNotSufficent);
    EXPECT_EQ(function, nullptr);
    EXPECT_EQ(cudaGetDriverEntryPointByVersion(nullptr, &function, 12'000, 0, &result), cudaErrorInvalidValue);
}

TEST_F(DriverTest, NamesItsErrorsAsTheHeadersDo) {
    EXPECT_STREQ(cudaGetErrorName(cudaErrorAlreadyMapped), "cudaErrorAlreadyMapped");
    EXPECT_STREQ(cudaGetErrorString(cudaErrorDeviceUninitialized), "invalid device context");
    EXPECT_STREQ(cudaGetErrorName(static_cast<cudaError_t>(12'345)), "unrecognized error code");
    const auto get = driver_function<CUresult (*)(CUresult, const char**)>("cuGetErrorName");
    const char* name = nullptr;
    ASSERT_EQ(get(CUDA_ERROR_INVALID_CONTEXT, &name), CUDA_SUCCESS);
    EXPECT_STREQ(name, "CUDA_ERROR_INVALID_CONTEXT");
}

}  // namespace
}  // namespace fastio::test
