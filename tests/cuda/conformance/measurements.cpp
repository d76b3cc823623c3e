// What a GPU and its driver take for IPC: section G of the contract. The emulator's times say nothing.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(const std::function<void()>& call) {
    const Clock::time_point start = Clock::now();
    call();
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

class Times {
public:
    explicit Times(const char* name) : name_(name) {}
    void add(const std::function<void()>& call) { all_.push_back(microseconds(call)); }
    /// The median.
    [[nodiscard]] std::string text() {
        std::nth_element(all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(all_.size() / 2), all_.end());
        char line[64]{};
        std::snprintf(line, sizeof(line), "%s %.1f us", name_, all_[all_.size() / 2]);
        return line;
    }

private:
    const char* name_;
    std::vector<double> all_{};
};

std::string latencies(std::size_t bytes) {
    constexpr int kRounds = 21;
    if (free_bytes() < 3 * bytes) {
        throw Skipped("too little free memory");
    }
    Times malloc("malloc");
    Times get("get");
    Times open("open");
    Times close("close");
    Times free("free");
    Peer owner;
    owner.must("malloc a " + std::to_string(bytes));
    const std::string handle = owner.must("export a");
    for (int round = 0; round < kRounds; ++round) {
        void* own = nullptr;
        void* import = nullptr;
        malloc.add([&] { must(cudaMalloc(&own, bytes), "cudaMalloc"); });
        get.add([&] { must(try_export(own), "cudaIpcGetMemHandle"); });
        free.add([&] { must(cudaFree(own), "cudaFree"); });
        open.add([&] { must(open_memory(&import, handle), "cudaIpcOpenMemHandle"); });
        close.add([&] { must(cudaIpcCloseMemHandle(import), "cudaIpcCloseMemHandle"); });
    }
    return malloc.text() + ", " + get.text() + ", " + open.text() + ", " + close.text() + ", " + free.text();
}

std::string of_2_mib() {
    return latencies(kBlock);
}
std::string of_64_mib() {
    return latencies(64 * kMiB);
}
std::string of_1_gib() {
    return latencies(1024 * kMiB);
}
std::string of_16_gib() {
    return latencies(std::size_t{16} * 1024 * kMiB);
}

std::string how_many_mappings() {
    constexpr int kMost = 10'000;
    const Clock::time_point end = Clock::now() + part_of_limit(5);
    Peer owner;
    for (int open = 0; open < kMost; ++open) {
        const std::string name = "a" + std::to_string(open);
        if (const std::string code = owner.ask("malloc " + name + " " + std::to_string(kBlock)); code != "0") {
            return "0 for " + std::to_string(open) + ", then cudaMalloc gave " + code;
        }
        void* data = nullptr;
        if (const cudaError_t code = open_memory(&data, owner.must("export " + name))) {
            return text(code) + " after " + std::to_string(open);
        }
        if (Clock::now() > end) {
            return "0 for " + std::to_string(open + 1) + ", then the time was over";
        }
    }
    return "0 for " + std::to_string(kMost);
}

constexpr Rule kRules[] = {
    {"G1", Grade::unknown, "medians for 2 MiB", "", kNotModelled, of_2_mib, true, true},
    {"G2", Grade::unknown, "medians for 64 MiB", "", kNotModelled, of_64_mib, true, true},
    {"G3", Grade::unknown, "medians for 1 GiB", "", kNotModelled, of_1_gib, true, true},
    {"G4", Grade::unknown, "medians for 16 GiB", "", kNotModelled, of_16_gib, true, true},
    {"G5", Grade::unknown, "how many mappings of 2 MiB can be open", "", kNotModelled, how_many_mappings, true, true},
};

}  // namespace

std::span<const Rule> measurements() {
    return kRules;
}

}  // namespace fastio::conformance
