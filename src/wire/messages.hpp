#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "device/device_memory.hpp"
#include "wire/header.hpp"

/// The control protocol's messages: fixed-size little-endian structs over a SOCK_SEQPACKET Unix socket, one message a
/// packet. docs/protocol.md tells the conversation. A client sends on the *request* socket one message at a time and
/// reads one reply, except for the kinds marked one-way. The *event* socket, one end of a pair that the service makes
/// and sends with its reply to hello, carries what the service says unasked and the client's acknowledgements. The
/// *lifeline*, likewise, carries nothing: it ends when nobody has the client's end open any more.
namespace fastio::wire {

struct Failure {
    static constexpr Kind kKind = Kind::error;
    static constexpr std::uint32_t kMayPass = 1;  ///< a create that may succeed later: TableHeader::room rises then
    Header header{};
    std::int32_t code = 0;  ///< Errc
    std::uint32_t flags = 0;
    Text<1020> message{};
};
struct Ok {
    static constexpr Kind kKind = Kind::ok;
    Header header{};
};

struct Hello {
    static constexpr Kind kKind = Kind::hello;
    Header header{};
    std::uint32_t protocol_version = kProtocolVersion;
    std::uint32_t reserved = 0;
    std::uint64_t layout_signature = 0;
    std::uint8_t boot_id[16] = {};
    std::int64_t pid = 0;             ///< as the client sees itself
    std::uint64_t pid_namespace = 0;  ///< inode of /proc/self/ns/pid
    ShortText name{};                 ///< $FASTIO_STAGE, else the program's name
};
struct HelloReply {
    static constexpr Kind kKind = Kind::hello_reply;
    static constexpr std::size_t kDescriptors = 3;
    Header header{};
    std::uint32_t protocol_version = kProtocolVersion;
    std::uint32_t reserved = 0;
    std::uint64_t layout_signature = 0;
    std::uint8_t instance[16] = {};
    std::uint8_t boot_id[16] = {};
    std::int64_t pid = 0;  ///< of the service, as it sees itself
    std::uint64_t pid_namespace = 0;
    ShortText version{};
};

struct Join {
    static constexpr Kind kKind = Kind::join;
    static constexpr std::uint32_t kPersistent = 1;
    Header header{};
    NameText job{};
    ShortText device{};  ///< "auto", "host", "cuda:N" as the service numbers them, "cuda:UUID"
    std::uint64_t quota = 0;
    std::uint32_t flags = 0;
    std::uint32_t reserved = 0;
};
struct JoinReply {
    static constexpr Kind kKind = Kind::join_reply;
    Header header{};
    std::uint64_t session = 0;
    std::uint32_t default_device = 0;  ///< index into the table header's devices
    std::uint32_t granted_chunks = 0;
};
struct Bye {
    static constexpr Kind kKind = Kind::bye;
    Header header{};
};

struct Segment {
    static constexpr Kind kKind = Kind::segment;
    Header header{};
    std::uint32_t segment_kind = 0;
    std::uint32_t ordinal = 0;
};
struct SegmentReply {
    static constexpr Kind kKind = Kind::segment_reply;
    Header header{};
    std::uint64_t bytes = 0;
};
struct Slab {
    static constexpr Kind kKind = Kind::slab;
    Header header{};
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
};
struct SlabReply {
    static constexpr Kind kKind = Kind::slab_reply;
    Header header{};
    SlabHandle handle{};
    std::uint64_t bytes = 0;
    std::uint32_t device = 0;
    std::uint32_t reserved = 0;
};
struct GrantLeases {
    static constexpr Kind kKind = Kind::grant_leases;
    Header header{};
};
struct GrantReply {
    static constexpr Kind kKind = Kind::grant_reply;
    Header header{};
    std::uint32_t granted_chunks = 0;
    std::uint32_t reserved = 0;
};
/// For a client that uses CUDA streams: the fence words of its context (design P6), and some of them for itself.
struct GrantFences {
    static constexpr Kind kKind = Kind::grant_fences;
    static constexpr std::uint32_t kNoWords = 1;  ///< only the file, to see whether others' contents are complete
    Header header{};
    std::uint32_t flags = 0;
    std::uint32_t reserved = 0;
};
struct FencesReply {
    static constexpr Kind kKind = Kind::fences_reply;
    Header header{};
    std::uint32_t first_word = 0;  ///< index into the file
    std::uint32_t word_count = 0;  ///< 0: none are left, or none were asked for
};

struct Create {
    static constexpr Kind kKind = Kind::create;
    /// Refused at once where others must unmap slabs first: the client waits for room by itself.
    static constexpr std::uint32_t kWaitsItself = 1;
    Header header{};
    std::uint64_t size = 0;  ///< bytes as asked for; 0 (an empty array) takes the smallest block
    std::uint64_t alignment = 256;
    ShortText device{};  ///< empty: the session's
    std::uint32_t flags = 0;
    std::uint32_t reserved = 0;
};
struct CreateReply {
    static constexpr Kind kKind = Kind::create_reply;
    Header header{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint32_t slab = 0;
    std::uint32_t slab_generation = 0;
    std::uint64_t offset = 0;
    std::uint64_t capacity = 0;
    std::uint32_t device = 0;
    std::uint32_t reserved = 0;
};
struct AttributesPart {
    static constexpr Kind kKind = Kind::attributes;
    Header header{};
    std::uint32_t offset = 0;  ///< parts come in order, without gaps; offset 0 starts anew
    std::uint32_t bytes = 0;
    std::byte data[2048] = {};
};
inline constexpr std::uint32_t kNoLease = 0xffff'ffffU;
struct Publish {
    static constexpr Kind kKind = Kind::publish;
    static constexpr std::uint32_t kReplace = 1;
    Header header{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint32_t lease = kNoLease;  ///< the publisher's own lease entry on it, written before this is sent
    std::uint32_t flags = 0;
    NameText name{};
    std::uint8_t type_code = 0;
    std::uint8_t type_bits = 0;
    std::uint16_t type_lanes = 0;
    std::uint32_t rank = 0;
    std::int64_t extents[8] = {};
    std::uint32_t attribute_bytes = 0;  ///< sent before in AttributesPart
    std::uint32_t fence_word = 0;       ///< one of the publisher's
    std::uint64_t fence_value = 0;      ///< what the word will be when the contents are complete; 0: they are
    std::uint64_t time_to_live_ns = 0;  ///< after which the name goes; 0: it stays
};
struct PublishReply {
    static constexpr Kind kKind = Kind::publish_reply;
    Header header{};
    std::uint64_t version = 0;
};
struct Unpublish {
    static constexpr Kind kKind = Kind::unpublish;
    Header header{};
    NameText name{};
    std::uint64_t version = 0;  ///< 0: whichever there is
};
struct ReleaseHold {
    static constexpr Kind kKind = Kind::release_hold;
    Header header{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};
struct Free {
    static constexpr Kind kKind = Kind::free;
    /// The entry counts until it is cleared: work on the memory is still queued.
    static constexpr std::uint32_t kKeepLease = 1;
    Header header{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint32_t lease = kNoLease;  ///< the caller's entry, which the service no longer counts; kNoLease: its hold
    std::uint32_t flags = 0;
};
struct Nudge {
    static constexpr Kind kKind = Kind::nudge;
    Header header{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};

struct Copied {
    static constexpr Kind kKind = Kind::copied;
    Header header{};
    std::uint64_t bytes = 0;
};

struct Watch {
    static constexpr Kind kKind = Kind::watch;
    Header header{};
    std::uint32_t all_contexts = 0;  ///< 1: for Service
    std::uint32_t id = 0;            ///< chosen by the client; repeated in each event
    NameText prefix{};
};
struct Unwatch {
    static constexpr Kind kKind = Kind::unwatch;
    Header header{};
    std::uint32_t id = 0;
    std::uint32_t reserved = 0;
};

struct ContextStatsRequest {
    static constexpr Kind kKind = Kind::context_stats;
    Header header{};
};
struct ContextStatsReply {
    static constexpr Kind kKind = Kind::context_stats_reply;
    Header header{};
    std::uint64_t allocations = 0;
    std::uint64_t publications = 0;
    std::uint64_t leases = 0;
    std::uint64_t members = 0;
    std::uint64_t bytes_reserved = 0;
    std::uint64_t bytes_in_use = 0;
    std::uint64_t bytes_quarantined = 0;
    std::uint64_t largest_free_block = 0;
    std::uint64_t quota = 0;
};

struct TotalsRequest {
    static constexpr Kind kKind = Kind::totals;
    Header header{};
};
struct TotalsReply {
    static constexpr Kind kKind = Kind::totals_reply;
    Header header{};
    std::uint64_t sessions = 0;
    std::uint64_t contexts = 0;
    std::uint64_t allocations = 0;
    std::uint64_t leases = 0;
    std::uint64_t publications = 0;
    std::uint64_t bytes_reserved = 0;
    std::uint64_t bytes_in_use = 0;
    std::uint64_t bytes_quarantined = 0;
    std::uint64_t pool_max = 0;
    std::uint64_t requests = 0;
    std::uint64_t sessions_cut = 0;
    std::uint64_t rests = 0;  ///< of sessions that asked for much while others asked for little
};

/// Asks for the first row whose key is at least `cursor`; `job` selects where the rows are of one context.
template <Kind kind>
struct ListRequest {
    static constexpr Kind kKind = kind;
    Header header{};
    std::uint64_t cursor = 0;  ///< 0 for the first; then what the last row gave as `next`
    NameText job{};
    NameText after{};   ///< list_publications: rows come in order of names after this one; its `cursor` is unused
    NameText prefix{};  ///< list_publications: only names that start so
};
using ListContexts = ListRequest<Kind::list_contexts>;
using ListSessions = ListRequest<Kind::list_sessions>;
using ListAllocations = ListRequest<Kind::list_allocations>;
using ListPublications = ListRequest<Kind::list_publications>;
using ListOperators = ListRequest<Kind::list_operators>;  ///< of a job; in order of first join, ended ones included

/// Every row starts with these; `valid` 0 says that there are no more.
struct RowHead {
    std::uint32_t valid = 0;
    std::uint32_t reserved = 0;
    std::uint64_t next = 0;
};
struct ContextRow {
    static constexpr Kind kKind = Kind::context_row;
    Header header{};
    RowHead row{};
    NameText job{};
    std::uint32_t uid = 0;
    std::uint32_t persistent = 0;
    std::uint64_t members = 0;
    std::uint64_t allocations = 0;
    std::uint64_t leases = 0;
    std::uint64_t publications = 0;
    std::uint64_t bytes_reserved = 0;
    std::uint64_t bytes_in_use = 0;
    std::uint64_t bytes_quarantined = 0;
    std::uint64_t quota = 0;
    std::uint64_t age_ns = 0;
};
struct SessionRow {
    static constexpr Kind kKind = Kind::session_row;
    Header header{};
    RowHead row{};
    std::uint64_t id = 0;
    NameText job{};
    ShortText name{};
    std::int64_t pid = 0;
    std::uint32_t uid = 0;
    std::uint32_t quarantined = 0;
    Text<252> reason{};
    std::uint64_t lifeline_inode = 0;  ///< of the client's end, for finding who holds it
    std::uint64_t leases = 0;
    std::uint64_t holds = 0;
    std::uint64_t bytes_held = 0;
    std::uint64_t age_ns = 0;
};
struct AllocationRow {
    static constexpr Kind kKind = Kind::allocation_row;
    static constexpr std::size_t kMaxHolders = 64;
    static constexpr std::size_t kMaxNames = 8;
    Header header{};
    RowHead row{};
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint64_t size = 0;
    ShortText device{};
    std::uint32_t state = 0;         ///< AllocationState
    std::uint32_t holder_count = 0;  ///< in all; the first kMaxHolders follow
    std::uint32_t name_count = 0;    ///< in all; the first kMaxNames follow
    std::uint32_t contents = 0;      ///< Contents; pending where those of one name are
    std::uint64_t holders[kMaxHolders] = {};
    NameText names[kMaxNames]{};
};
struct PublicationRow {
    static constexpr Kind kKind = Kind::publication_row;
    Header header{};
    RowHead row{};
    NameText name{};
    std::uint64_t version = 0;
    std::uint8_t type_code = 0;
    std::uint8_t type_bits = 0;
    std::uint16_t type_lanes = 0;
    std::uint32_t rank = 0;
    std::int64_t extents[8] = {};
    std::uint64_t size = 0;
    ShortText device{};
    Text<124> publisher{};
    std::uint64_t age_ns = 0;
    std::uint64_t time_to_live_ns = 0;  ///< 0: it stays
    std::uint32_t contents = 0;         ///< Contents
    std::uint32_t reserved = 0;
};
/// All sessions of one name in one context, summed since the context began.
struct OperatorRow {
    static constexpr Kind kKind = Kind::operator_row;
    Header header{};
    RowHead row{};
    ShortText name{};
    std::uint64_t sessions = 0;
    std::uint64_t bytes_published = 0;
    std::uint64_t bytes_copied = 0;  ///< as the clients report it
};
struct AdminUnpublish {
    static constexpr Kind kKind = Kind::admin_unpublish;
    Header header{};
    NameText job{};
    NameText name{};
};
struct EndContext {
    static constexpr Kind kKind = Kind::end_context;
    Header header{};
    NameText job{};
};

/// For all of the client's watches that it concerns: what one client costs does not grow with their number.
struct Event {
    static constexpr Kind kKind = Kind::event;
    static constexpr std::size_t kMaxWatches = 64;
    Header header{};
    std::uint32_t type = 0;  ///< WatchEvent::Kind
    std::uint32_t watch_count = 0;
    std::uint64_t version = 0;
    NameText job{};
    NameText name{};
    std::uint32_t watches[kMaxWatches] = {};  ///< the ids of watch_count watches
};
struct EventsLost {
    static constexpr Kind kKind = Kind::events_lost;
    Header header{};
};
struct SlabClosing {
    static constexpr Kind kKind = Kind::slab_closing;
    Header header{};
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
};
struct SlabClosed {
    static constexpr Kind kKind = Kind::slab_closed;
    Header header{};
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
};
struct ContextEnded {
    static constexpr Kind kKind = Kind::context_ended;
    Header header{};
    std::int32_t reason = 0;  ///< Errc: context_closed, or device_unavailable when the context's GPU was lost
    std::uint32_t reserved = 0;
};

/// No implicit padding: its bytes would be whatever lay on the sender's stack.
template <class Message>
concept WireMessage = std::has_unique_object_representations_v<Message> && std::is_trivially_copyable_v<Message> &&
                          std::is_standard_layout_v<Message> && sizeof(Message) <= kMaxMessageBytes
                      && sizeof(Message) % 8 == 0 && requires {
    { Message::kKind } -> std::convertible_to<Kind>;
};

}  // namespace fastio::wire
