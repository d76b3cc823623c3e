#include "device/physical_memory.hpp"

#include <gtest/gtest.h>

#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

/// What is said without any cgroup.
std::uint64_t of_machine() {
    const TempDir empty;
    return physical_memory_bytes(empty.path().string());
}

TEST(PhysicalMemory, IsTheMachinesWithoutALimit) {
    EXPECT_GT(of_machine(), 64 * kMebibyte);
    EXPECT_LE(physical_memory_bytes(), of_machine());
}

TEST(PhysicalMemory, RespectsALimitOfVersion2) {
    const TempDir root;
    write_file(root.file("proc/self/cgroup"), "0::/a/b\n");
    write_file(root.file("sys/fs/cgroup/a/b/memory.max"), "33554432\n");
    EXPECT_EQ(physical_memory_bytes(root.path().string()), 32 * kMebibyte);
}

TEST(PhysicalMemory, RespectsALimitAboveTheOwnGroup) {
    const TempDir root;
    write_file(root.file("proc/self/cgroup"), "0::/a/b\n");
    write_file(root.file("sys/fs/cgroup/a/b/memory.max"), "max\n");
    write_file(root.file("sys/fs/cgroup/a/memory.max"), "16777216\n");
    EXPECT_EQ(physical_memory_bytes(root.path().string()), 16 * kMebibyte);
}

TEST(PhysicalMemory, RespectsALimitOfVersion1) {
    const TempDir root;
    write_file(root.file("proc/self/cgroup"), "5:cpu,cpuacct:/x\n4:hugetlb,memory:/job\n");
    write_file(root.file("sys/fs/cgroup/memory/job/memory.limit_in_bytes"), "8388608\n");
    EXPECT_EQ(physical_memory_bytes(root.path().string()), 8 * kMebibyte);
}

TEST(PhysicalMemory, FindsAContainersLimitWhereThePathIsTheHosts) {
    const TempDir root;
    write_file(root.file("proc/self/cgroup"), "4:memory:/docker/0123\n");
    write_file(root.file("sys/fs/cgroup/memory/memory.limit_in_bytes"), "4194304\n");
    EXPECT_EQ(physical_memory_bytes(root.path().string()), 4 * kMebibyte);
}

TEST(PhysicalMemory, IgnoresWhatIsNoLimit) {
    const TempDir root;
    write_file(root.file("proc/self/cgroup"), "nonsense\n:\n0::/\n3:memorylike:/x\n");
    write_file(root.file("sys/fs/cgroup/memory.max"), "max\n");
    write_file(root.file("sys/fs/cgroup/memory/x/memory.limit_in_bytes"), "1\n");
    EXPECT_EQ(physical_memory_bytes(root.path().string()), of_machine());
}

}  // namespace
}  // namespace fastio::test
