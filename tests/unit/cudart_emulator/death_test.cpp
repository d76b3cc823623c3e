// Processes that free or die while others have their memory open: rules 34 to 37.
#include "fixture.hpp"

namespace fastio::test {
namespace {

class Death : public EmulatorTest {
protected:
    static constexpr std::size_t kBytes = 4 * kBlock;

    Death() {
        EXPECT_EQ(exporter.code("malloc a " + std::to_string(kBytes)), 0);
        EXPECT_EQ(exporter.code("fill a 42 " + std::to_string(kBytes)), 0);
        handle = memory_handle(success(exporter.ask("export a")));
    }
    [[nodiscard]] static std::size_t free_bytes() {
        std::size_t free = 0;
        std::size_t total = 0;
        EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
        return free;
    }
    [[nodiscard]] void* opened() const {
        void* data = nullptr;
        EXPECT_EQ(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess), cudaSuccess);
        return data;
    }
    [[nodiscard]] static cudaError_t read(const void* data, int& value) {
        unsigned char byte = 0;
        const cudaError_t code = cudaMemcpy(&byte, data, 1, cudaMemcpyDeviceToHost);
        value = byte;
        return code;
    }

    Peer exporter{};
    cudaIpcMemHandle_t handle{};
};

TEST_F(Death, FreedMemoryStaysForItsImporterAndIsUsedUpUntilThatCloses) {
    void* const data = opened();
    const std::size_t before = free_bytes();
    ASSERT_EQ(exporter.code("free a"), 0);
    EXPECT_EQ(free_bytes(), before);
    int value = 0;
    EXPECT_EQ(read(data, value), cudaSuccess);
    EXPECT_EQ(value, 42);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
    EXPECT_EQ(free_bytes(), before + kBytes);
}

TEST_F(Death, AKilledExportersMemoryStaysForItsImporter) {
    void* const data = opened();
    const std::size_t before = free_bytes();
    exporter.process().kill();
    int value = 0;
    EXPECT_EQ(read(data, value), cudaSuccess);
    EXPECT_EQ(value, 42);
    EXPECT_EQ(free_bytes(), before);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
    EXPECT_EQ(free_bytes(), before + kBytes);
}

TEST_F(Death, AKilledExportersMemoryComesBackWhereNobodyHasItOpen) {
    const std::size_t before = free_bytes();
    exporter.process().kill();
    EXPECT_EQ(free_bytes(), before + kBytes);
}

TEST_F(Death, AKilledImportersMappingGoes) {
    Peer importer;
    ASSERT_EQ(importer.code("open b " + to_text(handle)), 0);
    const std::size_t before = free_bytes();
    importer.process().kill();
    ASSERT_EQ(exporter.code("free a"), 0);
    EXPECT_EQ(free_bytes(), before + kBytes);
}

TEST_F(Death, ADeadExportersHandleGivesWhatTheSwitchSays) {
    exporter.process().kill();
    void* data = nullptr;
    EXPECT_EQ(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess), cudaErrorInvalidValue);
    set("FASTIO_EMU_DEAD_EXPORTER", "400", "1");
    EXPECT_EQ(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess), cudaErrorInvalidResourceHandle);
}

TEST_F(Death, AnExitIsADeath) {
    const std::size_t before = free_bytes();
    exporter = Peer();  // the first one's channel ends, and so does it
    EXPECT_EQ(free_bytes(), before + kBytes);
}

TEST_F(Death, PoisonedByItsOwnersDeathAnImportBreaksTheDeviceForItsUser) {
    Peer importer = Peer::with({{"FASTIO_EMU_DEATH_POISONS_IMPORTERS", "1"}});
    ASSERT_EQ(importer.code("open b " + to_text(handle)), 0);
    EXPECT_EQ(importer.number("read b 0"), 42U);
    exporter.process().kill();
    EXPECT_EQ(importer.code("read b 0"), cudaErrorIllegalAddress);
    EXPECT_EQ(importer.code("count"), cudaErrorIllegalAddress) << "and every later call";
    EXPECT_EQ(importer.code("last-error"), cudaErrorIllegalAddress);
    EXPECT_EQ(importer.code("last-error"), cudaErrorIllegalAddress) << "which is not cleared";
}

TEST_F(Death, PoisonedByItsOwnersFreeAnImportBreaksTheDeviceForItsUser) {
    Peer importer = Peer::with({{"FASTIO_EMU_FREE_POISONS_IMPORTERS", "1"}});
    ASSERT_EQ(importer.code("open b " + to_text(handle)), 0);
    ASSERT_EQ(exporter.code("free a"), 0);
    EXPECT_EQ(importer.code("read b 0"), cudaErrorIllegalAddress);
}

TEST_F(Death, AProcessThatIsKilledInACallHoldsNobodyUp) {
    // Whatever the instruction was: many calls that take the machine's lock, and a kill without a word.
    for (int round = 0; round < 20; ++round) {
        Peer busy;
        ASSERT_EQ(busy.code("malloc x 4096"), 0);
        for (int i = 0; i < round; ++i) {
            busy.say("malloc y" + std::to_string(i) + " 4096");
        }
        busy.process().kill();
        ASSERT_GT(free_bytes(), 0U);
    }
}

}  // namespace
}  // namespace fastio::test
