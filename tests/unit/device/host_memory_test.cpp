#include "device/host_memory.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <numeric>
#include <sstream>
#include <vector>

#include "core/limits.hpp"
#include "device/mapping.hpp"
#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "support/importer.hpp"
#include "support/leak_check.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kSlab = kSlabGranularity;

/// A handle that no slab of this process has, as if it came from another one.
SlabHandle foreign(const OwnedSlab& slab) {
    SlabHandle handle = slab.handle;
    handle.bytes[8] ^= std::byte{1};
    return handle;
}

TEST(HostMemory, SaysThatItIsTheHost) {
    const auto memory = make_host_memory();
    EXPECT_EQ(memory->info().name, "host");
    EXPECT_EQ(memory->info().uuid, "");
    EXPECT_TRUE(memory->info().host_accessible);
    EXPECT_EQ(memory->info().reuse_grace.count(), 0);
    EXPECT_EQ(memory->info().default_pool_bytes, memory->info().total_bytes / 2 / kSlab * kSlab);
}

TEST(HostMemory, LeaksNothing) {
    const auto memory = make_host_memory();
    const LeakCheck leaks;
    {
        OwnedSlab slab = memory->reserve(2 * kSlab);
        void* const foreign_data = memory->open(foreign(slab), slab.bytes, slab.file.get());
        EXPECT_NE(foreign_data, slab.data);
        EXPECT_NE(leaks.difference(), "");  // the check sees a slab
        memory->close(foreign_data, slab.bytes);
        EXPECT_EQ(memory->open(slab.handle, slab.bytes, slab.file.get()), slab.data);
        memory->close(slab.data, slab.bytes);
        memory->release(std::move(slab));
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(HostMemory, ImprovingASlabEndsAndChangesNothingInIt) {
    const auto memory = make_host_memory(HugePages::when_idle);
    constexpr std::uint64_t kBytes = 3 * kSlabGranularity;
    OwnedSlab slab = memory->reserve(kBytes);
    auto* const words = static_cast<std::uint64_t*>(slab.data);
    std::iota(words, words + kBytes / sizeof(*words), std::uint64_t{1});
    const Mapping importer(slab.file.get(), kBytes, Mapping::Access::read_only);
    std::uint64_t steps = 0;
    for (std::uint64_t offset = 0; offset < kBytes; ++steps) {
        const std::uint64_t next = memory->improve(slab.data, kBytes, offset);
        ASSERT_GT(next, offset);
        offset = next;
    }
    EXPECT_LE(steps, 3U);
    EXPECT_EQ(std::memcmp(importer.data(), slab.data, kBytes), 0);
    for (std::uint64_t i = 0; i < kBytes / sizeof(*words); ++i) {
        ASSERT_EQ(words[i], i + 1);
    }
    struct stat status {};
    ASSERT_EQ(::fstat(slab.file.get(), &status), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks) * 512, kBytes);
    memory->release(std::move(slab));
}

TEST(HostMemory, LooksForHugePagesOnlyWhenItIsToldTo) {
    for (const auto& [when, improved] :
         {std::pair(HugePages::when_idle, std::uint64_t{0}), {HugePages::never, kSlab}}) {
        const auto memory = make_host_memory(when);
        OwnedSlab slab = memory->reserve(kSlab);
        EXPECT_EQ(slab.improved, improved);
        memory->release(std::move(slab));
    }
}

TEST(HostMemory, AFailedReserveLeaksNothing) {
    const auto memory = make_host_memory();
    const LeakCheck leaks;
    // Files may not grow beyond a page. Not a limit on descriptors: the sanitizers need some to look at an exception.
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit page{4096, before.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &page), 0);
    const Errc code = errc_of([&] { (void)memory->reserve(kSlab); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(code, Errc::out_of_memory);
    EXPECT_EQ(leaks.difference(), "");
}

TEST(HostMemory, TheFileOfASlabIsSealedInSize) {
    const auto memory = make_host_memory();
    OwnedSlab slab = memory->reserve(kSlab);
    EXPECT_TRUE(has_size_seals(slab.file.get()));
    EXPECT_EQ(file_bytes(slab.file.get()), kSlab);
    memory->release(std::move(slab));
}

TEST(HostMemory, RefusesAFileThatIsShorterThanTheSlab) {
    const auto memory = make_host_memory();
    const OwnedSlab slab = memory->reserve(kSlab);
    const LeakCheck leaks;
    const Descriptor file = make_memfd("short", kSlab - 4096);
    seal_size(file.get());
    EXPECT_EQ(errc_of([&] { (void)memory->open(foreign(slab), kSlab, file.get()); }), Errc::corrupt_input);
    EXPECT_EQ(errc_of([&] { (void)memory->open(foreign(slab), 2 * kSlab, slab.file.get()); }), Errc::corrupt_input);
    memory->release({slab.data, slab.bytes, slab.handle, {}});
}

TEST(HostMemory, RefusesAFileThatCouldShrink) {
    const auto memory = make_host_memory();
    const OwnedSlab slab = memory->reserve(kSlab);
    const Descriptor file = make_memfd("unsealed", kSlab);
    EXPECT_EQ(errc_of([&] { (void)memory->open(foreign(slab), kSlab, file.get()); }), Errc::corrupt_input);
    memory->release({slab.data, slab.bytes, slab.handle, {}});
}

TEST(HostMemory, RefusesAHandleThatNoHostMemoryMade) {
    const auto memory = make_host_memory();
    const Descriptor file = make_memfd("slab", kSlab);
    seal_size(file.get());
    SlabHandle handle;
    handle.kind = HandleKind::memfd;
    EXPECT_EQ(errc_of([&] { (void)memory->open(handle, kSlab, file.get()); }), Errc::corrupt_input);
    handle.kind = HandleKind::cuda_ipc;
    EXPECT_EQ(errc_of([&] { (void)memory->open(handle, kSlab, file.get()); }), Errc::unsupported);
}

TEST(HostMemory, RefusesDescriptorsThatAreNoSlabsFile) {
    const auto memory = make_host_memory();
    const OwnedSlab slab = memory->reserve(kSlab);
    const Pipe pipe = make_pipe();
    EXPECT_EQ(errc_of([&] { (void)memory->open(foreign(slab), kSlab, -1); }), Errc::io_error);
    EXPECT_EQ(errc_of([&] { (void)memory->open(foreign(slab), kSlab, pipe.read.get()); }), Errc::corrupt_input);
    memory->release({slab.data, slab.bytes, slab.handle, {}});
}

TEST(HostMemory, RefusesASizeThatIsNotTheSlabs) {
    const auto memory = make_host_memory();
    const OwnedSlab slab = memory->reserve(2 * kSlab);
    for (const std::uint64_t bytes : {std::uint64_t{0}, kSlab + 1, kSlab, 3 * kSlab}) {
        EXPECT_EQ(errc_of([&] { (void)memory->open(slab.handle, bytes, slab.file.get()); }), Errc::corrupt_input)
            << bytes;
    }
    memory->release({slab.data, slab.bytes, slab.handle, {}});
}

TEST(HostMemory, RefusesToReleaseWhatItDoesNotOwn) {
    const auto memory = make_host_memory();
    OwnedSlab slab = memory->reserve(kSlab);
    void* const data = slab.data;
    memory->release(std::move(slab));
    EXPECT_EQ(errc_of([&] { memory->release({data, kSlab, {}, {}}); }), Errc::device_error);
}

TEST(HostMemory, AnOwnSlabStaysForItsImportersAfterTheOwnerReleasedIt) {
    const auto owner = make_host_memory();
    const auto importer = make_host_memory();
    const LeakCheck leaks;
    {
        OwnedSlab slab = owner->reserve(kSlab);
        auto* const data = static_cast<std::byte*>(importer->open(slab.handle, slab.bytes, slab.file.get()));
        EXPECT_EQ(importer->open(slab.handle, slab.bytes, slab.file.get()), data);
        data[5] = std::byte{6};
        owner->release(std::move(slab));
        importer->close(data, kSlab);
        EXPECT_EQ(data[5], std::byte{6});
        importer->close(data, kSlab);
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(HostMemory, AnotherProcessHasAMappingOfItsOwn) {
    const auto memory = make_host_memory();
    OwnedSlab slab = memory->reserve(kSlab);
    Importer importer("host");
    const std::uint64_t address = importer.open(slab.handle, slab.bytes, slab.file.get());
    EXPECT_EQ(address % kSlab, 0U);

    std::ostringstream start;
    start << std::hex << address << '-';
    std::ifstream maps("/proc/" + std::to_string(importer.process().pid()) + "/maps");
    std::string found;
    for (std::string line; std::getline(maps, line);) {
        if (line.starts_with(start.str())) {
            found = line;
        }
    }
    EXPECT_NE(found.find("rw-s"), std::string::npos) << found;
    EXPECT_NE(found.find("memfd:fastio-slab"), std::string::npos) << found;
    memory->release(std::move(slab));
}

}  // namespace
}  // namespace fastio::test
