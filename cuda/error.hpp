#pragma once

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <atomic>
#include <string_view>
#include <utility>

#include <fastio/error.hpp>

namespace fastio::gpu {

/// What a code of the CUDA runtime means for Fast I/O: the error to throw, its probable cause and the remedy. The
/// causes are those of docs/cuda_ipc.md.
struct Diagnosis {
    Errc errc = Errc::device_error;
    std::string_view cause{};
    bool sticky = false;  ///< the process's CUDA context serves nothing any more
};
[[nodiscard]] Diagnosis diagnose(cudaError_t code) noexcept;

/// 0, or the first sticky code that this process was given by a call about that GPU (AboutGpu).
[[nodiscard]] const std::atomic<int>& loss_of(int ordinal) noexcept;

/// Throws what `code` means; `attempt` says what was tried, on what, with which numbers. Takes the error from the
/// runtime's memory of last errors, so that no later check of the caller finds it.
[[noreturn]] void throw_error(cudaError_t code, std::string_view attempt);

/// Throws unless `code` is cudaSuccess. Errors: those of diagnose.
template <class... Args>
void check(cudaError_t code, fmt::format_string<Args...> attempt, Args&&... args) {
    if (code != cudaSuccess) [[unlikely]] {
        throw_error(code, fmt::format(attempt, std::forward<Args>(args)...));
    }
}

/// For what may fail without harm: forgets the error.
inline void ignore(cudaError_t code) noexcept {
    if (code != cudaSuccess) {
        static_cast<void>(cudaGetLastError());
    }
}

}  // namespace fastio::gpu
