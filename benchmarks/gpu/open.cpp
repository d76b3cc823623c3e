#include <fmt/format.h>

#include <bit>
#include <optional>

#include "measures.hpp"

namespace fastio::gpu_bench {

// Answers each size with the handle of a block of it; the block before that is freed.
void run_exporter(int descriptor, const std::string& /*socket*/) {
    Line line(descriptor);
    std::optional<DeviceBlock> block;
    while (true) {
        const Message request = line.hear();
        block.reset();
        if (request.number > 0) {
            block.emplace(request.number);
        }
        Message answer;
        if (block) {
            Samples exported;
            for (int round = 0; round < 20; ++round) {
                exported.add(time_of([&] { answer.handle = block->handle(); }));
            }
            answer.value = static_cast<std::uint64_t>(exported.median());
        }
        line.say(answer);
    }
}

Outcome measure_open(const Settings& settings) {
    Outcome outcome;
    Peer exporter("exporter");
    gpu::check(cudaFree(nullptr), "starting CUDA");
    for (const std::uint64_t bytes : settings.sizes()) {
        if (!settings.fits(bytes, size_text(bytes), outcome)) {
            continue;
        }
        const auto handle = std::bit_cast<cudaIpcMemHandle_t>(exporter.ask({.number = bytes}).handle);
        const std::uint64_t rounds = settings.pick(3, bytes > kGiB ? 15 : 40);
        Samples open;
        Samples close;
        for (std::uint64_t round = 0; round <= rounds; ++round) {
            void* data = nullptr;
            const double opened = time_of([&] {
                gpu::check(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess),
                           "opening the handle of {} bytes", bytes);
            });
            const double closed = time_of([&] { gpu::check(cudaIpcCloseMemHandle(data), "closing a handle"); });
            if (round > 0) {  // the first one warms up
                open.add(opened);
                close.add(closed);
            }
        }
        static_cast<void>(exporter.ask({.number = 0}));
        outcome.figures.push_back(figure_of(fmt::format("cudaIpcOpenMemHandle of {}", size_text(bytes)), open));
        outcome.figures.push_back(figure_of(fmt::format("cudaIpcCloseMemHandle of {}", size_text(bytes)), close));
    }
    Samples exported;
    for (int round = 0; round < 5; ++round) {
        exported.add(static_cast<double>(exporter.ask({.number = 2 * kMiB}).value));
    }
    outcome.figures.push_back(figure_of("cudaIpcGetMemHandle of 2 MiB", exported));
    return outcome;
}

}  // namespace fastio::gpu_bench
