#pragma once

#include <cstddef>
#include <cstdint>

#include "service/registry.hpp"

namespace fastio::service {

/// How slabs go back to their devices: when they are empty and not needed, and once every session that may have them
/// mapped has acknowledged or ended for good (design P5). Until the device has them back their bytes count as reserved.
class SlabReturns {
public:
    explicit SlabReturns(Registry& registry) noexcept : registry_(registry) {}

    /// At the end of a round in which something happened in the context. Releases what nobody has mapped any more, and
    /// begins to give back the empty slabs that the context need not keep: all when it has ended, else all but one that
    /// were not needed for Options::trim_after. A pipeline in which memory comes and goes in turns would otherwise make
    /// and open a slab for every frame.
    void trim(Context& context);
    void on_trim(Context& context);
    /// Begins to give back every empty slab of the device, in all contexts: somebody needs the memory.
    void close_all_empty(std::uint32_t device);

    /// The session unmapped a slab.
    void acknowledged(Session& session, table::SlabRef ref);
    /// The session has no mappings any more: it ended for good. Tidying releases what nobody waits for.
    void forget(const Session& session);

    /// Asks the device to take a slab back. Errors: those of DeviceWorker::release; nothing has happened then.
    void begin_release(Context& context, std::uint32_t device, OwnedSlab&& slab);
    /// The device has it back, or says why not.
    void finish_release(Context& context, std::uint32_t device, const DeviceWorker::Done& done);

    /// Bytes of the device that come back without anybody who is quarantined.
    [[nodiscard]] std::uint64_t returning(std::uint32_t device) const noexcept;

private:
    void close_empty(Context& context, std::uint32_t device, std::size_t keep);
    void release_unmapped(Context& context);

    Registry& registry_;
};

}  // namespace fastio::service
