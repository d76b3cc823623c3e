#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fastio::test {

/// What can be made to fail. Each failure is one that Linux or the device can really give.
enum class FaultKind : std::uint32_t {
    none,
    allocation,    ///< malloc and its like give nothing; operator new throws std::bad_alloc
    memory,        ///< calls of libc and the kernel fail as they do when memory or room is short
    descriptors,   ///< calls that make a descriptor fail with EMFILE
    interruption,  ///< calls that a signal can interrupt give EINTR; by rule nobody may notice
    device,        ///< calls of DeviceMemory throw
};

/// Whose calls are counted. A process is one of them, or none.
enum class Role : std::uint32_t { none, service, client };

/// In memory that all processes of a test share. A test gives the order, the seam carries it out.
/// *Thread safety:* every member may be used from any thread of any process.
struct Plan {
    std::atomic<Role> role{Role::none};  ///< none: nothing is counted
    std::atomic<FaultKind> kind{FaultKind::none};
    std::atomic<std::uint64_t> nth{0};     ///< 1 is the next one of this kind
    std::atomic<bool> for_ever{false};     ///< the nth and all later ones; else the nth alone
    std::atomic<std::uint64_t> calls{0};   ///< counted so far
    std::atomic<std::uint64_t> faults{0};  ///< injected so far
    std::atomic<std::uint64_t> rounds{0};  ///< epoll_wait calls of the service: a round ended before each
    char first_name[32]{};                 ///< of the call that failed first
    /// Of malloc's that the process of a role has now, from when it began to obey.
    std::atomic<std::int64_t> blocks_of_service{0};
    std::atomic<std::int64_t> blocks_of_client{0};

    /// Counts from now on.
    void arm(Role whose, FaultKind what, std::uint64_t which, bool also_later) noexcept {
        calls = 0;
        faults = 0;
        first_name[0] = '\0';
        kind = what;
        nth = which;
        for_ever = also_later;
        role = whose;
    }
    void disarm() noexcept { role = Role::none; }
};

}  // namespace fastio::test
