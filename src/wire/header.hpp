#pragma once

#include <cstddef>
#include <cstdint>

/// What every message of the control protocol begins with, and the texts in them.
namespace fastio::wire {

inline constexpr std::uint32_t kProtocolVersion = 6;
inline constexpr std::uint32_t kMagic = 0x4f49'5346;  // "FSIO"
inline constexpr std::size_t kMaxMessageBytes = 4096;
inline constexpr std::size_t kMaxDescriptors = 3;  ///< in flight to a client, and per message

enum class Kind : std::uint16_t {
    error = 1,         ///< reply: Failure
    ok = 2,            ///< reply: Ok
    hello = 10,        ///< first message of every connection
    hello_reply = 11,  ///< fds: the service's pidfd, the client's ends of the event socket and of the lifeline
    join = 12,
    join_reply = 13,  ///< fds: the table's header segment, the lease file
    bye = 14,         ///< reply ok; the client has synchronised and its leases count no more

    segment = 20,
    segment_reply = 21,  ///< fds: the segment
    slab = 22,
    slab_reply = 23,  ///< fds: the slab's file for HandleKind::memfd
    grant_leases = 24,
    grant_reply = 25,
    grant_fences = 26,
    fences_reply = 27,  ///< fds: the context's fence file

    create = 30,
    create_reply = 31,
    attributes = 32,  ///< one-way, before the publish that they belong to
    publish = 33,
    publish_reply = 34,
    unpublish = 35,     ///< reply ok
    release_hold = 36,  ///< one-way: a created allocation that was never published is not wanted any more
    free = 37,          ///< reply ok
    nudge = 38,         ///< one-way: a lease of a retired allocation was dropped
    copied = 39,        ///< one-way: bytes were moved through the seam's copy to serve a get

    watch = 40,    ///< reply ok; events follow on the event socket
    unwatch = 41,  ///< one-way

    context_stats = 50,
    context_stats_reply = 51,

    // For Service: need hello, not join.
    totals = 60,
    totals_reply = 61,
    list_contexts = 62,  ///< replies carry one row and the cursor of the next
    context_row = 63,
    list_sessions = 64,
    session_row = 65,
    list_allocations = 66,
    allocation_row = 67,
    list_publications = 68,
    publication_row = 69,
    admin_unpublish = 70,  ///< reply ok
    end_context = 71,      ///< reply ok
    list_operators = 72,
    operator_row = 73,

    // Event socket, service to client.
    event = 80,
    events_lost = 81,
    slab_closing = 82,
    context_ended = 83,
    // Event socket, client to service.
    slab_closed = 90,
};

struct Header {
    std::uint32_t magic = kMagic;
    Kind kind = Kind::error;
    std::uint16_t bytes = 0;    ///< of the whole message
    std::uint64_t request = 0;  ///< chosen by the client, repeated in the reply
};
static_assert(sizeof(Header) == 16);

/// A string with its length, in a fixed field. Bytes after `bytes` are zero.
template <std::size_t Capacity>
struct Text {
    std::uint32_t bytes = 0;
    char data[Capacity] = {};
};
using NameText = Text<260>;  ///< a publication name, a prefix or a job: up to 255 bytes, and 5 that make it 264
using ShortText = Text<60>;  ///< a device, an operator

}  // namespace fastio::wire
