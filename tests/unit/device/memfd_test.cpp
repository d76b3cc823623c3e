#include "device/memfd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "device/mapping.hpp"
#include "support/errors.hpp"
#include "support/leak_check.hpp"
#include "support/pipe.hpp"
#include "support/refused_call.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kBytes = 64 << 10;

bool can_map_for_writing(int fd) {
    void* const address = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) {
        return false;
    }
    ::munmap(address, kBytes);
    return true;
}

TEST(Memfd, HasItsSizeAndClosesOnExec) {
    const Descriptor file = make_memfd("test", kBytes);
    EXPECT_EQ(file_bytes(file.get()), kBytes);
    EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_FALSE(has_size_seals(file.get()));
}

TEST(Memfd, RefusesSizesBeyondAFilesLargest) {
    EXPECT_EQ(errc_of([] { (void)make_memfd("test", ~std::uint64_t{0}); }), Errc::out_of_memory);
}

TEST(Memfd, ASealedSizeCannotChangeAndTakesNoFurtherSeals) {
    const Descriptor file = make_memfd("test", kBytes);
    seal_size(file.get());
    EXPECT_TRUE(has_size_seals(file.get()));
    EXPECT_NE(::ftruncate(file.get(), 0), 0);
    EXPECT_NE(::ftruncate(file.get(), 2 * kBytes), 0);
    EXPECT_EQ(errc_of([&] { seal_against_new_writers(file.get()); }), Errc::io_error);
    EXPECT_TRUE(can_map_for_writing(file.get()));
    EXPECT_EQ(file_bytes(file.get()), kBytes);
}

TEST(Memfd, SealedAgainstNewWritersTheOldMappingStillWrites) {
    const Descriptor file = make_memfd("test", kBytes);
    const Mapping writer(file.get(), kBytes, Mapping::Access::read_write);
    seal_against_new_writers(file.get());
    writer.data()[7] = std::byte{42};
    const Mapping reader(file.get(), kBytes, Mapping::Access::read_only);
    EXPECT_EQ(reader.data()[7], std::byte{42});
    EXPECT_TRUE(has_size_seals(file.get()));
}

TEST(Memfd, SealedAgainstNewWritersNobodyGetsToWrite) {
    const Descriptor file = make_memfd("test", kBytes);
    const Mapping writer(file.get(), kBytes, Mapping::Access::read_write);
    seal_against_new_writers(file.get());
    EXPECT_FALSE(can_map_for_writing(file.get()));
    EXPECT_EQ(::pwrite(file.get(), "x", 1, 0), -1);
    // A reader cannot get around it by opening the file again.
    const Descriptor again{::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDWR | O_CLOEXEC)};
    EXPECT_FALSE(can_map_for_writing(again.get()));
    EXPECT_EQ(::pwrite(again.get(), "x", 1, 0), -1);
    EXPECT_EQ(writer.data()[0], std::byte{0});
}

TEST(Memfd, ReservedPagesAreThere) {
    const Descriptor file = make_memfd("test", kBytes);
    reserve_pages(file.get(), 0, kBytes);
    struct stat status {};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks) * 512, kBytes);
}

TEST(Memfd, PagesCanBeReservedAfterTheSealsButNotBeyondThem) {
    const Descriptor file = make_memfd("test", kBytes);
    seal_against_new_writers(file.get());
    reserve_pages(file.get(), kBytes / 2, kBytes / 2);
    EXPECT_EQ(errc_of([&] { reserve_pages(file.get(), 0, 2 * kBytes); }), Errc::io_error);
    EXPECT_EQ(file_bytes(file.get()), kBytes);
}

TEST(Memfd, WhatIsNoMemfdHasNoSealsAndCannotGetThem) {
    const Pipe pipe = make_pipe();
    EXPECT_FALSE(has_size_seals(pipe.read.get()));
    EXPECT_FALSE(has_size_seals(-1));
    EXPECT_EQ(errc_of([&] { seal_size(pipe.read.get()); }), Errc::io_error);
    EXPECT_EQ(errc_of([] { (void)file_bytes(-1); }), Errc::io_error);
}

