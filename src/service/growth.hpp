#pragma once

#include <cstdint>

#include "service/registry.hpp"

namespace fastio::service {

/// How contexts get slabs and give them back, and the creates that wait for one.
///
/// A create that fits what the context has is answered at once, also while others wait for a slab. Slow device calls
/// run on the device's worker: at most one reserve a context and device is on its way. A slab goes back to its device
/// once every session that may have it mapped has acknowledged or ended for good (design P5); until then its bytes
/// count as reserved.
class Growth {
public:
    explicit Growth(Registry& registry) : registry_(registry) {}

    /// Answers now or later. Errors: invalid_argument, device_unavailable.
    void create(Session& session, const wire::Create& message);
    /// Tries what waits in this context again.
    void pump(Context& context);
    void pump_all();
    /// Memory, or the right to some, came back: tells the clients whose creates were refused.
    void tell_room() noexcept;
    /// The context's first deadline has passed.
    void on_patience(Context& context);
    /// Takes what the device workers have done.
    void on_workers();

    /// Begins to give back the empty slabs that the context need not keep: all when it has ended, else all but one that
    /// were not needed for Options::trim_after. A pipeline in which memory comes and goes in turns would otherwise make
    /// and open a slab for every frame.
    void trim(Context& context);
    void on_trim(Context& context);
    /// The session unmapped a slab.
    void acknowledged(Session& session, table::SlabRef ref);
    /// The session asks for nothing any more (it is not connected).
    void withdraw(const Session& session);
    /// The session has no mappings any more: it ended for good.
    void forget(const Session& session);

private:
    enum class Room : std::uint8_t {
        coming,   ///< a reserve is on its way
        closing,  ///< slabs that are being given back will make room
        none,
    };
    [[nodiscard]] Room make_room(Context& context, std::uint32_t index, std::uint64_t capacity);
    /// Bytes of the device that come back without anybody who is quarantined.
    [[nodiscard]] std::uint64_t returning(std::uint32_t device) const noexcept;
    [[nodiscard]] std::uint64_t collect_everywhere(std::uint32_t device);
    /// The device has no memory for a slab: whether slabs are being given back that may change that.
    [[nodiscard]] bool wait_for_returns(WaitingCreate& create);
    void close_empty(Context& context, std::uint32_t device, std::size_t keep);
    void release_unmapped(Context& context);
    /// Empty when the context has the slab now.
    [[nodiscard]] std::optional<Error> add_slab(Context& context, std::uint32_t index, DeviceWorker::Done& done);
    void finish_reserve(Context& context, std::uint32_t index, DeviceWorker::Done& done);
    void give_back(Context& context, std::uint32_t index, DeviceWorker::Done& done) noexcept;
    void fail_first(Context& context, std::uint32_t device, const Error& error) noexcept;
    void fail_first(Context& context, std::uint32_t device, Errc code, std::string_view text) noexcept;
    /// Tells the client why it cannot have the memory, and whether it may ask again.
    void refuse(Context& context, const WaitingCreate& create, Errc code, std::string_view text) noexcept;
    void answer(Session& session, std::uint64_t request, Context& context, table::AllocationRef ref);
    [[nodiscard]] Error lost(std::uint32_t device) const;
    [[nodiscard]] Error no_room(Context& context, std::uint32_t index, std::uint64_t size) const;
    /// The context's timer to the first deadline of what waits.
    void rearm(Context& context);
    void start_reserve(Context& context, std::uint32_t index, std::uint64_t bytes);

    Registry& registry_;
    bool room_wanted_ = false;  ///< by a client of some context
};

}  // namespace fastio::service
