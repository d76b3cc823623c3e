// What a get costs below the client: finding a name in the table and holding its allocation. The figures at random
// stand beside four dependent loads over as many bytes as the table's hot parts span, which is what the memory of the
// machine allows: index word, record, allocation, and the lease.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "device/host_identity.hpp"
#include "device/memfd.hpp"
#include "table/leases.hpp"
#include "table/reader.hpp"
#include "table/writer.hpp"

namespace {

using namespace fastio;
using namespace fastio::table;

constexpr std::uint32_t kNames = 40'000;
constexpr std::uint64_t kSeed = 2026;

class WriterSource final : public SegmentSource {
public:
    explicit WriterSource(const TableWriter& writer) : writer_(writer) {}
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        return Descriptor(::dup(writer_.segment(kind, ordinal).fd));
    }

private:
    const TableWriter& writer_;
};

/// A table with `count` names, each with an allocation of its own, and one client's view of it.
struct Table {
    explicit Table(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            const AllocationRef allocation = writer.add_allocation({{0, 1}, i * 256ULL, 256, 256, 0});
            writer.apply(allocation, AllocationEvent::publish);
            names.push_back(fmt::format("case-{:05}/frame/{}", i, i % 7));
            hashes.push_back(hash_name(names.back().data(), names.back().size()));
            PublicationEntry entry;
            entry.name = names.back();
            entry.allocation = allocation;
            entry.type = float32;
            entry.shape = {{8, 8}, 2};
            entry.size = 256;
            static_cast<void>(writer.publish(entry, false));
        }
    }

    /// Bytes of the parts that gets of all names touch: index array, records, allocations.
    [[nodiscard]] std::size_t span_bytes() const {
        const std::size_t index = std::size_t{131'072} * sizeof(std::uint64_t);
        return index + names.size() * (sizeof(PublicationRecord) + sizeof(AllocationRecord));
    }

    TableWriter writer{{{}, read_boot_id(), 1, 1, "bench", {DeviceInfo{"host"}}}, {}};
    WriterSource source{writer};
    TableReader reader{Descriptor(::dup(writer.segment(SegmentKind::header, 0).fd)), source};
    LeaseBook book{65'536, 1};
    LeasePages leases{Descriptor(::dup(book.file())), 1};
    std::vector<std::string> names{};
    std::vector<std::uint64_t> hashes{};
};

std::vector<std::uint32_t> shuffled(std::uint32_t count) {
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937_64(kSeed));
    return order;
}

void hash(benchmark::State& state) {
    const std::string name = "case-00017/frame/3";
    for (auto _ : state) {
        benchmark::DoNotOptimize(hash_name(name.data(), name.size()));
    }
}
BENCHMARK(hash);

void lookup_hot(benchmark::State& state) {
    Table table(100);
    PublicationCopy copy;
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.reader.lookup(table.names[17], table.hashes[17], copy));
    }
}
BENCHMARK(lookup_hot);

void acquire_drop_hot(benchmark::State& state) {
    Table table(100);
    Acquired acquired;
    std::uint64_t retries = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(acquire(table.reader, table.leases, table.names[17], table.hashes[17], 0, acquired,
                                         retries, [](AllocationRef) {}));
        table.leases.drop(acquired.lease);
        benchmark::DoNotOptimize(table.reader.allocation_state(acquired.copy.allocation.slot));
    }
}
BENCHMARK(acquire_drop_hot);

/// The names and their hashes lie in the order of use, so that only the table is visited at random.
void acquire_drop_random(benchmark::State& state) {
    Table table(kNames);
    std::vector<std::pair<std::string, std::uint64_t>> calls;
    for (const std::uint32_t i : shuffled(kNames)) {
        calls.emplace_back(table.names[i], table.hashes[i]);
    }
    Acquired acquired;
    std::uint64_t retries = 0;
    std::size_t next = 0;
    for (auto _ : state) {
        const auto& [name, hash_of_name] = calls[next];
        benchmark::DoNotOptimize(
            acquire(table.reader, table.leases, name, hash_of_name, 0, acquired, retries, [](AllocationRef) {}));
        table.leases.drop(acquired.lease);
        benchmark::DoNotOptimize(table.reader.allocation_state(acquired.copy.allocation.slot));
        next = next + 1 == calls.size() ? 0 : next + 1;
    }
    state.counters["retries"] = static_cast<double>(retries);
}
BENCHMARK(acquire_drop_random);

/// Four loads, each from a cache line that the one before names, in the same kind of memory and pages as the table's.
void four_dependent_loads(benchmark::State& state) {
    constexpr std::size_t kLine = kCacheLine / sizeof(std::uint64_t);
    const auto lines = static_cast<std::uint32_t>(Table(kNames).span_bytes() / kCacheLine);
    const Descriptor file = make_memfd("loads", std::uint64_t{lines} * kCacheLine);
    const Mapping memory(file.get(), std::size_t{lines} * kCacheLine, Mapping::Access::read_write);
    auto* const words = reinterpret_cast<std::uint64_t*>(memory.data());
    const std::vector<std::uint32_t> order = shuffled(lines);
    for (std::uint32_t i = 0; i < lines; ++i) {
        words[order[i] * kLine] = order[(i + 1) % lines] * kLine;
    }
    std::uint64_t at = 0;
    for (auto _ : state) {
        for (int load = 0; load < 4; ++load) {
            at = words[at];
        }
        benchmark::DoNotOptimize(at);
    }
    state.counters["span_bytes"] = static_cast<double>(lines) * kCacheLine;
}
BENCHMARK(four_dependent_loads);

/// A commit without the service's work around it.
void publish_replace(benchmark::State& state) {
    Table table(100);
    PublicationEntry entry;
    entry.name = table.names[17];
    entry.allocation = table.writer.find(table.names[17])->allocation;
    for (auto _ : state) {
        benchmark::DoNotOptimize(table.writer.publish(entry, true));
    }
}
BENCHMARK(publish_replace);

/// One reclaim pass over 128 clients with all their lease pages granted; one entry in 64 is in use.
void scan_128_clients(benchmark::State& state) {
    std::vector<LeaseBook> books;
    for (std::uint32_t client = 0; client < 128; ++client) {
        books.emplace_back(kDefaultMaxLeases, kDefaultMaxLeases / kLeasesPerChunk);
        const Mapping memory(books.back().file(), kDefaultMaxLeases * sizeof(std::uint64_t),
                             Mapping::Access::read_write);
        for (std::uint32_t entry = 0; entry < kDefaultMaxLeases; entry += 64) {
            reinterpret_cast<std::uint64_t*>(memory.data())[entry] = pack_lease(entry, client + 1);
        }
    }
    std::uint64_t found = 0;
    for (auto _ : state) {
        for (const LeaseBook& book : books) {
            book.scan([&](AllocationRef, std::uint32_t, bool) { ++found; });
        }
        benchmark::DoNotOptimize(found);
    }
}
BENCHMARK(scan_128_clients)->Unit(benchmark::kMillisecond);

}  // namespace
