#pragma once

#include <memory>

#include "device/device_memory.hpp"

namespace fastio::test {

/// Hands every call to another DeviceMemory. The base of what adds something to a device by wrapping it.
class ForwardingMemory : public DeviceMemory {
public:
    /// Errors: invalid_argument (no `inner`).
    explicit ForwardingMemory(std::shared_ptr<DeviceMemory> inner);

    [[nodiscard]] const DeviceInfo& info() const noexcept override;
    [[nodiscard]] const std::atomic<int>& loss() const noexcept override;
    void fail_lost(std::string_view call) const override;
    [[nodiscard]] OwnedSlab reserve(std::uint64_t bytes) override;
    void release(OwnedSlab slab) override;
    [[nodiscard]] std::uint64_t improve(void* data, std::uint64_t bytes, std::uint64_t offset) noexcept override;
    [[nodiscard]] void* open(const SlabHandle& handle, std::uint64_t bytes, int file) override;
    void close(void* data, std::uint64_t bytes) noexcept override;
    void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) override;
    void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) override;
    void pin(void* host, std::uint64_t bytes) override;
    void unpin(void* host) noexcept override;
    void check_stream(Stream stream) override;
    void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    [[nodiscard]] std::shared_ptr<StreamMark> mark(Stream stream) override;
    void wait_for(const StreamMark& mark, Stream stream) override;
    [[nodiscard]] bool has_passed(const StreamMark& mark) override;
    void synchronise(Stream stream) override;

private:
    const std::shared_ptr<DeviceMemory> inner_;
};

}  // namespace fastio::test
