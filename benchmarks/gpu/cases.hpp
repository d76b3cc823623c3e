#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "gpu_report.hpp"
#include "peer.hpp"

namespace fastio::gpu_bench {

/// How much a case measures.
struct Settings {
    bool quick = false;            ///< a few rounds of small sizes: shows that the case works, measures nothing
    std::uint64_t free_bytes = 0;  ///< of the GPU before the first case

    [[nodiscard]] std::uint64_t pick(std::uint64_t when_quick, std::uint64_t otherwise) const noexcept {
        return quick ? when_quick : otherwise;
    }
    /// The sizes of cudaMalloc blocks to measure, 2 MiB to 8 GiB.
    [[nodiscard]] std::vector<std::uint64_t> sizes() const;
    /// Whether a case may take `bytes` of the GPU; if not, `outcome` says that `what` was left out.
    [[nodiscard]] bool fits(std::uint64_t bytes, const std::string& what, Outcome& outcome) const;
};

/// A case runs in a process of its own, so that what breaks one leaves the others alone.
struct Case {
    const char* name;
    const char* what;
    Outcome (*measure)(const Settings& settings);
    bool needs_kernels;          ///< left out on the emulator
    std::chrono::seconds limit;  ///< after which its process is killed; far above what it takes
};
[[nodiscard]] std::span<const Case> cases();

/// What another process of a case does: `descriptor` is its end of a Line, but for victims.
struct Role {
    const char* name;
    void (*run)(int descriptor, const std::string& socket);
};
[[nodiscard]] std::span<const Role> roles();

/// "64 MiB", "8 GiB".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// A member of the benchmarks' job.
[[nodiscard]] Context join(const std::string& socket);

/// The time that `call` takes, in nanoseconds of this process's host.
template <class Call>
[[nodiscard]] double time_of(const Call& call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    return bench::nanoseconds_since(start);
}

}  // namespace fastio::gpu_bench
