#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <fastio/allocation.hpp>

#include "client/client.hpp"
#include "client/staging.hpp"
#include "table/leases.hpp"

namespace fastio::detail {

/// What keeps an allocation alive for its holder.
enum class Claim : std::uint8_t {
    none,
    hold,   ///< the service's: created here, not published yet
    lease,  ///< our entry in the lease pages
};

/// An Allocation's contents: one object on the heap, the name and the shape inside it, so that `get` allocates once.
struct AllocationImpl {
    explicit AllocationImpl(Client& of) noexcept : client(&of) {}

    Client* client;
    Claim claim = Claim::none;
    bool is_user = false;  ///< counted by the client
    bool awaited = false;  ///< a stream was made to wait for the contents
    std::uint8_t name_bytes = 0;
    std::byte* data = nullptr;
    DeviceMemory* device = nullptr;
    table::Acquired acquired;                  ///< `copy` has the metadata, `lease` counts for Claim::lease
    StagedMemory staged{};                     ///< where data leads to a private copy
    std::unique_ptr<Attributes> attributes{};  ///< null: none
    char name[256];                            ///< the first name_bytes count

    [[nodiscard]] table::AllocationRef ref() const noexcept { return acquired.copy.allocation; }
    [[nodiscard]] std::byte* slab_data() const noexcept { return data - acquired.placement.offset; }
    [[nodiscard]] std::string_view name_view() const noexcept { return {name, name_bytes}; }
    /// At most 255 bytes.
    void set_name(std::string_view text) noexcept {
        text.copy(name, sizeof(name));
        name_bytes = static_cast<std::uint8_t>(text.size());
    }
    /// Errors: forked.
    void check_not_forked(std::string_view call) const { client->liveness().check_not_forked(call); }
};

using AllocationPtr = std::unique_ptr<AllocationImpl, AllocationImplDeleter>;

/// The way in and out of the public type.
struct AllocationAccess {
    [[nodiscard]] static Allocation make(AllocationPtr impl) noexcept { return Allocation(std::move(impl)); }
};

}  // namespace fastio::detail
