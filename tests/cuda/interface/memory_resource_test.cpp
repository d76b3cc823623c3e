#include <fastio/cuda/memory_resource.hpp>

#include <gtest/gtest.h>

#include <thread>

#include <fastio/fastio.hpp>

#include "cuda/device/gate.hpp"
#include "cuda/interface/concepts.hpp"
#include "support/errors.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

class MemoryResource : public testing::Test {
protected:
    /// A lease goes once its stream or the device is done, which a thread of the library looks after.
    void wait_for_allocations(std::uint64_t count) {
        while (context_.stats().allocations != count) {
            std::this_thread::yield();
        }
    }

    TempDir folder_;
    Context context_{{.job = "resource", .socket = folder_.file("fastiod.sock"), .device = "cuda:0", .embedded = true}};
    cuda::memory_resource memory_{context_};
};

TEST_F(MemoryResource, GivesDeviceMemoryThatIsAnAllocation) {
    void* const data = memory_.allocate_sync(1000);
    cudaPointerAttributes attributes{};
    ASSERT_EQ(cudaPointerGetAttributes(&attributes, data), cudaSuccess);
    EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
    EXPECT_EQ(memory_.allocation(data).data(), data);
    EXPECT_EQ(memory_.allocation(data).size(), 1000U);
    EXPECT_EQ(memory_.allocation(data).device(), "cuda:0");
    EXPECT_EQ(&memory_.allocation(static_cast<char*>(data) + 999), &memory_.allocation(data));
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory_.allocation(static_cast<char*>(data) + 1000)); }),
              Errc::invalid_argument);
    memory_.deallocate_sync(data, 1000);
    wait_for_allocations(0);
}

TEST_F(MemoryResource, LetsABlockBePublishedWhichStaysWhenTheBlockIsGone) {
    const float sent[]{1, 2, 3, 4, 5, 6};
    void* const data = memory_.allocate_sync(sizeof(sent));
    ASSERT_EQ(cudaMemcpy(data, sent, sizeof(sent), cudaMemcpyHostToDevice), cudaSuccess);
    Allocation& block = memory_.allocation(data);
    block.set_type_and_dimensions(float32, {2, 3});
    block.publish("matrix");
    memory_.deallocate_sync(data, sizeof(sent));

    const Allocation got = context_.get("matrix");
    float received[6]{};
    got.copy_to(received, sizeof(received));
    EXPECT_TRUE(std::equal(std::begin(sent), std::end(sent), received));
    EXPECT_EQ(got.type(), float32);
    EXPECT_EQ(got.count(), 6U);
}

TEST_F(MemoryResource, InTheOrderOfAStreamGivesMemoryBackWhenTheStreamIsDone) {
    const TestStream stream;
    Gate gate;
    const ::cuda::stream_ref order(stream.get());
    void* const data = memory_.allocate(order, 4096);
    ASSERT_EQ(cudaMemsetAsync(data, 1, 4096, stream.get()), cudaSuccess);
    gate.hold(stream.get());
    memory_.deallocate(order, data, 4096);
    EXPECT_EQ(context_.stats().allocations, 1U) << "the stream still has work";
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory_.allocation(data)); }), Errc::invalid_argument);
    gate.open();
    wait_for_allocations(0);
}

TEST_F(MemoryResource, HasTheSpellingsOfEveryCccl) {
    const TestStream stream;
    const ::cuda::stream_ref order(stream.get());
    memory_.deallocate(memory_.allocate(100), 100);
    memory_.deallocate(memory_.allocate(100, 512), 100, 512);
    memory_.deallocate_async(memory_.allocate_async(100, order), 100, order);
    memory_.deallocate_async(memory_.allocate_async(100, 512, order), 100, 512, order);
    memory_.deallocate(order, memory_.allocate(order, 100, 512), 100, 512);
    wait_for_allocations(0);
}

TEST_F(MemoryResource, ServesAReferenceThatKnowsNoMoreThanTheConcept) {
    ResourceRef reference(memory_);
#if CCCL_VERSION >= 3'001'000
    void* const data = reference.allocate_sync(256, 256);
    EXPECT_EQ(memory_.allocation(data).size(), 256U);
    reference.deallocate_sync(data, 256, 256);
#else
    void* const data = reference.allocate(256, 256);
    EXPECT_EQ(memory_.allocation(data).size(), 256U);
    reference.deallocate(data, 256, 256);
#endif
    wait_for_allocations(0);
}

TEST_F(MemoryResource, GivesNothingForNoBytesAndTakesItBack) {
    EXPECT_EQ(memory_.allocate_sync(0), nullptr);
    memory_.deallocate_sync(nullptr, 0);
    EXPECT_EQ(context_.stats().allocations, 0U);
}

TEST_F(MemoryResource, AlignsAsAsked) {
    void* const wide = memory_.allocate_sync(100, 65'536);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide) % 65'536, 0U);
    void* const narrow = memory_.allocate_sync(100, 16);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(narrow) % cuda::memory_resource::default_alignment, 0U);
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory_.allocate_sync(100, 768)); }), Errc::invalid_argument);
    memory_.deallocate_sync(wide, 100, 65'536);
    memory_.deallocate_sync(narrow, 100, 16);
}

TEST_F(MemoryResource, SharesItsBlocksWithItsCopiesOnly) {
    cuda::memory_resource copy = memory_;
    cuda::memory_resource other(context_);
    EXPECT_EQ(copy, memory_);
    EXPECT_NE(other, memory_);
    void* const data = memory_.allocate_sync(100);
    EXPECT_EQ(errc_of([&] { other.deallocate_sync(data, 100); }), Errc::invalid_argument);
    EXPECT_EQ(&copy.allocation(data), &memory_.allocation(data));
    copy.deallocate_sync(data, 100);
    EXPECT_EQ(errc_of([&] { memory_.deallocate_sync(data, 100); }), Errc::invalid_argument) << "twice";
}

TEST_F(MemoryResource, PassesOnWhatCreateSays) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(memory_.allocate_sync(std::size_t{1} << 50)); }), Errc::out_of_memory);
}

TEST(MemoryResourceOfTheHost, IsRefused) {
    const TempDir folder;
    Context context({.job = "host", .socket = folder.file("fastiod.sock"), .device = "host", .embedded = true});
    EXPECT_EQ(errc_of([&] { const cuda::memory_resource memory(context); }), Errc::unsupported);
}

}  // namespace
}  // namespace fastio::test
