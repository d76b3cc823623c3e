#include "fixture.hpp"

#include <stdexcept>

namespace fastio::test {
namespace {

const cudart_emulator::Api& loaded_emulator() {
    const cudart_emulator::Api* const api = cudart_emulator::find();
    if (api == nullptr) {
        throw std::runtime_error("the emulator is not what was loaded as libcudart: run this test through ctest");
    }
    return *api;
}

}  // namespace

EmulatorTest::EmulatorTest() : api(loaded_emulator()) {
    EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
}

EmulatorTest::~EmulatorTest() {
    for (const auto& [name, value] : normal_) {
        EXPECT_EQ(api.set(name.c_str(), value.c_str()), 0) << name;
    }
    EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
    static_cast<void>(cudaGetLastError());
}

void EmulatorTest::set(const std::string& name, const std::string& value, const std::string& normal) {
    normal_.emplace_back(name, normal);
    ASSERT_EQ(api.set(name.c_str(), value.c_str()), 0) << name << "=" << value;
}

DeviceBuffer::DeviceBuffer(std::size_t bytes) : bytes_(bytes) {
    if (const cudaError_t code = cudaMalloc(&data_, bytes)) {
        throw std::runtime_error("cudaMalloc gave " + std::to_string(code));
    }
}

void DeviceBuffer::fill(int value) const {
    EXPECT_EQ(cudaMemset(data_, value, bytes_), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

int DeviceBuffer::at(std::size_t offset) const {
    return std::to_integer<int>(
        *static_cast<const volatile std::byte*>(cudart_emulator::find()->host_alias(data() + offset)));
}

Stream::Stream(unsigned flags) {
    if (const cudaError_t code = cudaStreamCreateWithFlags(&stream_, flags)) {
        throw std::runtime_error("cudaStreamCreateWithFlags gave " + std::to_string(code));
    }
}

Event::Event(unsigned flags) {
    if (const cudaError_t code = cudaEventCreateWithFlags(&event_, flags)) {
        throw std::runtime_error("cudaEventCreateWithFlags gave " + std::to_string(code));
    }
}

std::string exported(const void* data) {
    cudaIpcMemHandle_t handle{};
    const cudaError_t code = cudaIpcGetMemHandle(&handle, const_cast<void*>(data));
    if (code != cudaSuccess) {
        throw std::runtime_error("cudaIpcGetMemHandle gave " + std::to_string(code));
    }
    return to_text(handle);
}

}  // namespace fastio::test
