#include <cstring>
#include <set>

#include "fixture.hpp"

namespace fastio::test {
namespace {

class DevicesTest : public EmulatorTest {
protected:
    static std::string uuid_text(int device) {
        cudaDeviceProp properties{};
        EXPECT_EQ(cudaGetDeviceProperties(&properties, device), cudaSuccess);
        std::string text = "GPU-";
        for (std::size_t i = 0; i < sizeof(properties.uuid.bytes); ++i) {
            char byte[3];
            std::snprintf(byte, sizeof(byte), "%02x", static_cast<unsigned char>(properties.uuid.bytes[i]));
            text += byte;
            if (i == 3 || i == 5 || i == 7 || i == 9) {
                text += '-';
            }
        }
        return text;
    }
};

TEST_F(DevicesTest, AreTwoWithNamesOfTheirOwn) {
    int count = 0;
    ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    EXPECT_EQ(count, 2);
    EXPECT_NE(uuid_text(0), uuid_text(1));
    cudaDeviceProp properties{};
    ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
    EXPECT_NE(std::string(properties.name).find("emulator"), std::string::npos);
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 2), cudaErrorInvalidDevice);
    EXPECT_EQ(api.version(), 2);
}

TEST_F(DevicesTest, HaveTheSameUuidForTheDriver) {
    const auto get = driver_function<CUresult (*)(CUuuid*, CUdevice)>("cuDeviceGetUuid");
    CUuuid uuid{};
    ASSERT_EQ(get(&uuid, 1), CUDA_SUCCESS);
    cudaDeviceProp properties{};
    ASSERT_EQ(cudaGetDeviceProperties(&properties, 1), cudaSuccess);
    EXPECT_EQ(std::memcmp(&uuid, &properties.uuid, sizeof(uuid)), 0);
}

TEST_F(DevicesTest, AreCurrentPerThread) {
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    int device = -1;
    ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, 1);
    EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
    EXPECT_EQ(cudaSetDevice(-1), cudaErrorInvalidDevice);
    ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, 1);
}

TEST_F(DevicesTest, AreThoseThatTheEnvironmentShows) {
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", "1"}}).number("count"), 1U);
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", "1,0"}}).number("count"), 2U);
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", "0,7,1"}}).number("count"), 1U) << "the list ends at a bad entry";
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", uuid_text(1)}}).number("count"), 1U);
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", uuid_text(1).substr(0, 8)}}).number("count"), 1U);
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", ""}}).code("count"), cudaErrorNoDevice);
    EXPECT_EQ(Peer::with({{"CUDA_VISIBLE_DEVICES", "-1"}}).code("count"), cudaErrorNoDevice);
}

TEST_F(DevicesTest, OfOneNumberDifferBetweenProcesses) {
    Peer other = Peer::with({{"CUDA_VISIBLE_DEVICES", "1"}});
    ASSERT_EQ(other.code("malloc a " + std::to_string(kBlock)), 0);
    std::size_t first = 0;
    std::size_t second = 0;
    std::size_t total = 0;
    ASSERT_EQ(cudaMemGetInfo(&first, &total), cudaSuccess);
    ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
    ASSERT_EQ(cudaMemGetInfo(&second, &total), cudaSuccess);
    EXPECT_EQ(first, total);
    EXPECT_EQ(second, total - kBlock);
}

TEST_F(DevicesTest, HaveTheAttributesThatMatter) {
    const auto attribute = [](int number) {
        int value = -1;
        EXPECT_EQ(cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(number), 0), cudaSuccess);
        return value;
    };
    EXPECT_EQ(attribute(cudaDevAttrComputeMode), cudaComputeModeDefault);
    EXPECT_EQ(attribute(cudaDevAttrUnifiedAddressing), 1);
    EXPECT_EQ(attribute(cudaDevAttrCanMapHostMemory), 1);
    EXPECT_EQ(attribute(cudaDevAttrPageableMemoryAccess), 0);
    EXPECT_EQ(attribute(cudaDevAttrIpcEventSupport), 1);
    EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS), 1);
    EXPECT_EQ(cudaDeviceGetAttribute(nullptr, cudaDevAttrComputeMode, 0), cudaErrorInvalidValue);
    int value = 0;
    EXPECT_EQ(cudaDeviceGetAttribute(&value, static_cast<cudaDeviceAttr>(255), 0), cudaErrorInvalidValue);
}

TEST_F(DevicesTest, InExclusiveModeHaveOneProcess) {
    ASSERT_EQ(cudaFree(nullptr), cudaSuccess);
    Peer second = Peer::with({{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}});
    EXPECT_EQ(second.number("count"), 2U) << "needs no context";
    EXPECT_EQ(second.code("malloc a 16"), cudaErrorDevicesUnavailable);
    EXPECT_EQ(second.code("device 1"), 0) << "which nobody uses";
    EXPECT_EQ(second.code("malloc a 16"), 0);
}

TEST_F(DevicesTest, ReachEachOtherWhereTheyCan) {
    int can = -1;
    ASSERT_EQ(cudaDeviceCanAccessPeer(&can, 0, 1), cudaSuccess);
    EXPECT_EQ(can, 1);
    ASSERT_EQ(cudaDeviceCanAccessPeer(&can, 0, 0), cudaSuccess);
    EXPECT_EQ(can, 0);
    EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaSuccess);
    EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessAlreadyEnabled);
    EXPECT_EQ(cudaDeviceDisablePeerAccess(1), cudaSuccess);
    EXPECT_EQ(cudaDeviceDisablePeerAccess(1), cudaErrorPeerAccessNotEnabled);
    EXPECT_EQ(cudaDeviceEnablePeerAccess(0, 0), cudaErrorInvalidDevice);
    set("FASTIO_EMU_P2P", "0", "1");
    ASSERT_EQ(cudaDeviceCanAccessPeer(&can, 0, 1), cudaSuccess);
    EXPECT_EQ(can, 0);
    EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessUnsupported);
}

TEST_F(DevicesTest, AreFoundByTheirBusIds) {
    char id[32];
    ASSERT_EQ(cudaDeviceGetPCIBusId(id, sizeof(id), 1), cudaSuccess);
    int device = -1;
    ASSERT_EQ(cudaDeviceGetByPCIBusId(&device, id), cudaSuccess);
    EXPECT_EQ(device, 1);
    EXPECT_EQ(cudaDeviceGetByPCIBusId(&device, "ffff:ff:ff.f"), cudaErrorInvalidDevice);
    EXPECT_EQ(cudaDeviceGetPCIBusId(id, 3, 1), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace fastio::test
