#include <fmt/format.h>

#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

constexpr std::uint64_t kBlock = 20;   // rounds of one kind before the next: drift hits all of them alike
constexpr std::uint64_t kBounded = 4;  // allocations that fit into the bounded pool

struct Times {
    Samples pool;
    Samples pool_on_stream;
    Samples sustained;
    Samples runtime;
    Samples runtime_on_stream;
};

template <class Call>
void add_block(Samples& samples, const Call& call, bool counts) {
    for (std::uint64_t i = 0; i < kBlock; ++i) {
        const double time = time_of(call);
        if (counts) {
            samples.add(time);
        }
    }
}

bool has_runtime_pools() {
    int supported = 0;
    gpu::ignore(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, 0));
    return supported != 0;
}

/// What a round of `call` takes when so many follow each other that what the first ones left to be done later counts.
template <class Call>
void add_sustained(Samples& samples, const Call& call, bool counts) {
    const double time = time_of([&] {
        for (std::uint64_t i = 0; i < kBlock; ++i) {
            call();
        }
    });
    if (counts) {
        samples.add(time / kBlock);
    }
}

/// A context that holds kBounded allocations: a create beyond them waits until one has come back.
Context join_bounded(const std::string& socket, std::uint64_t bytes) {
    return Context{{.job = "gpu-bench-bounded-" + std::to_string(bytes),
                    .socket = socket,
                    .quota = kBounded * bytes,
                    .connect_timeout = std::chrono::seconds(20)}};
}

Times measure(Context& context, Context& bounded, std::uint64_t bytes, std::uint64_t blocks, bool runtime_pools) {
    const OwnStream stream;
    Times times;
    for (std::uint64_t block = 0; block <= blocks; ++block) {
        const bool counts = block > 0;  // the first one warms up
        add_block(
            times.pool, [&] { context.create(bytes).free(); }, counts);
        add_block(
            times.pool_on_stream, [&] { context.create(bytes).free(stream.get()); }, counts);
        stream.synchronise();
        add_sustained(
            times.sustained, [&] { bounded.create(bytes).free(); }, counts);
        const auto allocate = [&] {
            void* data = nullptr;
            gpu::check(cudaMalloc(&data, bytes), "cudaMalloc of {} bytes", bytes);
            gpu::check(cudaFree(data), "cudaFree");
        };
        add_block(times.runtime, allocate, counts);
        if (runtime_pools) {
            const auto allocate_on_stream = [&] {
                void* data = nullptr;
                gpu::check(cudaMallocAsync(&data, bytes, stream.get()), "cudaMallocAsync of {} bytes", bytes);
                gpu::check(cudaFreeAsync(data, stream.get()), "cudaFreeAsync");
            };
            add_block(times.runtime_on_stream, allocate_on_stream, counts);
            stream.synchronise();
        }
    }
    return times;
}

}  // namespace

Outcome measure_pool(const Settings& settings) {
    Outcome outcome;
    const bench::PrivateService service("cuda:0");
    Context context = join(service.socket());
    const bool runtime_pools = has_runtime_pools();
    if (!runtime_pools) {
        outcome.left_out.emplace_back("cudaMallocAsync: this GPU has no memory pools");
    }
    for (const std::uint64_t bytes : {2 * kMiB, settings.pick(4, 64) * kMiB}) {
        const std::string size = size_text(bytes);
        if (!settings.fits(64 * bytes, "create and free of " + size, outcome)) {
            continue;
        }
        Context bounded = join_bounded(service.socket(), bytes);
        const Times times = measure(context, bounded, bytes, settings.pick(1, 10), runtime_pools);
        // What is judged is 64 MiB.
        const auto at_least = bytes == 64 * kMiB ? std::optional<double>(10) : std::nullopt;
        outcome.figures.push_back(figure_of(fmt::format("create and free() of {}", size), times.pool,
                                            "cudaMalloc and cudaFree", times.runtime, at_least));
        outcome.figures.push_back(figure_of(fmt::format("create and free(stream) of {}", size), times.pool_on_stream,
                                            "cudaMalloc and cudaFree", times.runtime));
        outcome.figures.push_back(
            figure_of(fmt::format("create and free() of {}, {} fit: until memory is back", size, kBounded),
                      times.sustained, "cudaMalloc and cudaFree", times.runtime));
        if (runtime_pools) {
            outcome.figures.push_back(figure_of(fmt::format("create and free(stream) of {}", size),
                                                times.pool_on_stream, "cudaMallocAsync and cudaFreeAsync",
                                                times.runtime_on_stream));
        }
    }
    outcome.notes.emplace_back(
        "free() without a stream returns before the device is asked; only where the pool is full does a create wait");
    return outcome;
}

}  // namespace fastio::gpu_bench
