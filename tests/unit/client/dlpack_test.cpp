#include <fastio/dlpack.hpp>

#include <cstddef>

#include "client_fixture.hpp"

namespace fastio::test {
namespace {

using DlpackTest = ClientTest;

// Offsets of dlpack.h 1.1 on 64-bit machines.
static_assert(offsetof(dlpack::DLTensor, device) == 8 && offsetof(dlpack::DLTensor, ndim) == 16 &&
              offsetof(dlpack::DLTensor, dtype) == 20 && offsetof(dlpack::DLTensor, shape) == 24 &&
              offsetof(dlpack::DLTensor, strides) == 32 && offsetof(dlpack::DLTensor, byte_offset) == 40);
static_assert(offsetof(dlpack::DLManagedTensor, manager_ctx) == 48 && offsetof(dlpack::DLManagedTensor, deleter) == 56);
static_assert(offsetof(dlpack::DLManagedTensorVersioned, manager_ctx) == 8 &&
              offsetof(dlpack::DLManagedTensorVersioned, deleter) == 16 &&
              offsetof(dlpack::DLManagedTensorVersioned, flags) == 24 &&
              offsetof(dlpack::DLManagedTensorVersioned, dl_tensor) == 32);

TEST_F(DlpackTest, ATensorDescribesTheAllocation) {
    Allocation a = ctx.create(float32, {2, 3, 4});
    void* const data = a.data();
    const auto tensor = dlpack::to_dlpack(std::move(a));
    EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): that is the promise
    EXPECT_EQ(tensor->version.major, 1U);
    EXPECT_EQ(tensor->flags, 0U);
    const dlpack::DLTensor& t = tensor->dl_tensor;
    EXPECT_EQ(t.data, data);
    EXPECT_EQ(t.byte_offset, 0U);
    EXPECT_EQ(t.device.device_type, dlpack::kDLCPU);
    EXPECT_EQ(t.device.device_id, 0);
    EXPECT_EQ(t.dtype.code, 2);  // kDLFloat
    EXPECT_EQ(t.dtype.bits, 32);
    EXPECT_EQ(t.dtype.lanes, 1);
    ASSERT_EQ(t.ndim, 3);
    EXPECT_EQ((std::vector<std::int64_t>(t.shape, t.shape + 3)), (std::vector<std::int64_t>{2, 3, 4}));
    EXPECT_EQ((std::vector<std::int64_t>(t.strides, t.strides + 3)), (std::vector<std::int64_t>{12, 4, 1}));
}

TEST_F(DlpackTest, TheTensorsDeleterReleasesTheLease) {
    publish_text(ctx, "a", "x");
    dlpack::DLManagedTensorVersioned* const raw = dlpack::to_dlpack(other.get("a")).release();
    EXPECT_EQ(other.stats().own_leases, 1U);
    raw->deleter(raw);
    EXPECT_EQ(other.stats().own_leases, 0U);
}

TEST_F(DlpackTest, AnOwningPointerReleasesTheLease) {
    publish_text(ctx, "a", "x");
    {
        const auto tensor = dlpack::to_dlpack_unversioned(other.get("a"));
        EXPECT_EQ(static_cast<const char*>(tensor->dl_tensor.data)[0], 'x');
        EXPECT_EQ(other.stats().own_leases, 1U);
    }
    EXPECT_EQ(other.stats().own_leases, 0U);
}

TEST_F(DlpackTest, ReadOnlyIsSaid) {
    const auto tensor = dlpack::to_dlpack(ctx.create(8), dlpack::Access::read_only);
    EXPECT_EQ(tensor->flags, dlpack::kFlagReadOnly);
}

TEST_F(DlpackTest, ScalarsAndEmptyArraysHaveTheirShapes) {
    EXPECT_EQ(dlpack::to_dlpack(ctx.create(float64, {}))->dl_tensor.ndim, 0);
    const auto empty = dlpack::to_dlpack(ctx.create(bfloat16, {4, 0, 3}));
    EXPECT_EQ(empty->dl_tensor.ndim, 3);
    EXPECT_EQ(empty->dl_tensor.shape[1], 0);
    EXPECT_EQ(empty->dl_tensor.dtype.code, 4);  // kDLBfloat
}

TEST_F(DlpackTest, AReleasedAllocationIsRefused) {
    Allocation a = ctx.create(8);
    a.release();
    EXPECT_EQ(errc_of([&] { static_cast<void>(dlpack::to_dlpack(std::move(a))); }), Errc::released);
}

TEST_F(DlpackTest, ATensorKeepsMemoryAndConnectionAfterItsContext) {
    dlpack::ManagedTensor tensor;
    {
        Context gone = join();
        publish_text(gone, "a", "kept");
        tensor = dlpack::to_dlpack_unversioned(gone.get("a"));
        gone.unpublish("a");
    }
    EXPECT_EQ(std::string(static_cast<const char*>(tensor->dl_tensor.data), 4), "kept");
    tensor.reset();
    EXPECT_EQ(ctx.stats().allocations, 0U);
    EXPECT_EQ(ctx.stats().members, 2U);
}

}  // namespace
}  // namespace fastio::test
