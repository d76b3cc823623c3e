#include <fmt/format.h>

#include "measures.hpp"

namespace fastio::gpu_bench {

Outcome measure_allocate(const Settings& settings) {
    Outcome outcome;
    gpu::check(cudaFree(nullptr), "starting CUDA");
    for (const std::uint64_t bytes : settings.sizes()) {
        if (!settings.fits(bytes, size_text(bytes), outcome)) {
            continue;
        }
        const std::uint64_t rounds = settings.pick(3, bytes > kGiB ? 10 : 40);
        Samples allocate;
        Samples free;
        for (std::uint64_t round = 0; round <= rounds; ++round) {
            void* data = nullptr;
            const double allocated =
                time_of([&] { gpu::check(cudaMalloc(&data, bytes), "cudaMalloc of {} bytes", bytes); });
            const double freed = time_of([&] { gpu::check(cudaFree(data), "cudaFree"); });
            if (round > 0) {  // the first one warms up
                allocate.add(allocated);
                free.add(freed);
            }
        }
        outcome.figures.push_back(figure_of(fmt::format("cudaMalloc of {}", size_text(bytes)), allocate));
        outcome.figures.push_back(figure_of(fmt::format("cudaFree of {}", size_text(bytes)), free));
    }
    return outcome;
}

}  // namespace fastio::gpu_bench
