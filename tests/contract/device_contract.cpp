#include "device_contract.hpp"

namespace fastio::test {

std::ostream& operator<<(std::ostream& out, const DeviceCase& device) {
    return out << device.name;
}

std::string name_of(const testing::TestParamInfo<DeviceCase>& info) {
    return info.param.name;
}

std::vector<std::byte> DeviceContract::read(const void* from, std::uint64_t bytes) {
    std::vector<std::byte> result(bytes);
    memory().copy(result.data(), from, bytes, {});
    return result;
}

void DeviceContract::write(void* to, const std::vector<std::byte>& bytes) {
    memory().copy(to, bytes.data(), bytes.size(), {});
}

std::vector<std::byte> pattern(std::uint64_t bytes, unsigned seed) {
    std::vector<std::byte> result(bytes);
    std::uint32_t state = seed * 2654435761U + 1;
    for (std::byte& byte : result) {
        state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator; its high bits are good enough here
        byte = static_cast<std::byte>(state >> 24);
    }
    return result;
}

// A program may instantiate the contract for a device that this machine lacks, or for none.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeviceContract);

}  // namespace fastio::test
