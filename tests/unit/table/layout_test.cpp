#include "table/layout.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fastio::table {
namespace {

TEST(IndexWord, PacksAndUnpacksItsExtremes) {
    for (const IndexWord word : {IndexWord{0, 0, 1}, IndexWord{0xffff, kMaxPublications - 1, IndexWord::kMaxGeneration},
                                 IndexWord{0x8001, 77, 5}}) {
        EXPECT_EQ(IndexWord::unpack(word.pack()), word);
    }
}

TEST(IndexWord, IsNeitherEmptyNorTombstoneWhateverItHolds) {
    EXPECT_GT((IndexWord{0, 0, 1}.pack()), IndexWord::kTombstone);
    EXPECT_GT((IndexWord{0, 0, IndexWord::kMaxGeneration}.pack()), IndexWord::kTombstone);
}

TEST(IndexState, KeepsEpochAndOrdinalApart) {
    const IndexState state = IndexState::unpack(IndexState{0xffff'fffe, 63}.pack());
    EXPECT_EQ(state.epoch, 0xffff'fffeU);
    EXPECT_EQ(state.ordinal, 63U);
}

TEST(LayoutSignature, IsTheSameEachTimeAndNotTrivial) {
    EXPECT_EQ(layout_signature(), layout_signature());
    EXPECT_NE(layout_signature(), 0U);
    EXPECT_NE(layout_signature(), kMagic);
}

TEST(HashName, SpreadsNamesOverBucketsAndFingerprints) {
    std::set<std::uint64_t> buckets;
    std::set<std::uint64_t> fingerprints;
    for (int i = 0; i < 4096; ++i) {
        const std::string name = "frame/" + std::to_string(i);
        const std::uint64_t hash = hash_name(name.data(), name.size());
        buckets.insert(hash % kBuckets);
        fingerprints.insert(hash >> 48);
    }
    EXPECT_EQ(buckets.size(), kBuckets);
    EXPECT_GT(fingerprints.size(), 3800U);
}

TEST(HashName, DependsOnEveryByte) {
    const std::string name(255, 'x');
    for (std::size_t i = 0; i < name.size(); ++i) {
        std::string other = name;
        other[i] = 'y';
        EXPECT_NE(hash_name(name.data(), name.size()), hash_name(other.data(), other.size())) << "byte " << i;
    }
}

}  // namespace
}  // namespace fastio::table
