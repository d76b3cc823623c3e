// The path of get and release: one hot name, many names at random beside dependent random loads over the same span,
// and threads that share a Context.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fastio/fastio.hpp>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kNames = 40'000;
// What one get at random touches: per name a 512-byte record of which 3 lines are read, an index word among 8 bytes per
// slot, an allocation record of 64 bytes.
constexpr std::size_t kSpanBytes = kNames * (512 + 64 + 16);

fastio::Context& context() {
    static fastio::Context instance{{.job = "bench", .embedded = true}};
    return instance;
}

std::vector<std::string>& names() {
    static std::vector<std::string> all = [] {
        std::vector<std::string> made;
        for (std::size_t i = 0; i < kNames; ++i) {
            made.push_back(fmt::format("layers/{}/weight-{}", i / 100, i));
            fastio::Allocation allocation = context().create(256);
            allocation.publish(made.back());
        }
        std::shuffle(made.begin(), made.end(), std::mt19937_64{7});
        return made;
    }();
    return all;
}

void get_release_hot(benchmark::State& state) {
    if (state.thread_index() == 0) {
        fastio::Allocation allocation = context().create(256);
        allocation.publish("volume", {.replace = true});
    }
    for (auto _ : state) {
        fastio::Allocation volume = context().get("volume");
        benchmark::DoNotOptimize(volume.data());
        volume.release();
    }
}
BENCHMARK(get_release_hot)->Repetitions(9);
BENCHMARK(get_release_hot)->Threads(2)->Repetitions(5);

void get_release_random(benchmark::State& state) {
    std::vector<std::string>& all = names();
    std::size_t next = 0;
    for (auto _ : state) {
        fastio::Allocation volume = context().get(all[next]);
        benchmark::DoNotOptimize(volume.data());
        volume.release();
        next = next + 1 == all.size() ? 0 : next + 1;
    }
}
BENCHMARK(get_release_random)->Repetitions(9);

void four_dependent_random_loads(benchmark::State& state) {
    std::vector<std::uint32_t> chain(kSpanBytes / sizeof(std::uint32_t));
    // One cycle over cache lines, so that every load depends on the one before and misses like it.
    constexpr std::size_t kLine = 64 / sizeof(std::uint32_t);
    std::vector<std::uint32_t> lines(chain.size() / kLine);
    std::iota(lines.begin(), lines.end(), 0U);
    std::shuffle(lines.begin(), lines.end(), std::mt19937_64{11});
    for (std::size_t i = 0; i < lines.size(); ++i) {
        chain[std::size_t{lines[i]} * kLine] =
            static_cast<std::uint32_t>(std::size_t{lines[(i + 1) % lines.size()]} * kLine);
    }
    std::uint32_t position = 0;
    for (auto _ : state) {
        for (int i = 0; i < 4; ++i) {
            position = chain[position];
        }
        benchmark::DoNotOptimize(position);
    }
}
BENCHMARK(four_dependent_random_loads)->Repetitions(9);

void find_missing(benchmark::State& state) {
    (void)names();
    for (auto _ : state) {
        benchmark::DoNotOptimize(context().find("no/such/name"));
    }
}
BENCHMARK(find_missing)->Repetitions(5);

}  // namespace
