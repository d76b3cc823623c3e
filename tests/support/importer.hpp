#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "device/device_memory.hpp"
#include "support/channel.hpp"
#include "support/child_process.hpp"

namespace fastio::test {

/// Another process, a fresh program, that imports one slab. What its device throws is thrown here as Error with the
/// same code.
class Importer {
public:
    /// `device` as make_test_device knows it.
    explicit Importer(const std::string& device);

    /// The address there.
    std::uint64_t open(const SlabHandle& handle, std::uint64_t bytes, int file);
    [[nodiscard]] std::vector<std::byte> read(std::uint64_t offset, std::uint64_t bytes);
    void write(std::uint64_t offset, const std::vector<std::byte>& bytes);
    void close();

    [[nodiscard]] ChildProcess& process() noexcept { return process_; }

private:
    Importer(const std::string& device, std::pair<Channel, Channel> ends);
    std::string ask(const std::string& request, std::span<const int> descriptors = {});

    Channel channel_;
    ChildProcess process_;
};

/// The other process: answers requests on `channel` until it ends.
void serve_importer(Channel channel, DeviceMemory& memory);

}  // namespace fastio::test
