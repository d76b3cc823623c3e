#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <fastio/error.hpp>

#include "seam.hpp"
#include "support/forwarding_memory.hpp"

namespace fastio::test {

/// A device whose calls fail as the process's plan says.
class PlannedMemory final : public ForwardingMemory {
public:
    explicit PlannedMemory(std::shared_ptr<DeviceMemory> inner, std::chrono::nanoseconds reuse_grace = {})
        : ForwardingMemory(std::move(inner)) {
        info_.reuse_grace = reuse_grace;
    }

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }
    [[nodiscard]] OwnedSlab reserve(std::uint64_t bytes) override {
        check("reserve");
        return ForwardingMemory::reserve(bytes);
    }
    /// As FaultyMemory: the failure is in the report, the memory goes back.
    void release(OwnedSlab slab) override {
        ForwardingMemory::release(std::move(slab));
        check("release");
    }

private:
    static void check(const char* call) {
        if (is_due(FaultKind::device, call)) {
            throw Error(Errc::device_error, std::string("the plan says that this ") + call + " fails");
        }
    }

    DeviceInfo info_ = ForwardingMemory::info();
};

}  // namespace fastio::test
