#include <gtest/gtest.h>

#include <cstddef>

#include "wire/messages.hpp"

// What other builds and docs/protocol.md rely on. Whoever has to change a number here changes the protocol: raise
// kProtocolVersion with it.

namespace fastio::test {
namespace {

using namespace wire;

TEST(ProtocolLayout, VersionAndLimits) {
    EXPECT_EQ(kProtocolVersion, 6U);
    EXPECT_EQ(kMagic, 0x4f49'5346U);
    EXPECT_EQ(kMaxMessageBytes, 4096U);
    EXPECT_EQ(kMaxDescriptors, 3U);
    EXPECT_EQ(kNoLease, 0xffff'ffffU);
}

TEST(ProtocolLayout, Header) {
    EXPECT_EQ(sizeof(Header), 16U);
    EXPECT_EQ(offsetof(Header, magic), 0U);
    EXPECT_EQ(offsetof(Header, kind), 4U);
    EXPECT_EQ(offsetof(Header, bytes), 6U);
    EXPECT_EQ(offsetof(Header, request), 8U);
}

TEST(ProtocolLayout, Texts) {
    EXPECT_EQ(sizeof(NameText), 264U);
    EXPECT_EQ(sizeof(ShortText), 64U);
    EXPECT_EQ(offsetof(NameText, data), 4U);
}

TEST(ProtocolLayout, FirstMessages) {
    EXPECT_EQ(sizeof(Failure), 1048U);
    EXPECT_EQ(offsetof(Failure, code), 16U);
    EXPECT_EQ(offsetof(Failure, message), 24U);
    EXPECT_EQ(sizeof(Ok), 16U);

    // hello and its reply must stay readable for every version, so that a mismatch can be told.
    EXPECT_EQ(sizeof(Hello), 128U);
    EXPECT_EQ(offsetof(Hello, protocol_version), 16U);
    EXPECT_EQ(offsetof(Hello, layout_signature), 24U);
    EXPECT_EQ(offsetof(Hello, boot_id), 32U);
    EXPECT_EQ(offsetof(Hello, pid), 48U);
    EXPECT_EQ(offsetof(Hello, pid_namespace), 56U);
    EXPECT_EQ(offsetof(Hello, name), 64U);
    EXPECT_EQ(sizeof(HelloReply), 144U);
    EXPECT_EQ(offsetof(HelloReply, protocol_version), 16U);
    EXPECT_EQ(offsetof(HelloReply, layout_signature), 24U);
    EXPECT_EQ(offsetof(HelloReply, instance), 32U);
    EXPECT_EQ(offsetof(HelloReply, boot_id), 48U);
    EXPECT_EQ(offsetof(HelloReply, version), 80U);

    EXPECT_EQ(sizeof(Join), 360U);
    EXPECT_EQ(offsetof(Join, device), 280U);
    EXPECT_EQ(offsetof(Join, quota), 344U);
    EXPECT_EQ(sizeof(JoinReply), 32U);
    EXPECT_EQ(offsetof(JoinReply, default_device), 24U);
    EXPECT_EQ(offsetof(JoinReply, granted_chunks), 28U);
}

TEST(ProtocolLayout, MemoryMessages) {
    EXPECT_EQ(sizeof(SegmentReply), 24U);
    EXPECT_EQ(sizeof(SlabReply), 176U);
    EXPECT_EQ(offsetof(SlabReply, handle), 16U);
    EXPECT_EQ(offsetof(SlabReply, bytes), 160U);
    EXPECT_EQ(sizeof(FencesReply), 24U);
    EXPECT_EQ(sizeof(Create), 104U);
    EXPECT_EQ(offsetof(Create, alignment), 24U);
    EXPECT_EQ(offsetof(Create, device), 32U);
    EXPECT_EQ(sizeof(CreateReply), 56U);
    EXPECT_EQ(offsetof(CreateReply, offset), 32U);
    EXPECT_EQ(offsetof(CreateReply, device), 48U);
    EXPECT_EQ(sizeof(Publish), 392U);
    EXPECT_EQ(offsetof(Publish, lease), 24U);
    EXPECT_EQ(offsetof(Publish, name), 32U);
    EXPECT_EQ(offsetof(Publish, type_code), 296U);
    EXPECT_EQ(offsetof(Publish, extents), 304U);
    EXPECT_EQ(offsetof(Publish, attribute_bytes), 368U);
    EXPECT_EQ(offsetof(Publish, fence_value), 376U);
    EXPECT_EQ(offsetof(Publish, time_to_live_ns), 384U);
    EXPECT_EQ(sizeof(AttributesPart), 2072U);
    EXPECT_EQ(sizeof(Unpublish), 288U);
    EXPECT_EQ(offsetof(Unpublish, version), 280U);
    EXPECT_EQ(sizeof(Free), 32U);
    EXPECT_EQ(offsetof(Free, lease), 24U);
    EXPECT_EQ(offsetof(Free, flags), 28U);
    EXPECT_EQ(sizeof(Nudge), 24U);
}

TEST(ProtocolLayout, RowsAndEvents) {
    EXPECT_EQ(sizeof(ListContexts), 816U);
    EXPECT_EQ(sizeof(RowHead), 16U);
    EXPECT_EQ(offsetof(ContextRow, row), 16U);
    EXPECT_EQ(offsetof(SessionRow, row), 16U);
    EXPECT_EQ(offsetof(AllocationRow, row), 16U);
    EXPECT_EQ(offsetof(PublicationRow, row), 16U);
    EXPECT_EQ(offsetof(OperatorRow, row), 16U);
    EXPECT_EQ(sizeof(Event), 816U);
    EXPECT_EQ(offsetof(Event, version), 24U);
    EXPECT_EQ(offsetof(Event, job), 32U);
    EXPECT_EQ(offsetof(Event, name), 296U);
    EXPECT_EQ(offsetof(Event, watches), 560U);
    EXPECT_EQ(sizeof(SlabClosing), 24U);
    EXPECT_EQ(sizeof(ContextEnded), 24U);
}

TEST(ProtocolLayout, KindsKeepTheirNumbers) {
    EXPECT_EQ(static_cast<int>(Kind::error), 1);
    EXPECT_EQ(static_cast<int>(Kind::hello), 10);
    EXPECT_EQ(static_cast<int>(Kind::join), 12);
    EXPECT_EQ(static_cast<int>(Kind::slab), 22);
    EXPECT_EQ(static_cast<int>(Kind::grant_fences), 26);
    EXPECT_EQ(static_cast<int>(Kind::create), 30);
    EXPECT_EQ(static_cast<int>(Kind::publish), 33);
    EXPECT_EQ(static_cast<int>(Kind::free), 37);
    EXPECT_EQ(static_cast<int>(Kind::watch), 40);
    EXPECT_EQ(static_cast<int>(Kind::totals), 60);
    EXPECT_EQ(static_cast<int>(Kind::event), 80);
    EXPECT_EQ(static_cast<int>(Kind::slab_closed), 90);
}

}  // namespace
}  // namespace fastio::test
