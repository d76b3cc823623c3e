#include "kernels/checksum.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string_view>
#include <vector>

#include "kernels/checksum_terms.hpp"
#include "support/errors.hpp"

namespace fastio::gpu {
namespace {

using test::errc_of;

std::uint64_t checksum_of(std::string_view text) {
    return checksum_on_host(text.data(), text.size());
}

std::vector<unsigned char> random_bytes(std::size_t size, std::uint32_t seed) {
    std::vector<unsigned char> bytes(size);
    std::mt19937 random(seed);
    for (unsigned char& byte : bytes) {
        byte = static_cast<unsigned char>(random());
    }
    return bytes;
}

// Computed from the definition in checksum.hpp by a program of its own, in Python.
TEST(Checksum, GivesTheNumbersOfItsDefinition) {
    EXPECT_EQ(checksum_of(""), 0U);
    EXPECT_EQ(checksum_of(std::string_view("\0", 1)), 0x38b2be568b28d394U);
    EXPECT_EQ(checksum_of("a"), 0xa5efbf958775a396U);
    EXPECT_EQ(checksum_of("fastio"), 0x87c695cf7bbf2471U);
    EXPECT_EQ(checksum_of("01234567"), 0x9c748d92f2b58f73U);
    EXPECT_EQ(checksum_of("0123456789"), 0x639d3ba77a78d1d9U);
    std::vector<unsigned char> bytes(100'000);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<unsigned char>(i % 251);
    }
    EXPECT_EQ(checksum_on_host(bytes.data(), bytes.size()), 0x505f33210c98e185U);
}

TEST(Checksum, DoesNotDependOnTheAddress) {
    const std::vector<unsigned char> bytes = random_bytes(1003, 1);
    const std::uint64_t expected = checksum_on_host(bytes.data(), bytes.size());
    for (std::size_t offset = 0; offset < 16; ++offset) {
        std::vector<unsigned char> moved(offset + bytes.size() + 8, 0xee);
        std::copy(bytes.begin(), bytes.end(), moved.begin() + static_cast<std::ptrdiff_t>(offset));
        EXPECT_EQ(checksum_on_host(moved.data() + offset, bytes.size()), expected) << offset;
    }
}

TEST(Checksum, ChangesWithEveryBitAndWithTheLength) {
    std::vector<unsigned char> bytes = random_bytes(37, 2);
    std::set<std::uint64_t> seen;
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        EXPECT_TRUE(seen.insert(checksum_on_host(bytes.data(), length)).second) << length;
    }
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
        bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1U << bit % 8);
        EXPECT_TRUE(seen.insert(checksum_on_host(bytes.data(), bytes.size())).second) << bit;
        bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ 1U << bit % 8);
    }
}

TEST(Checksum, TellsZerosAtTheEndAndSwappedWords) {
    const std::vector<unsigned char> zeros(64);
    std::set<std::uint64_t> seen;
    for (std::size_t length = 0; length <= zeros.size(); ++length) {
        EXPECT_TRUE(seen.insert(checksum_on_host(zeros.data(), length)).second) << length;
    }
    EXPECT_NE(checksum_of("firstwrdsecondwd"), checksum_of("secondwdfirstwrd"));
}

TEST(Checksum, IsTheSameInWhateverOrderTermsAreAdded) {
    const std::vector<unsigned char> bytes = random_bytes(999, 3);
    const ChecksumTerms terms(bytes.data(), bytes.size());
    std::uint64_t backwards = 0;
    for (std::uint64_t i = terms.count(); i-- > 0;) {
        backwards += terms(i);
    }
    EXPECT_EQ(backwards, checksum_on_host(bytes.data(), bytes.size()));
}

TEST(Checksum, RefusesBytesAtNoAddress) {
    EXPECT_EQ(checksum_on_host(nullptr, 0), 0U);
    EXPECT_EQ(errc_of([] { static_cast<void>(checksum_on_host(nullptr, 1)); }), Errc::invalid_argument);
}

TEST(Checksum, RefusesAResultThatIsNotAWord) {
    alignas(8) unsigned char memory[16]{};
    EXPECT_EQ(errc_of([&] { checksum(memory, 8, nullptr); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { checksum(memory, 8, reinterpret_cast<std::uint64_t*>(memory + 4)); }),
              Errc::invalid_argument);
}

}  // namespace
}  // namespace fastio::gpu
