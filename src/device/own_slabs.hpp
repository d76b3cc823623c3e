#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace fastio {

/// Names a slab among all slabs of all processes.
using SlabId = std::array<std::byte, 16>;

/// The slabs that this process owns, so that an importer in the same process gets the owner's pointer (design P10). A
/// slab that is released while importers of this process have it open is freed by the last close: an embedded service
/// may end before its clients do.
///
/// Of the process: owner and importer need not share an object (the service and the client each make their own
/// DeviceMemory), but they share the address space that this describes.
///
/// *Thread safety:* every call may be made from any thread.
class OwnSlabs {
public:
    [[nodiscard]] static OwnSlabs& of_process() noexcept;

    /// Gives a slab's memory back to where it came from.
    using Free = void (*)(void* data, std::uint64_t bytes) noexcept;

    /// `free` is for the last close of a slab that was released before it. Errors: std::bad_alloc.
    void add(const SlabId& id, void* data, std::uint64_t bytes, Free free);

    enum class Release : std::uint8_t {
        unknown,  ///< `data` is not the start of an owned slab, or it was released before
        in_use,   ///< the last close will free it
        unused,   ///< forgotten here: the caller frees it
    };
    /// The owner gives the slab back.
    [[nodiscard]] Release release(void* data) noexcept;

    struct Opened {
        void* data = nullptr;
        std::uint64_t bytes = 0;
    };
    /// Counts one opening; empty if the slab is not of this process.
    [[nodiscard]] std::optional<Opened> open(const SlabId& id);
    /// The inverse of one open. False if `data` is not the start of an owned slab.
    bool close(void* data) noexcept;

    // Around each fork(): a child may open slabs, and no thread of its parent's that was in here would ever come out.
    void before_fork() noexcept { mutex_.lock(); }
    void after_fork() noexcept { mutex_.unlock(); }

private:
    struct Slab {
        SlabId id{};
        std::uint64_t bytes = 0;
        Free free = nullptr;
        std::uint64_t openings = 0;
        bool released = false;
    };
    std::mutex mutex_;
    std::map<void*, Slab> by_address_;
};

}  // namespace fastio
