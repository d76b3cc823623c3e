#include "table/segments.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <latch>
#include <string>
#include <thread>

#include "device/memfd.hpp"
#include "support/watchdog.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::WrittenTable;

class SealedSegment : public testing::TestWithParam<SegmentKind> {
protected:
    SealedSegment() {
        table_.publish("a");
        const std::byte attribute[] = {std::byte{1}};
        PublicationEntry entry = WrittenTable::entry("b", table_.live_allocation());
        entry.attributes = attribute;
        static_cast<void>(table_.writer.publish(entry, false));
        static_cast<void>(table_.writer.add_slab({}, 2 << 20, 0, 1));
        file_ = table_.writer.segment(GetParam(), 0);
    }

    WrittenTable table_;
    TableWriter::SegmentFile file_{};
};

TEST_P(SealedSegment, CanBeMappedForReading) {
    ASSERT_GE(file_.fd, 0);
    EXPECT_EQ(file_.bytes, file_bytes(file_.fd));
    EXPECT_NO_THROW(Mapping(file_.fd, file_.bytes, Mapping::Access::read_only));
}

TEST_P(SealedSegment, CannotBeMappedForWriting) {
    void* const address = ::mmap(nullptr, file_.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.fd, 0);
    EXPECT_EQ(address, MAP_FAILED);
    EXPECT_EQ(errno, EPERM);
}

TEST_P(SealedSegment, CannotBeMadeWritableAfterAReadOnlyMapping) {
    const Mapping mapping(file_.fd, file_.bytes, Mapping::Access::read_only);
    EXPECT_EQ(::mprotect(mapping.data(), mapping.size(), PROT_READ | PROT_WRITE), -1);
    EXPECT_EQ(errno, EACCES);
}

TEST_P(SealedSegment, CannotBeWrittenThroughAReopenedDescriptor) {
    const std::string path = "/proc/self/fd/" + std::to_string(file_.fd);
    const Descriptor reopened(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const char byte = 'x';
    ASSERT_TRUE(reopened);
    EXPECT_EQ(::pwrite(reopened.get(), &byte, 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::mmap(nullptr, file_.bytes, PROT_WRITE, MAP_SHARED, reopened.get(), 0), MAP_FAILED);
}

TEST_P(SealedSegment, CannotChangeItsSize) {
    EXPECT_EQ(::ftruncate(file_.fd, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::ftruncate(file_.fd, static_cast<off_t>(2 * file_.bytes)), -1);
    EXPECT_EQ(errno, EPERM);
}

TEST_P(SealedSegment, HasItsPagesReserved) {
    struct stat status {};
    ASSERT_EQ(::fstat(file_.fd, &status), 0);
    EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, file_.bytes);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SealedSegment,
                         testing::Values(SegmentKind::header, SegmentKind::index, SegmentKind::publications,
                                         SegmentKind::attributes, SegmentKind::allocations, SegmentKind::slabs),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

TEST(TableSegments, ThatDoNotExistHaveNoDescriptor) {
    const WrittenTable table;
    EXPECT_EQ(table.writer.segment(SegmentKind::header, 1).fd, -1);
    EXPECT_EQ(table.writer.segment(SegmentKind::index, 1).fd, -1);
    EXPECT_EQ(table.writer.segment(SegmentKind::publications, 1).fd, -1);
    EXPECT_EQ(table.writer.segment(SegmentKind::allocations, 0xffff'ffff).fd, -1);
    EXPECT_EQ(table.writer.segment(SegmentKind::slabs, 0).fd, -1);
    EXPECT_EQ(table.writer.segment(SegmentKind::attributes, 0).fd, -1);
}

/// Lets the thread that asks first wait, as for a service that is stopped.
class WaitingSource final : public SegmentSource {
public:
    explicit WaitingSource(WrittenTable& table) : good_(table) {}
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        if (asked_.try_wait()) {
            return good_.fetch(kind, ordinal);
        }
        asked_.count_down();
        answers_.wait();
        return good_.fetch(kind, ordinal);
    }
    void wait_until_asked() const { asked_.wait(); }
    void answer() { answers_.count_down(); }

private:
    test::WriterSource good_;
    std::latch asked_{1};
    std::latch answers_{1};
};

TEST(SegmentMap, AThreadThatWaitsForASegmentHoldsUpNoOther) {
    const test::Watchdog watchdog("a look into a segment that another thread waits for");
    WrittenTable table;
    table.publish("a");
    WaitingSource source(table);
    TableReader reader(table.header_file(), source);
    const auto finds = [&reader] {
        PublicationCopy copy;
        return reader.lookup("a", hash_name("a", 1), copy, nullptr);
    };
    bool found_later = false;
    std::thread waiting([&] { found_later = finds(); });
    source.wait_until_asked();
    EXPECT_TRUE(finds());
    source.answer();
    waiting.join();
    EXPECT_TRUE(found_later);
}

}  // namespace
}  // namespace fastio::table
