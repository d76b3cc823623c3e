#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "doctor/finding.hpp"

namespace fastio::doctor {

/// What a machine and its limits offer this process.
struct Machine {
    std::string kernel_release{};             ///< as uname says it
    bool has_pidfds = false;                  ///< Linux 5.3
    bool has_futex_waitv = false;             ///< Linux 5.16
    bool has_populate = false;                ///< MADV_POPULATE_READ (Linux 5.14) or process_vm_readv
    bool has_future_write_seal = false;       ///< of memory files: Linux 5.1
    std::uint64_t descriptors = 0;            ///< hard limit
    std::uint64_t file_bytes = 0;             ///< soft limit; UINT64_MAX: none
    std::uint64_t pid_namespace = 0;          ///< inode of /proc/self/ns/pid
    std::uint64_t pid_namespace_of_init = 0;  ///< of the whole machine
    bool has_gpus = false;                    ///< whose handles only cross processes of one PID namespace
};

/// Tries what can be tried and reads the rest. Never throws: what cannot be found out is 0 or false.
[[nodiscard]] Machine this_machine() noexcept;

/// One finding for each of: kernel, descriptors, size of files, PID namespace.
[[nodiscard]] std::vector<Finding> judge(const Machine& machine);

}  // namespace fastio::doctor