TEST(Mapping, UnmapsOnceAndMoves) {
    const LeakCheck leaks;
    {
        const Descriptor file = make_memfd("test", kBytes);
        Mapping first(file.get(), kBytes, Mapping::Access::read_write);
        Mapping second(std::move(first));
        EXPECT_EQ(second.size(), kBytes);
        second.data()[0] = std::byte{1};
        second = Mapping(file.get(), kBytes, Mapping::Access::read_only);
        EXPECT_EQ(second.data()[0], std::byte{1});
    }
    EXPECT_EQ(leaks.difference(), "");
}

TEST(Mapping, IsNotInheritedByAForkedChildWhenToldSo) {
    const Descriptor file = make_memfd("test", kBytes);
    const Mapping kept(file.get(), kBytes, Mapping::Access::read_write, Mapping::Fork::inherit);
    const Mapping private_one(file.get(), kBytes, Mapping::Access::read_write, Mapping::Fork::not_inherited);
    EXPECT_EXIT(
        {
            // mincore fails with ENOMEM where nothing is mapped.
            unsigned char pages[kBytes / 4096];
            const bool kept_there = ::mincore(kept.data(), kBytes, pages) == 0;
            const bool private_there = ::mincore(private_one.data(), kBytes, pages) == 0;
            ::_exit(kept_there && !private_there ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

TEST(Mapping, SaysWhyItFailed) {
    EXPECT_EQ(errc_of([] { const Mapping mapping(-1, kBytes, Mapping::Access::read_only); }), Errc::io_error);
    const Descriptor file = make_memfd("test", kBytes);
    EXPECT_EQ(errc_of([&] { const Mapping mapping(file.get(), 0, Mapping::Access::read_only); }), Errc::io_error);
}

constexpr std::size_t kPage = 4096;

std::size_t allocated_pages(const Descriptor& file) {
    struct stat status {};
    EXPECT_EQ(::fstat(file.get(), &status), 0);
    return static_cast<std::size_t>(status.st_blocks) * 512 / kPage;
}

TEST(Mapping, PopulateAllocatesThePagesOfItsRange) {
    const Descriptor file = make_memfd("file", 16 * kPage);
    for (const auto access : {Mapping::Access::read_only, Mapping::Access::read_write}) {
        const Mapping mapping(file.get(), 16 * kPage, access);
        const std::size_t before = allocated_pages(file);
        mapping.populate(before * kPage, 2 * kPage);
        EXPECT_EQ(allocated_pages(file), before + 2);
    }
}

TEST(Mapping, PopulateIsAnErrorWhereNoPageCanBeHad) {
    const Descriptor file = make_memfd("file", kPage);
    const Mapping mapping(file.get(), 2 * kPage, Mapping::Access::read_only);
    mapping.populate(0, kPage);
    EXPECT_EQ(errc_of([&] { mapping.populate(kPage, kPage); }), Errc::out_of_memory) << "behind the file's end";
}

TEST(Mapping, IsPopulatedWhereTheKernelDoesNotKnowTheAdvice) {
    const Descriptor file = make_memfd("file", 4 * kPage);
    const Mapping mapping(file.get(), 5 * kPage, Mapping::Access::read_only);
    bool refused = false;
    Errc behind_the_end{};
    std::thread([&] {
        refused = refuse_system_call(SYS_madvise, EINVAL);
        mapping.populate(0, 3 * kPage);
        behind_the_end = errc_of([&] { mapping.populate(4 * kPage, kPage); });
    }).join();
    if (!refused) {
        GTEST_SKIP() << "this system has no filters of system calls";
    }
    EXPECT_EQ(allocated_pages(file), 3U);
    EXPECT_EQ(behind_the_end, Errc::out_of_memory);
}

TEST(Mapping, IsPopulatedByReadingAsByAdvice) {
    const Descriptor file = make_memfd("file", 4 * kPage);
    const Mapping mapping(file.get(), 5 * kPage, Mapping::Access::read_only);
    EXPECT_EQ(populate_by_reading(mapping.data(), 3 * kPage), 0);
    EXPECT_EQ(allocated_pages(file), 3U);
    EXPECT_EQ(populate_by_reading(mapping.data() + 3 * kPage, 2 * kPage), EFAULT) << "behind the file's end";
    EXPECT_EQ(allocated_pages(file), 4U);
}

}  // namespace
}  // namespace fastio::test
