#include "device/slab_mapping.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/limits.hpp"
#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "support/page_faults.hpp"

namespace fastio::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSlabBytes = 4 * kSlabGranularity;

/// A slab's memory, allocated with huge pages until `until`, and mapped.
class AllocatedSlab {
public:
    explicit AllocatedSlab(Clock::time_point until) : huge_(allocate_slab(file_.get(), data_, kSlabBytes, until)) {}
    AllocatedSlab(const AllocatedSlab&) = delete;
    AllocatedSlab& operator=(const AllocatedSlab&) = delete;
    ~AllocatedSlab() { unmap_slab(data_, kSlabBytes); }

    [[nodiscard]] std::uint64_t huge() const { return huge_; }
    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }
    [[nodiscard]] std::uint64_t allocated() const {
        struct stat status {};
        EXPECT_EQ(::fstat(file_.get(), &status), 0);
        return static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
    /// Faults of this thread while it writes to each page of a new mapping.
    [[nodiscard]] long faults_of_an_importer() const {
        void* const data = map_slab(file_.get(), kSlabBytes, Errc::io_error);
        const long taken = faults_of_writing_to_each_page(static_cast<volatile std::byte*>(data), kSlabBytes);
        unmap_slab(data, kSlabBytes);
        return taken;
    }

private:
    Descriptor file_ = make_memfd("slab_mapping_test", kSlabBytes);
    void* data_ = map_slab(file_.get(), kSlabBytes, Errc::io_error);
    std::uint64_t huge_;
};

TEST(SlabMapping, AllocatesAllOfASlabWithAndWithoutTimeForHugePages) {
    for (const auto until : {Clock::time_point::min(), Clock::time_point::max()}) {
        const AllocatedSlab slab(until);
        EXPECT_EQ(slab.allocated(), kSlabBytes);
        EXPECT_TRUE(
            std::all_of(slab.data(), slab.data() + kSlabBytes, [](std::byte one) { return one == std::byte{0}; }));
    }
}

TEST(SlabMapping, TakesHugePagesAtOnceWhereTheKernelHasThem) {
    // Another process may have the last of them for a moment.
    for (int attempt = 0; attempt < 100; ++attempt) {
        const AllocatedSlab slab(Clock::time_point::max());
        if (slab.huge() == kSlabBytes) {
            EXPECT_LT(slab.faults_of_an_importer(), 100);
            return;
        }
    }
    const AllocatedSlab small(Clock::time_point::min());
    EXPECT_EQ(small.huge(), 0U);
    for (std::uint64_t offset = 0; offset < kSlabBytes; offset += kSlabGranularity) {
        ASSERT_NE(collapse(small.data(), offset), Collapse::done) << "there are some, and a new slab has none";
    }
    GTEST_SKIP() << "this machine gives shared memory no huge pages";
}

TEST(SlabMapping, FailsWhereTheFileCannotHaveTheMemory) {
    const Descriptor file = make_memfd("slab_mapping_test", kSlabBytes / 2);
    seal_size(file.get());
    void* const data = map_slab(file.get(), kSlabBytes, Errc::io_error);
    EXPECT_EQ(
        errc_of([&] { static_cast<void>(allocate_slab(file.get(), data, kSlabBytes, Clock::time_point::max())); }),
        Errc::io_error);
    unmap_slab(data, kSlabBytes);
}

}  // namespace
}  // namespace fastio::test
