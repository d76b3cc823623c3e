#pragma once

#include <cstdint>
#include <map>

namespace emulator {

/// Host memory that the GPUs know: allocated pinned, registered, or managed. They reach it at its host address.
/// *Thread safety:* under the process's mutex.
class HostMemory {
public:
    enum class Kind { allocated, registered, managed };

    struct Range {
        std::uint64_t bytes = 0;
        Kind kind = Kind::allocated;
        unsigned flags = 0;
        int device = 0;  ///< that was current
        std::uint64_t id = 0;
    };

    /// Refuses with 2.
    [[nodiscard]] void* allocate(std::uint64_t bytes, Kind kind, unsigned flags, int device);
    /// The inverse, for this kind only. Refuses with 1.
    void release(const void* start, Kind kind);
    /// cudaHostRegister. Refuses with 1 for memory that is not mapped for writing, with 712 for what is registered
    /// already.
    void add(void* start, std::uint64_t bytes, unsigned flags, int device);
    /// cudaHostUnregister. Refuses with 713.
    void remove(const void* start);

    /// The range that holds all of these bytes, and its start; null if there is none.
    [[nodiscard]] const Range* find(const void* pointer, std::uint64_t bytes, std::uintptr_t* start = nullptr) const;

private:
    std::map<std::uintptr_t, Range> ranges_{};
    std::uint64_t last_id_ = 0;
};

}  // namespace emulator
