#include <fastio/cuda/thrust.hpp>

#include <gtest/gtest.h>

#include <fastio/cuda/thrust_allocator.hpp>
#include <fastio/fastio.hpp>

#include "support/errors.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

struct Pair {
    std::int16_t first;
    std::int16_t second;
};

class ThrustRange : public testing::Test {
protected:
    TempDir folder_;
    Context context_{{.job = "thrust", .socket = folder_.file("fastiod.sock"), .device = "cuda:0", .embedded = true}};
    Allocation floats_ = context_.create(float32, {3, 5});
};

TEST_F(ThrustRange, GoesOverTheElements) {
    EXPECT_EQ(cuda::begin<float>(floats_).get(), floats_.data());
    EXPECT_EQ(cuda::end<float>(floats_) - cuda::begin<float>(floats_), 15);
    EXPECT_EQ(cuda::end<const float>(floats_) - cuda::begin<const float>(floats_), 15);
    static_assert(std::is_same_v<decltype(cuda::cbegin<float>(floats_)), thrust::device_ptr<const float>>);
    EXPECT_EQ(cuda::cend<float>(floats_) - cuda::cbegin<float>(floats_), 15);
}

TEST_F(ThrustRange, EndsWhereTheMetadataSay) {
    floats_.set_type_and_dimensions(float64, {2});
    EXPECT_EQ(cuda::end<double>(floats_) - cuda::begin<double>(floats_), 2);
    const Allocation empty = context_.create(float32, {0, 4});
    EXPECT_EQ(cuda::begin<float>(empty), cuda::end<float>(empty));
}

TEST_F(ThrustRange, RefusesAnotherType) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::begin<double>(floats_)); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::end<std::int32_t>(floats_)); }), Errc::invalid_argument)
        << "of the same size, but not the same";
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::cbegin<std::uint8_t>(floats_)); }), Errc::invalid_argument);
}

TEST_F(ThrustRange, TakesTypesThatHaveNoDataTypeByTheirSizeAndBytesOfEverything) {
    EXPECT_EQ(cuda::end<Pair>(floats_) - cuda::begin<Pair>(floats_), 15);
    EXPECT_EQ(cuda::end<std::byte>(floats_) - cuda::begin<std::byte>(floats_), 60);
    floats_.set_type_and_dimensions(float64, {2});
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::begin<Pair>(floats_)); }), Errc::invalid_argument);
}

TEST_F(ThrustRange, RefusesMemoryOfTheHostAndReleasedObjects) {
    const TempDir folder;
    Context host({.job = "host", .socket = folder.file("fastiod.sock"), .device = "host", .embedded = true});
    const Allocation on_host = host.create(float32, {2});
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::begin<float>(on_host)); }), Errc::unsupported);
    floats_.release();
    EXPECT_EQ(errc_of([&] { static_cast<void>(cuda::begin<float>(floats_)); }), Errc::released);
}

TEST_F(ThrustRange, MayLieInAThrustAllocatorsMemory) {
    cuda::memory_resource memory(context_);
    cuda::thrust_memory_resource resource(memory);
    cuda::allocator<float> allocator(&resource);
    const auto data = allocator.allocate(100);
    EXPECT_EQ(memory.allocation(data.get()).size(), 400U);
    EXPECT_EQ(&resource.allocation(data.get()), &memory.allocation(data.get()));
    EXPECT_EQ(allocator, cuda::allocator<float>(&resource));
    allocator.deallocate(data, 100);
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory.allocation(data.get())); }), Errc::invalid_argument);
}

}  // namespace
}  // namespace fastio::test
