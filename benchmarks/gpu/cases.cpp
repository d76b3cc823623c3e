#include "cases.hpp"

#include <fmt/format.h>

#include <array>

#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

using std::chrono::seconds;

constexpr std::array kCases{
    Case{"allocate", "cudaMalloc and cudaFree by size", measure_allocate, false, seconds(30)},
    Case{"open", "cudaIpcOpenMemHandle and close by size", measure_open, false, seconds(30)},
    Case{"pool", "create and free against cudaMalloc and cudaFree", measure_pool, false, seconds(30)},
    Case{"get", "get against opening a handle for each get", measure_get, false, seconds(30)},
    Case{"handover", "a kernel to a dependent kernel in another process", measure_handover, false, seconds(45)},
    Case{"upload", "publishing a host array against one copy from pinned memory", measure_upload, false, seconds(45)},
    Case{"alternate", "two operators that alternate on frames", measure_alternate, false, seconds(30)},
    Case{"kill", "kill -9 of a process to the end of its kernels", measure_kill, true, seconds(60)},
};

constexpr std::array kRoles{
    Role{"exporter", run_exporter},
    Role{"publisher", run_publisher},
    Role{"consumer", run_consumer},
    Role{"victim", run_victim},
    Role{"victim-with-child", run_victim_with_child},
    Role{"second-operator", run_second_operator},
};

}  // namespace

std::span<const Case> cases() {
    return kCases;
}

std::span<const Role> roles() {
    return kRoles;
}

std::vector<std::uint64_t> Settings::sizes() const {
    if (quick) {
        return {2 * kMiB, 6 * kMiB};
    }
    return {2 * kMiB, 16 * kMiB, 64 * kMiB, 256 * kMiB, kGiB, 8 * kGiB};
}

bool Settings::fits(std::uint64_t bytes, const std::string& what, Outcome& outcome) const {
    // The driver wants some for itself, and so may others.
    const bool fits = bytes <= free_bytes - free_bytes / 10;
    if (!fits) {
        outcome.left_out.push_back(
            fmt::format("{}: needs {} of GPU memory, and {} are free", what, size_text(bytes), size_text(free_bytes)));
    }
    return fits;
}

std::string size_text(std::uint64_t bytes) {
    return bytes >= kGiB && bytes % kGiB == 0 ? fmt::format("{} GiB", bytes / kGiB)
                                              : fmt::format("{} MiB", bytes / kMiB);
}

Context join(const std::string& socket) {
    // A service starts the driver before it answers.
    return Context{{.job = "gpu-bench", .socket = socket, .connect_timeout = seconds(20)}};
}

}  // namespace fastio::gpu_bench
