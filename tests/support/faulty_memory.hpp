#pragma once

#include <memory>

#include "support/faults.hpp"
#include "support/forwarding_memory.hpp"

namespace fastio::test {

/// A device that fails or delays its calls as ordered through `faults`, and else does what the inner one does.
/// A release that was ordered to fail still gives the memory back: the order is about the report, not about a leak.
class FaultyMemory final : public ForwardingMemory {
public:
    /// Errors: invalid_argument (no `inner`).
    explicit FaultyMemory(std::shared_ptr<DeviceMemory> inner) : ForwardingMemory(std::move(inner)) {}

    [[nodiscard]] Faults& faults() noexcept { return faults_; }

    /// By an order; what the inner device loses, its calls tell.
    [[nodiscard]] const std::atomic<int>& loss() const noexcept override { return faults_.loss(); }
    void fail_lost(std::string_view call) const override;
    [[nodiscard]] OwnedSlab reserve(std::uint64_t bytes) override;
    void release(OwnedSlab slab) override;
    [[nodiscard]] void* open(const SlabHandle& handle, std::uint64_t bytes, int file) override;
    void close(void* data, std::uint64_t bytes) noexcept override;
    void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) override;
    void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) override;
    void pin(void* host, std::uint64_t bytes) override;
    void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override;
    void synchronise(Stream stream) override;

private:
    Faults faults_;
};

}  // namespace fastio::test
