#pragma once

#include <gtest/gtest.h>

#include "wire/messages.hpp"

namespace fastio::test {

/// Every message of the protocol, for typed tests.
using AllMessages =
    testing::Types<wire::Failure, wire::Ok, wire::Hello, wire::HelloReply, wire::Join, wire::JoinReply, wire::Bye,
                   wire::Segment, wire::SegmentReply, wire::Slab, wire::SlabReply, wire::GrantLeases, wire::GrantReply,
                   wire::Create, wire::CreateReply, wire::AttributesPart, wire::Publish, wire::PublishReply,
                   wire::Unpublish, wire::ReleaseHold, wire::Free, wire::Nudge, wire::Copied, wire::Watch,
                   wire::Unwatch, wire::ContextStatsRequest, wire::ContextStatsReply, wire::TotalsRequest,
                   wire::TotalsReply, wire::ListContexts, wire::ListSessions, wire::ListAllocations,
                   wire::ListPublications, wire::ListOperators, wire::ContextRow, wire::SessionRow, wire::AllocationRow,
                   wire::PublicationRow, wire::OperatorRow, wire::AdminUnpublish, wire::EndContext, wire::Event,
                   wire::EventsLost, wire::SlabClosing, wire::SlabClosed, wire::ContextEnded>;

}  // namespace fastio::test
