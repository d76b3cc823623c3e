#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "device/device_memory.hpp"
#include "support/errors.hpp"

namespace fastio::test {

/// One implementation that must keep the contract.
struct DeviceCase {
    std::string name;                         ///< as make_test_device knows it, also in the importing process
    std::shared_ptr<DeviceMemory> (*make)();  ///< for this process
    Stream (*make_stream)() = nullptr;        ///< none: the device must refuse streams
};
std::ostream& operator<<(std::ostream& out, const DeviceCase& device);
std::string name_of(const testing::TestParamInfo<DeviceCase>& info);

inline constexpr std::uint64_t kSlab = std::uint64_t{2} << 20;  ///< bytes of the smallest slab

/// A slab that is released at the end of its scope.
class Reserved {
public:
    Reserved(DeviceMemory& memory, std::uint64_t bytes) : memory_(memory), slab_(memory.reserve(bytes)) {}
    Reserved(const Reserved&) = delete;
    Reserved& operator=(const Reserved&) = delete;
    ~Reserved() { memory_.release(std::move(slab_)); }

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(slab_.data); }
    [[nodiscard]] const OwnedSlab& operator*() const noexcept { return slab_; }
    [[nodiscard]] const OwnedSlab* operator->() const noexcept { return &slab_; }

private:
    DeviceMemory& memory_;
    OwnedSlab slab_;
};

/// The fixture of the contract of DeviceMemory. An implementation joins with one INSTANTIATE_TEST_SUITE_P. The cases
/// look at a device's memory through copy() only, so that it need not be the CPU's.
class DeviceContract : public testing::TestWithParam<DeviceCase> {
protected:
    DeviceContract() : memory_(GetParam().make()) {}

    [[nodiscard]] DeviceMemory& memory() { return *memory_; }
    [[nodiscard]] std::vector<std::byte> read(const void* from, std::uint64_t bytes);
    void write(void* to, const std::vector<std::byte>& bytes);
    /// Only where has_streams().
    [[nodiscard]] Stream stream() const { return GetParam().make_stream(); }
    [[nodiscard]] bool has_streams() const { return GetParam().make_stream != nullptr; }

private:
    std::shared_ptr<DeviceMemory> memory_;
};

/// `bytes` bytes that differ from their neighbours and between seeds.
[[nodiscard]] std::vector<std::byte> pattern(std::uint64_t bytes, unsigned seed);

}  // namespace fastio::test
