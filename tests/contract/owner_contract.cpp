#include "device_contract.hpp"

namespace fastio::test {

TEST_P(DeviceContract, SaysWhatItIs) {
    const DeviceInfo& info = memory().info();
    EXPECT_FALSE(info.name.empty());
    EXPECT_GT(info.total_bytes, 0U);
    EXPECT_GT(info.default_pool_bytes, 0U);
    EXPECT_LE(info.default_pool_bytes, info.total_bytes);
    EXPECT_GE(info.reuse_grace.count(), 0);
}

TEST_P(DeviceContract, ReservedMemoryIsCleared) {
    const Reserved slab(memory(), kSlab);
    EXPECT_EQ(read(slab.data(), kSlab), std::vector<std::byte>(kSlab));
}

TEST_P(DeviceContract, MemoryReservedAfterAReleaseIsClearedAgain) {
    for (int round = 0; round < 3; ++round) {
        const Reserved slab(memory(), kSlab);
        EXPECT_EQ(read(slab.data(), kSlab), std::vector<std::byte>(kSlab)) << "round " << round;
        memory().fill(slab.data(), std::byte{0xa5}, kSlab, {});
    }
}

TEST_P(DeviceContract, ReservesEveryMultipleOfTwoMebibytes) {
    for (const std::uint64_t bytes : {kSlab, 2 * kSlab, 3 * kSlab, 16 * kSlab}) {
        const Reserved slab(memory(), bytes);
        EXPECT_EQ(slab->bytes, bytes);
        // The last byte is there.
        write(slab.data() + bytes - 1, {std::byte{7}});
        EXPECT_EQ(read(slab.data() + bytes - 1, 1).front(), std::byte{7});
    }
}

TEST_P(DeviceContract, RefusesSizesThatAreNoMultipleOfTwoMebibytes) {
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, std::uint64_t{1}, kSlab - 1, kSlab + 1, kSlab + 4096, 3 * kSlab / 2}) {
        EXPECT_EQ(errc_of([&] { (void)memory().reserve(bytes); }), Errc::invalid_argument) << bytes;
    }
}

TEST_P(DeviceContract, RefusesMoreThanTheDeviceHas) {
    for (const std::uint64_t bytes : {std::uint64_t{1} << 50, std::uint64_t{1} << 62, ~std::uint64_t{0} - kSlab + 1}) {
        EXPECT_EQ(errc_of([&] { (void)memory().reserve(bytes); }), Errc::out_of_memory) << bytes;
    }
}

TEST_P(DeviceContract, WorksAfterARefusal) {
    EXPECT_EQ(errc_of([&] { (void)memory().reserve(std::uint64_t{1} << 50); }), Errc::out_of_memory);
    const Reserved slab(memory(), kSlab);
    EXPECT_EQ(read(slab.data(), 16), std::vector<std::byte>(16));
}

TEST_P(DeviceContract, SlabsStartAtMultiplesOfTwoMebibytes) {
    const Reserved first(memory(), kSlab);
    const Reserved second(memory(), 3 * kSlab);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) % kSlab, 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.data()) % kSlab, 0U);
}

TEST_P(DeviceContract, SlabsDoNotShareMemoryOrHandles) {
    const Reserved first(memory(), kSlab);
    const Reserved second(memory(), kSlab);
    memory().fill(first.data(), std::byte{1}, kSlab, {});
    EXPECT_EQ(read(second.data(), kSlab), std::vector<std::byte>(kSlab));
    EXPECT_NE(first->handle, second->handle);
}

TEST_P(DeviceContract, HandlesHaveAKindAndAFileWhereTheKindNeedsOne) {
    const Reserved slab(memory(), kSlab);
    EXPECT_NE(slab->handle.kind, HandleKind::none);
    EXPECT_EQ(static_cast<bool>(slab->file), slab->handle.kind == HandleKind::memfd);
}

}  // namespace fastio::test
