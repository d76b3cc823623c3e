// A large copy to a GPU has threads of its own where the machine gives them.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <numeric>
#include <thread>
#include <vector>

#include "device/device_memory.hpp"
#include "gpu/upload.hpp"
#include "support/refused_call.hpp"
#include "support/test_devices.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

TEST(Upload, IsDoneByTheCallerWhereThereIsNoFurtherThread) {
    const Watchdog watchdog("an upload without threads");
    const std::shared_ptr<DeviceMemory> memory = make_test_device("cuda");
    std::vector<std::uint32_t> from(gpu::Upload::kLeastBytes / sizeof(std::uint32_t) + 1);
    std::iota(from.begin(), from.end(), 1U);
    const std::uint64_t bytes = from.size() * sizeof(from[0]);
    OwnedSlab slab = memory->reserve(gpu::Upload::kLeastBytes + (std::uint64_t{2} << 20U));
    bool is_refused = false;
    std::thread without([&] {
        is_refused = refuse_system_call(SYS_clone3, EAGAIN) && refuse_system_call(SYS_clone, EAGAIN);
        memory->copy(slab.data, from.data(), bytes, {});
    });
    without.join();
    std::vector<std::uint32_t> to(from.size());
    memory->copy(to.data(), slab.data, bytes, {});
    EXPECT_EQ(to, from);
    memory->release(std::move(slab));
    if (!is_refused) {
        GTEST_SKIP() << "the system does not let a test refuse threads";
    }
}

}  // namespace
}  // namespace fastio::test
