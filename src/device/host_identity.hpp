#pragma once

#include <array>
#include <cstdint>

namespace fastio {

/// The machine, as long as it runs, and this process on it.
struct HostIdentity {
    std::array<std::uint8_t, 16> boot_id{};  ///< /proc/sys/kernel/random/boot_id
    std::int64_t pid = 0;                    ///< as the process sees itself
    std::uint64_t pid_namespace = 0;         ///< inode of /proc/self/ns/pid
    friend bool operator==(const HostIdentity&, const HostIdentity&) = default;
};

/// Changes with each start of the machine. Errors: io_error.
[[nodiscard]] std::array<std::uint8_t, 16> read_boot_id();
/// Errors: io_error.
[[nodiscard]] HostIdentity host_identity();

}  // namespace fastio
