#include <fmt/format.h>

#include <cstring>

#include "measures.hpp"

namespace fastio::gpu_bench {

Outcome measure_upload(const Settings& settings) {
    Outcome outcome;
    const std::uint64_t bytes = settings.pick(64 * kMiB, kGiB);
    // Two frames of the service in slabs of their own, and the block that is copied to.
    if (!settings.fits(settings.pick(8, 6) * bytes, "publish of " + size_text(bytes), outcome)) {
        return outcome;
    }
    const bench::PrivateService service("cuda:0");
    Context context = join(service.socket());
    std::vector<std::uint8_t> pageable(bytes, 1);
    const PinnedBlock pinned(bytes);
    std::memset(pinned.data(), 2, bytes);
    const DeviceBlock block(bytes);
    const ArrayView array{pageable.data(), uint8, {static_cast<std::int64_t>(bytes)}, {}};
    Samples publish;
    Samples copy_pageable;
    Samples copy_pinned;
    const std::uint64_t rounds = settings.pick(2, 9);
    for (std::uint64_t round = 0; round < rounds + 2; ++round) {
        const double published = time_of([&] { context.publish_array(array, "volume", {.replace = true}); });
        const double from_pinned = time_of([&] {
            gpu::check(cudaMemcpy(block.data(), pinned.data(), bytes, cudaMemcpyHostToDevice), "copying from pinned");
        });
        const double from_pageable = time_of([&] {
            gpu::check(cudaMemcpy(block.data(), pageable.data(), bytes, cudaMemcpyHostToDevice), "copying");
            gpu::check(cudaDeviceSynchronize(), "waiting for a copy");
        });
        if (round >= 2) {  // two frames are alive at a replacement, each in a slab that has to be made first
            publish.add(published);
            copy_pinned.add(from_pinned);
            copy_pageable.add(from_pageable);
        }
    }
    const std::string size = size_text(bytes);
    const char* const reference = "one cudaMemcpy from pinned memory";
    outcome.figures.push_back(
        figure_of(fmt::format("publish_array of {} of pageable memory", size), publish, reference, copy_pinned, 0.8));
    outcome.figures.push_back(
        figure_of(fmt::format("cudaMemcpy of {} from pageable memory", size), copy_pageable, reference, copy_pinned));
    const auto bandwidth = [&](const Samples& samples) { return static_cast<double>(bytes) / samples.median(); };
    outcome.notes.push_back(
        fmt::format("GB/s: publish_array {:.1f}, cudaMemcpy from pinned {:.1f}, from pageable {:.1f}",
                    bandwidth(publish), bandwidth(copy_pinned), bandwidth(copy_pageable)));
    return outcome;
}

}  // namespace fastio::gpu_bench
