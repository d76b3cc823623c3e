#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>

#include "device/memfd.hpp"
#include "support/errors.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::errc_of;
using test::Reader;
using test::WrittenTable;

/// Has no segments: none of these tests gets that far.
class NoSource final : public SegmentSource {
public:
    Descriptor fetch(SegmentKind, std::uint32_t) override { return {}; }
};

/// A sealed copy of a good header with something changed, cut to `bytes`.
Descriptor changed_header(const std::function<void(TableHeader&)>& change, std::uint64_t bytes = sizeof(TableHeader)) {
    const WrittenTable table;
    TableHeader header;
    EXPECT_EQ(::pread(table.writer.segment(SegmentKind::header, 0).fd, &header, sizeof(header), 0),
              static_cast<ssize_t>(sizeof(header)));
    change(header);
    Descriptor file = make_memfd("header", bytes);
    EXPECT_EQ(::pwrite(file.get(), &header, bytes, 0), static_cast<ssize_t>(bytes));
    seal_size(file.get());
    return file;
}

Errc attach(Descriptor file) {
    NoSource source;
    return errc_of([&] { TableReader(std::move(file), source); });
}

TEST(Attach, ShowsWhoWritesTheTable) {
    WrittenTable table;
    Reader client(table);
    const TableHeader& header = client.reader.header();
    EXPECT_EQ(std::string(header.job, header.job_bytes), "ct-42");
    EXPECT_EQ(header.context_id, 11U);
    EXPECT_EQ(header.service_pid, 4711);
    EXPECT_EQ(header.instance[15], 7);
    ASSERT_EQ(header.device_count, 1U);
    EXPECT_STREQ(header.devices[0].name, "host");
    EXPECT_FALSE(client.reader.ended());
    table.writer.end();
    EXPECT_TRUE(client.reader.ended());
}

TEST(Attach, AcceptsAnUnchangedCopy) {
    NoSource source;
    EXPECT_NO_THROW(TableReader(changed_header([](TableHeader&) {}), source));
}

TEST(Attach, RefusesAnotherMagic) {
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.magic ^= 1; })), Errc::corrupt_input);
}

TEST(Attach, RefusesAnotherLayout) {
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.signature ^= 1; })), Errc::version_mismatch);
}

TEST(Attach, SaysVersionMismatchAlsoWhereTheOtherLayoutIsShorter) {
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.signature ^= 1; }, 64)), Errc::version_mismatch);
}

TEST(Attach, RefusesAnotherBoot) {
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.boot_id[3] ^= 1; })), Errc::incompatible_host);
}

TEST(Attach, RefusesShortFiles) {
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{15}, std::uint64_t{16},
                                      std::uint64_t{4096}, std::uint64_t{sizeof(TableHeader) - 1}}) {
        EXPECT_EQ(attach(changed_header([](TableHeader&) {}, bytes)), Errc::corrupt_input) << bytes;
    }
}

TEST(Attach, RefusesAFileThatCouldShrink) {
    EXPECT_EQ(attach(make_memfd("header", sizeof(TableHeader))), Errc::corrupt_input);
}

TEST(Attach, RefusesNumbersAndTextsOutOfRange) {
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.job_bytes = 256; })), Errc::corrupt_input);
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { header.device_count = 17; })), Errc::corrupt_input);
    EXPECT_EQ(attach(changed_header([](TableHeader& header) { std::memset(header.job, 'x', sizeof(header.job)); })),
              Errc::corrupt_input);
    EXPECT_EQ(attach(changed_header([](TableHeader& header) {
                  std::memset(header.devices[15].uuid, 'x', sizeof(header.devices[15].uuid));
              })),
              Errc::corrupt_input);
}

TEST(Attach, RefusesToMakeATableForTextsThatDoNotFit) {
    EXPECT_EQ(errc_of([] { TableWriter(test::identity(std::string(256, 'j')), {}); }), Errc::invalid_argument);
    EXPECT_NO_THROW(TableWriter(test::identity(std::string(255, 'j')), {}));
    TableIdentity many = test::identity();
    many.devices.resize(kMaxDevices + 1);
    EXPECT_EQ(errc_of([&] { TableWriter(many, {}); }), Errc::invalid_argument);
}

}  // namespace
}  // namespace fastio::table
