#include "core/sub_allocator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <tuple>

namespace fastio {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// A slab as a map of live blocks by offset; what is free is what lies between them.
class Model {
public:
    explicit Model(std::uint64_t capacity) : capacity_(capacity) {}

    /// True if [offset, offset + size) lies in the slab and touches no live block.
    [[nodiscard]] bool is_free(std::uint64_t offset, std::uint64_t size) const {
        const auto next = live_.lower_bound(offset);
        const bool clear_after = next == live_.end() || offset + size <= next->first;
        const bool clear_before =
            next == live_.begin() || std::prev(next)->first + std::prev(next)->second.size <= offset;
        return offset + size <= capacity_ && clear_after && clear_before;
    }

    void add(const Block& block) { live_.emplace(block.offset, block); }
    void remove(const Block& block) { live_.erase(block.offset); }

    [[nodiscard]] bool can_hold(std::uint64_t size, std::uint64_t alignment) const {
        bool fits = false;
        each_gap([&](std::uint64_t begin, std::uint64_t end) {
            const std::uint64_t start = (begin + alignment - 1) / alignment * alignment;
            fits = fits || (start < end && end - start >= size);
        });
        return fits;
    }

    [[nodiscard]] SubAllocatorStats stats() const {
        SubAllocatorStats stats{.capacity = capacity_, .blocks = live_.size()};
        for (const auto& [offset, block] : live_) {
            stats.used += block.size;
        }
        each_gap([&](std::uint64_t begin, std::uint64_t end) {
            ++stats.free_blocks;
            stats.largest_free_block = std::max(stats.largest_free_block, end - begin);
        });
        return stats;
    }

private:
    template <class Visit>
    void each_gap(Visit&& visit) const {
        std::uint64_t end_of_last = 0;
        for (const auto& [offset, block] : live_) {
            if (offset != end_of_last) {
                visit(end_of_last, offset);
            }
            end_of_last = offset + block.size;
        }
        if (end_of_last != capacity_) {
            visit(end_of_last, capacity_);
        }
    }

    std::uint64_t capacity_;
    std::map<std::uint64_t, Block> live_;
};

void expect_equal(const SubAllocatorStats& got, const SubAllocatorStats& expected) {
    ASSERT_EQ(got.capacity, expected.capacity);
    ASSERT_EQ(got.used, expected.used);
    ASSERT_EQ(got.blocks, expected.blocks);
    ASSERT_EQ(got.free_blocks, expected.free_blocks);
    ASSERT_EQ(got.largest_free_block, expected.largest_free_block);
}

struct Load {
    const char* title;
    std::uint64_t capacity;  // bytes
    double smallest;         // bytes; sizes are log-uniform
    double largest;
    std::uint32_t alignments;  // how many powers of two from 256 up are drawn from
    int frees_in_100;          // while not draining
};

void PrintTo(const Load& load, std::ostream* out) {
    *out << load.title;
}

constexpr Load kLoads[] = {
    {"small_slab_of_granules", 2 * kMiB, 1, 64 * 1024, 1, 45},
    {"mixed_sizes", 256 * kMiB, 256, 16.0 * kMiB, 1, 45},
    {"all_alignments", 256 * kMiB, 256, 4.0 * kMiB, 14, 45},
    {"tiny_blocks_of_large_alignment", 64 * kMiB, 1, 4096, 14, 40},
    {"sizes_of_one_class", 32 * kMiB, 262'144, 270'000, 2, 48},
    {"large_blocks", 100 * 1024 * kMiB, 64.0 * 1024, 256.0 * kMiB, 14, 49},
    {"odd_capacity", 10'007 * 256, 1, 100'000, 6, 48},
};

class AgainstModel : public testing::TestWithParam<std::tuple<Load, std::uint64_t>> {
protected:
    [[nodiscard]] std::uint64_t draw_size() {
        std::uniform_real_distribution<double> logarithm(std::log(load_.smallest), std::log(load_.largest));
        return static_cast<std::uint64_t>(std::ceil(std::exp(logarithm(random_))));
    }
    [[nodiscard]] std::uint64_t draw_alignment() { return kMinAlignment << (random_() % load_.alignments); }

