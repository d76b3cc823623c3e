#include "device_contract.hpp"
#include "support/importer.hpp"

namespace fastio::test {

TEST_P(DeviceContract, OpeningAnOwnSlabGivesTheOwnersPointer) {
    const Reserved slab(memory(), kSlab);
    void* const opened = memory().open(slab->handle, slab->bytes, slab->file.get());
    EXPECT_EQ(opened, slab.data());
    memory().close(opened, slab->bytes);
    // It stays after the close.
    write(slab.data(), pattern(64, 1));
    EXPECT_EQ(read(slab.data(), 64), pattern(64, 1));
}

TEST_P(DeviceContract, AnotherObjectInTheOwnersProcessOpensTheOwnersPointer) {
    const Reserved slab(memory(), kSlab);
    const std::shared_ptr<DeviceMemory> other = GetParam().make();
    void* const opened = other->open(slab->handle, slab->bytes, slab->file.get());
    EXPECT_EQ(opened, slab.data());
    other->close(opened, slab->bytes);
}

TEST_P(DeviceContract, AnotherProcessSeesWhatTheOwnerWroteAndTheOwnerWhatItWrote) {
    const Reserved slab(memory(), 2 * kSlab);
    Importer importer(GetParam().name);
    write(slab.data() + 300, pattern(1000, 2));
    importer.open(slab->handle, slab->bytes, slab->file.get());
    EXPECT_EQ(importer.read(300, 1000), pattern(1000, 2));

    importer.write(2 * kSlab - 500, pattern(500, 3));
    EXPECT_EQ(read(slab.data() + 2 * kSlab - 500, 500), pattern(500, 3));

    write(slab.data() + 300, pattern(1000, 4));
    EXPECT_EQ(importer.read(300, 1000), pattern(1000, 4));
}

TEST_P(DeviceContract, ClosingInAnotherProcessLeavesTheOwnersMemory) {
    const Reserved slab(memory(), kSlab);
    Importer importer(GetParam().name);
    importer.open(slab->handle, slab->bytes, slab->file.get());
    importer.write(0, pattern(100, 5));
    importer.close();
    EXPECT_EQ(read(slab.data(), 100), pattern(100, 5));
    // Open again after a close.
    importer.open(slab->handle, slab->bytes, slab->file.get());
    EXPECT_EQ(importer.read(0, 100), pattern(100, 5));
}

TEST_P(DeviceContract, TheDeathOfAnImporterLeavesTheOwnersMemory) {
    const Reserved slab(memory(), kSlab);
    Importer importer(GetParam().name);
    importer.open(slab->handle, slab->bytes, slab->file.get());
    importer.write(10, pattern(100, 6));
    importer.process().kill();
    EXPECT_EQ(read(slab.data() + 10, 100), pattern(100, 6));
}

TEST_P(DeviceContract, TwoProcessesShareOneSlab) {
    const Reserved slab(memory(), kSlab);
    Importer first(GetParam().name);
    Importer second(GetParam().name);
    first.open(slab->handle, slab->bytes, slab->file.get());
    second.open(slab->handle, slab->bytes, slab->file.get());
    first.write(4096, pattern(256, 7));
    EXPECT_EQ(second.read(4096, 256), pattern(256, 7));
}

TEST_P(DeviceContract, RefusesAHandleOfAnUnknownKind) {
    const Reserved slab(memory(), kSlab);
    for (const std::uint32_t kind : {0U, 3U, 77U, ~0U}) {
        SlabHandle handle = slab->handle;
        handle.kind = static_cast<HandleKind>(kind);
        EXPECT_EQ(errc_of([&] { (void)memory().open(handle, kSlab, slab->file.get()); }), Errc::unsupported) << kind;
    }
}

TEST_P(DeviceContract, AnotherProcessRefusesAHandleOfAnUnknownKind) {
    const Reserved slab(memory(), kSlab);
    SlabHandle handle = slab->handle;
    handle.kind = HandleKind::none;
    Importer importer(GetParam().name);
    EXPECT_EQ(errc_of([&] { importer.open(handle, kSlab, slab->file.get()); }), Errc::unsupported);
    // And still opens a good one.
    importer.open(slab->handle, slab->bytes, slab->file.get());
    EXPECT_EQ(importer.read(0, 8), std::vector<std::byte>(8));
}

}  // namespace fastio::test
