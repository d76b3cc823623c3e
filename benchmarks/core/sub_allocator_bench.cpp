// The sub-allocator's two figures: nanoseconds per operation among 5,000 live blocks, and how full a pool of 100 GiB is
// when a request is first refused.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include "core/sub_allocator.hpp"

namespace fastio {
namespace {

constexpr std::uint64_t kPool = std::uint64_t{100} << 30;
constexpr std::size_t kLive = 5'000;

/// Sizes from 64 KiB to 256 MiB. `skew` 1 is log-uniform, whose mean of 30.8 MiB lets the pool hold about 3,300 blocks;
/// 1.7 favours small ones so far that 5,000 blocks fill nine tenths of it.
class Sizes {
public:
    Sizes(std::uint64_t seed, double skew) : random_(seed), skew_(skew) {}

    std::uint64_t size() {
        std::uniform_real_distribution<double> unit(0, 1);
        return static_cast<std::uint64_t>(65'536 * std::pow(4'096, std::pow(unit(random_), skew_)));
    }
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

private:
    std::mt19937_64 random_;
    double skew_;
};

using Clock = std::chrono::steady_clock;

double nanoseconds(Clock::duration time) {
    return std::chrono::duration<double, std::nano>(time).count();
}

/// The value that `share` of the samples do not exceed.
double quantile(std::vector<double>& samples, double share) {
    const auto at = samples.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
    std::nth_element(samples.begin(), at, samples.end());
    return *at;
}

/// What two readings of the clock cost, which every sample contains once.
double clock_cost() {
    std::vector<double> samples(10'001);
    for (double& sample : samples) {
        const auto start = Clock::now();
        sample = nanoseconds(Clock::now() - start);
    }
    return quantile(samples, 0.5);
}

/// Replaces a random block of 5,000 by one of a random size, again and again. The time per iteration is a free and an
/// allocate (and the clock); the counters are per operation, in nanoseconds, without the clock.
void replace_one_of_5000(benchmark::State& state) {
    const auto alignment = static_cast<std::uint64_t>(state.range(0));
    Sizes sizes(1, 1.7);
    SubAllocator slab(kPool);
    std::vector<Block> live;
    while (live.size() < kLive) {
        if (const auto block = slab.allocate(sizes.size(), alignment)) {
            live.push_back(*block);
        }
    }

    std::vector<double> allocates;
    std::vector<double> frees;
    std::uint64_t refused = 0;
    for (auto _ : state) {
        Block& replaced = live[sizes.below(kLive)];
        const auto before_free = Clock::now();
        slab.free(replaced);
        frees.push_back(nanoseconds(Clock::now() - before_free));
        for (bool done = false; !done; refused += done ? 0 : 1) {
            const std::uint64_t size = sizes.size();
            const auto before_allocate = Clock::now();
            const auto block = slab.allocate(size, alignment);
            allocates.push_back(nanoseconds(Clock::now() - before_allocate));
            done = block.has_value();
            replaced = block.value_or(replaced);
        }
        state.SetIterationTime((frees.back() + allocates.back()) * 1e-9);
    }
    const double clock = clock_cost();
    state.counters["allocate_median_ns"] = quantile(allocates, 0.5) - clock;
    state.counters["allocate_p99_ns"] = quantile(allocates, 0.99) - clock;
    state.counters["free_median_ns"] = quantile(frees, 0.5) - clock;
    state.counters["free_p99_ns"] = quantile(frees, 0.99) - clock;
    state.counters["clock_ns"] = clock;
    state.counters["refused"] = static_cast<double>(refused);
    state.counters["used_percent"] = 100.0 * static_cast<double>(slab.stats().used) / static_cast<double>(kPool);
}
BENCHMARK(replace_one_of_5000)
    ->ArgName("alignment")
    ->Arg(256)
    ->Arg(4'096)
    ->Arg(65'536)
    ->Iterations(200'000)
    ->UseManualTime();

/// Fills an empty pool with log-uniform sizes; of 1,000 steps so many free a random block, the others allocate.
double fill_at_first_refusal(std::uint64_t seed, std::uint64_t frees_in_1000) {
    Sizes sizes(seed, 1);
    SubAllocator slab(kPool);
    std::vector<Block> live;
    for (;;) {
        if (!live.empty() && sizes.below(1'000) < frees_in_1000) {
            std::swap(live[sizes.below(live.size())], live.back());
            slab.free(live.back());
            live.pop_back();
        } else if (const auto block = slab.allocate(sizes.size())) {
            live.push_back(*block);
        } else {
            return static_cast<double>(slab.stats().used) / static_cast<double>(kPool);
        }
    }
}

/// The mean over some histories, the same in every run. At 500 the count of live blocks is a pure random walk.
void fill_100_gib(benchmark::State& state) {
    constexpr int kHistories = 10;
    double sum = 0;
    for (auto _ : state) {
        sum = 0;
        for (int seed = 1; seed <= kHistories; ++seed) {
            sum += fill_at_first_refusal(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(state.range(0)));
        }
    }
    state.counters["filled_percent"] = 100.0 * sum / kHistories;
}
BENCHMARK(fill_100_gib)->ArgName("frees_in_1000")->Arg(495)->Arg(500)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace fastio
