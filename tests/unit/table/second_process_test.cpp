// Another process reads through its own mappings while this one writes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::duplicate;
using test::WrittenTable;

constexpr std::uint64_t kReplacements = 100'000;
constexpr std::array kNames = {"alpha", "beta/with/a/longer/name/that/takes/more/words", "gamma"};

/// The segments as they were before the fork: the child cannot ask the writer.
class InheritedSource final : public SegmentSource {
public:
    explicit InheritedSource(const TableWriter& writer) {
        for (const SegmentKind kind :
             {SegmentKind::index, SegmentKind::publications, SegmentKind::attributes, SegmentKind::allocations}) {
            files_.emplace(kind, duplicate(writer.segment(kind, 0).fd));
        }
    }
    Descriptor fetch(SegmentKind kind, std::uint32_t ordinal) override {
        return ordinal == 0 ? duplicate(files_.at(kind).get()) : Descriptor();
    }

private:
    std::map<SegmentKind, Descriptor> files_;
};

std::uint64_t size_of(std::uint64_t version) {
    return version * 1'000'003 + 17;
}

void publish(TableWriter& writer, const char* name, AllocationRef allocation, std::uint64_t version) {
    std::vector<std::byte> attributes(version % 41, static_cast<std::byte>(version));
    PublicationEntry entry = WrittenTable::entry(name, allocation, size_of(version));
    entry.attributes = attributes;
    entry.publisher_pid = static_cast<std::int64_t>(version);
    entry.fence_value = ~version;
    ASSERT_EQ(writer.publish(entry, true).version, version);
}

/// Bits of what was wrong, 0 when all was right.
int read_until_ended(Descriptor header, SegmentSource& source, int ready) {
    TableReader reader(std::move(header), source);
    std::array<std::uint64_t, kNames.size()> last{};
    PublicationCopy copy;
    int wrong = 0;
    for (bool first = true, ended = false; !ended; first = false) {
        ended = reader.ended();
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            const std::string_view name = kNames[i];
            if (!reader.lookup(name, hash_name(name.data(), name.size()), copy)) {
                return wrong | 1;
            }
            wrong |= copy.size != size_of(copy.version) || copy.shape.extents[0] != static_cast<std::int64_t>(copy.size)
                         ? 2
                         : 0;
            wrong |= copy.publisher_pid != static_cast<std::int64_t>(copy.version) || copy.fence_value != ~copy.version
                         ? 4
                         : 0;
            wrong |= copy.attributes != std::vector(copy.version % 41, static_cast<std::byte>(copy.version)) ? 8 : 0;
            wrong |= copy.version < last[i] ? 16 : 0;
            last[i] = copy.version;
        }
        if (first && ::write(ready, "r", 1) != 1) {
            return wrong | 32;
        }
    }
    return wrong;
}

TEST(SecondProcess, SeesOnlyWholePublicationsWhileTheyAreReplaced) {
    WrittenTable table;
    const AllocationRef allocation = table.live_allocation();
    std::uint64_t version = 0;
    for (int round = 0; round < 2; ++round) {  // the second has attributes, and so their segment exists
        for (const char* const name : kNames) {
            publish(table.writer, name, allocation, ++version);
        }
    }
    InheritedSource source(table.writer);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const Descriptor read_end(ready[0]);
    Descriptor write_end(ready[1]);

    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        int wrong = 64;
        try {
            wrong = read_until_ended(table.header_file(), source, write_end.get());
        } catch (...) {
        }
        ::_exit(wrong);
    }
    write_end.reset();
    char byte = 0;
    ASSERT_EQ(::read(read_end.get(), &byte, 1), 1) << "the child ended before its first round";
    for (std::uint64_t i = 0; i < kReplacements; ++i) {
        publish(table.writer, kNames[i % kNames.size()], allocation, ++version);
    }
    table.writer.end();
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "status " << status;
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SecondProcess, StillReadsWhatAKilledWriterHadPublished) {
    // The child is the writer: it publishes without end and is killed in the middle of something. Its table is in
    // files that this process holds.
    WrittenTable table;
    int handover[2];
    ASSERT_EQ(::pipe(handover), 0);
    const Descriptor read_end(handover[0]);
    Descriptor write_end(handover[1]);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // Its own table: the one of the parent is not mapped here.
        WrittenTable own;
        const AllocationRef allocation = own.live_allocation();
        std::array<int, 5> files{};
        for (std::uint64_t version = 1;; ++version) {
            const std::vector<std::byte> attributes(1 + version % 40, static_cast<std::byte>(version));
            PublicationEntry entry = WrittenTable::entry("hot", allocation, size_of(version));
            entry.attributes = attributes;
            static_cast<void>(own.writer.publish(entry, true));
            if (version == 100) {
                constexpr std::array kKinds = {SegmentKind::header, SegmentKind::index, SegmentKind::publications,
                                               SegmentKind::attributes, SegmentKind::allocations};
                for (std::size_t i = 0; i < kKinds.size(); ++i) {
                    files[i] = own.writer.segment(kKinds[i], 0).fd;
                }
                if (::write(write_end.get(), files.data(), sizeof(files)) != sizeof(files)) {
                    ::_exit(1);
                }
            }
        }
    }
    write_end.reset();
    std::array<int, 5> files{};
    const bool handed = ::read(read_end.get(), files.data(), sizeof(files)) == sizeof(files);
    std::map<SegmentKind, Descriptor> opened;
    for (std::size_t i = 0; handed && i < files.size(); ++i) {
        const std::string path = "/proc/" + std::to_string(child) + "/fd/" + std::to_string(files[i]);
        constexpr std::array kKinds = {SegmentKind::header, SegmentKind::index, SegmentKind::publications,
                                       SegmentKind::attributes, SegmentKind::allocations};
        opened.emplace(kKinds[i], Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
    }
    ::kill(child, SIGKILL);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(handed);

    class OpenedSource final : public SegmentSource {
    public:
        explicit OpenedSource(std::map<SegmentKind, Descriptor>& files) : files_(files) {}
        Descriptor fetch(SegmentKind kind, std::uint32_t) override { return duplicate(files_.at(kind).get()); }

    private:
        std::map<SegmentKind, Descriptor>& files_;
    } source(opened);
    TableReader reader(duplicate(opened.at(SegmentKind::header).get()), source);
    PublicationCopy copy;
    ASSERT_TRUE(reader.lookup("hot", hash_name("hot", 3), copy));
    EXPECT_GE(copy.version, 100U);
    EXPECT_EQ(copy.size, size_of(copy.version));
    EXPECT_EQ(copy.attributes, std::vector(1 + copy.version % 40, static_cast<std::byte>(copy.version)));
}

}  // namespace
}  // namespace fastio::table
