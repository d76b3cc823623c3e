#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "support/cudart_emulator/address_space.hpp"
#include "support/cudart_emulator/control.hpp"
#include "support/cudart_emulator/device_files.hpp"
#include "support/cudart_emulator/settings.hpp"

namespace emulator {

/// Memory that work reads or writes: where it is for the engine, and which allocation of another process it belongs to.
struct Access {
    std::byte* data = nullptr;
    std::uint32_t guard = kNoGuard;  ///< index of an AllocationRecord
    std::uint64_t guard_id = 0;
    static constexpr std::uint32_t kNoGuard = ~std::uint32_t{0};
};

/// The device memory that this process has: its own, and what it opened. Each piece has a device address, which nobody
/// may follow, and an alias, through which the engine copies.
///
/// *Thread safety:* under the process's mutex.
class DeviceMemory {
public:
    enum class Kind { owned, pool, imported };

    struct Piece {
        std::uint64_t bytes = 0;
        Kind kind = Kind::owned;
        std::uint32_t gpu = 0;
        std::uint64_t id = 0;  ///< of the allocation; never used again
        std::uint32_t record = 0;
        std::uintptr_t region = 0;
        std::uint32_t opened = 0;     ///< imports: how often
        std::uint32_t opened_on = 0;  ///< imports: the GPU that was current
    };

    DeviceMemory(Control& control, const Settings& settings)
        : control_(control), settings_(settings), files_(control.folder()) {}

    /// cudaMalloc. Refuses with 2.
    [[nodiscard]] void* allocate(std::uint32_t gpu, std::uint64_t bytes, Kind kind);
    /// The inverse. No work may use it any more. The pieces of this process only; refuses with 1.
    void release(const void* start, Kind kind);

    /// Makes another process's allocation reachable at an address of this process. Refuses with 2 or 205. Needs the
    /// machine's lock.
    [[nodiscard]] void* open(std::uint32_t record, std::uint32_t opened_on);
    /// Counts an import down; at zero it goes. No work may use it any more. Refuses with 1.
    void close(const void* start);
    /// The import of this allocation on this GPU; null if it is not open.
    [[nodiscard]] void* opened(std::uint64_t id, std::uint32_t opened_on) const;

    /// The piece that the pointer points into, and its start; null if there is none.
    [[nodiscard]] const Piece* find(const void* pointer, std::uintptr_t* start = nullptr) const;
    /// Empty `data` if these are no bytes of device memory. Of an import the whole block that holds it can be reached,
    /// as on a GPU (rule 5).
    [[nodiscard]] Access access(const void* pointer, std::uint64_t bytes) const;

    [[nodiscard]] std::map<std::uintptr_t, Piece>& pieces() noexcept { return pieces_; }
    [[nodiscard]] std::uint64_t free_bytes(std::uint32_t gpu);

private:
    /// A run of blocks of this process, or one that it opened.
    struct Region {
        std::uint64_t bytes = 0;
        std::byte* alias = nullptr;
        std::uint32_t gpu = 0;
        std::uint32_t run = 0;
        bool shared_by_small = false;
        std::uint32_t pieces = 0;
        std::uint32_t guard = Access::kNoGuard;  ///< imports: what was opened
        std::uint64_t guard_id = 0;
    };

    /// Aborts if a process has that allocation open. Needs the machine's lock.
    void refuse_open(std::uint64_t id, const void* start);
    std::uintptr_t map_run(std::uint32_t run);
    void unmap(std::uintptr_t region);
    std::uintptr_t region_for(std::uint32_t gpu, std::uint64_t bytes, std::uint64_t& offset);
    [[nodiscard]] std::uint64_t gap(std::uintptr_t region, std::uint64_t bytes) const;

    Control& control_;
    const Settings& settings_;
    DeviceFiles files_;
    AddressSpace addresses_{};
    std::map<std::uintptr_t, Region> regions_{};
    std::map<std::uintptr_t, Piece> pieces_{};
    std::uint64_t owned_bytes_ = 0;
};

}  // namespace emulator
