// When fastiod puts the host's memory into huge pages, as those see it who write to it.
#include <gtest/gtest.h>

#include <fastio/fastio.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "core/limits.hpp"
#include "device/host_memory.hpp"
#include "support/child_process.hpp"
#include "support/page_faults.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kBytes = 8 * kSlabGranularity;
constexpr long kSmallPages = kBytes / 4096;

/// Of the first one who writes to a new allocation of a fastiod with these options.
long faults_with(std::vector<std::string> options) {
    const Watchdog watchdog("fastiod with huge pages or without");
    const TempDir folder;
    const std::string socket = folder.file("s");
    options.insert(options.begin(), {"--socket", socket, "--device", "host", "--log-level", "error"});
    const ChildProcess fastiod = ChildProcess::start(FASTIO_TEST_FASTIOD, options);
    Context context({.job = "job", .socket = socket, .connect_timeout = forever});
    const Allocation allocation = context.create(kBytes);
    return faults_of_writing_to_each_page(static_cast<volatile std::byte*>(allocation.data()), kBytes);
}

/// Whether shared memory has them by itself.
bool come_unasked() {
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    std::string settings;
    std::getline(file, settings);
    return settings.find("[always]") != std::string::npos || settings.find("[within_size]") != std::string::npos ||
           settings.find("[force]") != std::string::npos;
}

TEST(HugePages, AreThereForTheFirstWriterIfTheMachineHasThem) {
    // Another process may have the last of them for a moment.
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (faults_with({}) < kSmallPages / 4) {
            return;
        }
        const auto memory = make_host_memory();
        OwnedSlab slab = memory->reserve(kBytes);
        const std::uint64_t huge = slab.improved;
        memory->release(std::move(slab));
        if (huge != kBytes) {
            GTEST_SKIP() << "this machine gives shared memory no huge pages, or too few";
        }
    }
    FAIL() << "this process gets them at each attempt, and fastiod never does";
}

TEST(HugePages, AreNotThereWhereFastiodIsToldNotToAskForThem) {
    if (come_unasked()) {
        GTEST_SKIP() << "this machine gives them to all shared memory";
    }
    EXPECT_GE(faults_with({"--huge-pages", "never"}), kSmallPages);
}

}  // namespace
}  // namespace fastio::test
