#include "core/size_classes.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace fastio {
namespace {

constexpr std::uint64_t kUnit = 256;

TEST(SizeClass, OfSmallSizesIsTheNumberOfUnits) {
    for (std::uint64_t units = 1; units < 64; ++units) {
        EXPECT_EQ(class_of(units * kUnit), units);
    }
}

TEST(SizeClass, NeverFallsAsTheSizeRises) {
    std::uint32_t previous = 0;
    for (std::uint64_t units = 1; units < 100'000; ++units) {
        const std::uint32_t current = class_of(units * kUnit);
        ASSERT_TRUE(current == previous || current == previous + 1) << units;
        previous = current;
    }
}

TEST(SizeClass, HoldsSizesThatDifferByLessThanOneIn32) {
    // By halving steps: the smallest size of the class and the largest that is still in it.
    for (std::uint32_t bit = 5; bit < 56; ++bit) {
        for (std::uint64_t sub = 0; sub < 32; ++sub) {
            const std::uint64_t width = std::uint64_t{1} << (bit - 5);
            const std::uint64_t first = (32 + sub) * width;
            const std::uint64_t last = first + width - 1;
            ASSERT_EQ(class_of(first * kUnit), class_of(last * kUnit)) << first;
            ASSERT_EQ(class_of((first - 1) * kUnit) + 1, class_of(first * kUnit)) << first;
            ASSERT_LT(class_of(last * kUnit), kClasses);
        }
    }
}

TEST(ClassMap, IsEmptyAtFirst) {
    const ClassMap map;
    EXPECT_EQ(map.at_or_above(0), kNoClass);
    EXPECT_EQ(map.highest(), kNoClass);
}

TEST(ClassMap, FindsTheFirstAndTheLastClass) {
    ClassMap map;
    map.set(kClasses - 1);
    EXPECT_EQ(map.at_or_above(0), kClasses - 1);
    EXPECT_EQ(map.at_or_above(kClasses - 1), kClasses - 1);
    EXPECT_EQ(map.at_or_above(kClasses), kNoClass);
    map.set(0);
    EXPECT_EQ(map.at_or_above(0), 0U);
    EXPECT_EQ(map.at_or_above(1), kClasses - 1);
    EXPECT_EQ(map.highest(), kClasses - 1);
    map.clear(kClasses - 1);
    EXPECT_EQ(map.highest(), 0U);
    EXPECT_EQ(map.at_or_above(1), kNoClass);
}

TEST(ClassMap, AgreesWithAnOrderedSet) {
    ClassMap map;
    std::set<std::uint32_t> model;
    std::mt19937 random(7);
    for (int step = 0; step < 50'000; ++step) {
        const std::uint32_t size_class = random() % kClasses;
        // Phases of filling and of emptying, so that rows become empty again.
        if (random() % 4 < ((step / 5'000) % 2 == 0 ? 1U : 3U)) {
            map.clear(size_class);
            model.erase(size_class);
        } else {
            map.set(size_class);
            model.insert(size_class);
        }
        const std::uint32_t from = random() % (kClasses + 1);
        const auto next = model.lower_bound(from);
        ASSERT_EQ(map.at_or_above(from), next == model.end() ? kNoClass : *next) << "from " << from;
        ASSERT_EQ(map.highest(), model.empty() ? kNoClass : *model.rbegin());
    }
}

}  // namespace
}  // namespace fastio
