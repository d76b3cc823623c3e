#pragma once

#include <cstdint>

#include "service/registry.hpp"
#include "service/slab_returns.hpp"

namespace fastio::service {

/// How contexts get slabs, and the creates that wait for one.
///
/// A create that fits what the context has is answered at once, also while others wait for a slab. Slow device calls
/// run on the device's worker: at most one reserve a context and device is on its way. Where a device is full, empty
/// slabs go back first (SlabReturns).
class Growth {
public:
    Growth(Registry& registry, SlabReturns& returns) noexcept : registry_(registry), returns_(returns) {}

    /// Answers now or later. Errors: invalid_argument, device_unavailable.
    void create(Session& session, const wire::Create& message);
    /// Tries what waits in this context again.
    void pump(Context& context);
    /// The same in all contexts; where memory is lacking, tidying tries again.
    void pump_all() noexcept;
    /// Memory, or the right to some, came back: tells the clients whose creates were refused.
    void tell_room() noexcept;
    /// The context's first deadline has passed.
    void on_patience(Context& context);
    /// Takes what the device workers have done.
    void on_workers();

    /// The session asks for nothing any more (it is not connected).
    void withdraw(const Session& session);

private:
    enum class Room : std::uint8_t {
        coming,   ///< a reserve is on its way
        closing,  ///< slabs that are being given back will make room
        none,
    };
    /// Whether the create that waits is served now. Errors: why it never will be. Looks for nothing to collect.
    [[nodiscard]] bool try_again(Context& context, WaitingCreate& waiting);
    [[nodiscard]] Room make_room(Context& context, std::uint32_t device, std::uint64_t capacity, Collect collect);
    void collect_everywhere(std::uint32_t device);
    /// Bytes in the device's empty slabs.
    [[nodiscard]] std::uint64_t empty_everywhere(std::uint32_t device) const noexcept;
    /// The device has no memory for a slab: whether slabs are being given back that may change that.
    [[nodiscard]] bool wait_for_returns(WaitingCreate& create);
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
    void pump_or_later(Context& context) noexcept;
    /// The context's timer to the first deadline of what waits. Errors: std::bad_alloc; it is as before.
    void rearm(Context& context);
    void start_reserve(Context& context, std::uint32_t index, std::uint64_t bytes);

    Registry& registry_;
    SlabReturns& returns_;
    bool room_wanted_ = false;  ///< by a client of some context
};

}  // namespace fastio::service