    void allocate_one(std::uint64_t size, std::uint64_t alignment) {
        const std::uint64_t rounded = (size + 255) / 256 * 256;
        const auto block = slab_.allocate(size, alignment);
        ASSERT_EQ(block.has_value(), model_.can_hold(rounded, alignment)) << size << " bytes at " << alignment;
        if (!block) {
            ++refusals_;
            return;
        }
        ASSERT_EQ(block->size, rounded);
        ASSERT_EQ(block->offset % alignment, 0U);
        ASSERT_TRUE(model_.is_free(block->offset, block->size)) << "overlap at " << block->offset;
        model_.add(*block);
        live_.push_back(*block);
    }

    void free_one() {
        std::swap(live_[random_() % live_.size()], live_.back());
        slab_.free(live_.back());
        model_.remove(live_.back());
        live_.pop_back();
    }

    const Load load_ = std::get<0>(GetParam());
    std::mt19937_64 random_{std::get<1>(GetParam())};
    SubAllocator slab_{load_.capacity};
    Model model_{load_.capacity};
    std::vector<Block> live_;
    int refusals_ = 0;
};

TEST_P(AgainstModel, EveryStepAgreesAndAllComesBack) {
    for (int step = 0; step < 4'000; ++step) {
        const bool draining = step % 1'000 >= 900;
        const int frees_in_100 = draining ? 80 : load_.frees_in_100;
        if (!live_.empty() && static_cast<int>(random_() % 100) < frees_in_100) {
            free_one();
        } else {
            ASSERT_NO_FATAL_FAILURE(allocate_one(draw_size(), draw_alignment()));
        }
        ASSERT_NO_FATAL_FAILURE(expect_equal(slab_.stats(), model_.stats())) << "step " << step;
    }
    while (!live_.empty()) {
        free_one();
        ASSERT_NO_FATAL_FAILURE(expect_equal(slab_.stats(), model_.stats()));
    }
    EXPECT_TRUE(slab_.empty());
    EXPECT_EQ(slab_.stats().free_blocks, 1U);
    ASSERT_NO_FATAL_FAILURE(allocate_one(load_.capacity, kMinAlignment));
    EXPECT_EQ(live_.size(), 1U);
}

TEST_P(AgainstModel, LargestFreeBlockCanBeAllocatedUntilNothingIsLeft) {
    for (int step = 0; step < 1'000; ++step) {
        if (!live_.empty() && random_() % 100 < 40) {
            free_one();
        } else {
            ASSERT_NO_FATAL_FAILURE(allocate_one(draw_size(), draw_alignment()));
        }
    }
    while (const std::uint64_t largest = slab_.largest_free_block()) {
        ASSERT_EQ(slab_.allocate(largest + 1), std::nullopt);
        const int refusals = refusals_;
        ASSERT_NO_FATAL_FAILURE(allocate_one(largest, kMinAlignment));
        ASSERT_EQ(refusals_, refusals) << largest;
    }
    EXPECT_EQ(slab_.stats().used, load_.capacity);
    EXPECT_EQ(slab_.stats().free_blocks, 0U);
}

INSTANTIATE_TEST_SUITE_P(Loads, AgainstModel, testing::Combine(testing::ValuesIn(kLoads), testing::Values(1, 2, 3)),
                         [](const auto& tested) {
                             return std::string(std::get<0>(tested.param).title) + "_seed_" +
                                    std::to_string(std::get<1>(tested.param));
                         });

/// The share of a 100 GiB pool that is filled when a request is first refused. Sizes are log-uniform from 64 KiB to
/// 256 MiB, and 495 of 1,000 steps free a random block, so that the pool fills slowly and through much history.
double fill_at_first_refusal(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> logarithm(std::log(64.0 * 1024), std::log(256.0 * kMiB));
    SubAllocator slab(100 * 1024 * kMiB);
    std::vector<Block> live;
    for (;;) {
        if (!live.empty() && random() % 1'000 < 495) {
            std::swap(live[random() % live.size()], live.back());
            slab.free(live.back());
            live.pop_back();
        } else if (const auto block = slab.allocate(static_cast<std::uint64_t>(std::exp(logarithm(random))))) {
            live.push_back(*block);
        } else {
            const SubAllocatorStats stats = slab.stats();
            return static_cast<double>(stats.used) / static_cast<double>(stats.capacity);
        }
    }
}

TEST(SubAllocatorFill, IsAtLeast88PercentOfThePoolAtTheFirstRefusal) {
    constexpr int kRuns = 20;
    double sum = 0;
    for (int seed = 1; seed <= kRuns; ++seed) {
        sum += fill_at_first_refusal(static_cast<std::uint64_t>(seed));
    }
    EXPECT_GE(sum / kRuns, 0.88);
}

}  // namespace
}  // namespace fastio
