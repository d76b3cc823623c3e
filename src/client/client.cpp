#include "client/client.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "client/watch_events.hpp"
#include "core/fail.hpp"
#include "core/names.hpp"

namespace fastio::detail {
namespace {

std::string value_or_variable(const std::string& given, const char* variable, const char* otherwise) {
    if (!given.empty()) {
        return given;
    }
    const char* const value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string checked_job(const ContextOptions& options) {
    std::string job = value_or_variable(options.job, "FASTIO_JOB", "default");
    check_name(job, "job");
    return job;
}

std::string device_wanted(const ContextOptions& options) {
    return value_or_variable(options.device, "FASTIO_DEVICE", "auto");
}

}  // namespace

std::shared_ptr<Client> Client::join(const ContextOptions& options) {
    static_cast<void>(checked_job(options));
    if (!options.name.empty()) {
        check_name(options.name, "operator name");
    }
    if (options.request_timeout <= std::chrono::nanoseconds::zero()) {
        fail(Errc::invalid_argument, "joining was given a request_timeout of {} ns: give more than 0, or forever",
             options.request_timeout.count());
    }
    check_device_available(device_wanted(options));
    std::unique_ptr<wire::EmbeddedService> embedded;
    if (options.embedded) {
        embedded = start_service(options.socket, device_wanted(options));
    }
    const auto join_as = [&](const ContextOptions& wanted) {
        return std::shared_ptr<Client>(new Client(wanted, std::move(embedded)),
                                       [](Client* client) { client->leave(); });
    };
    if (options.embedded || device_wanted(options) != "auto") {
        return join_as(options);
    }
    // What the service serves is known only to its members. A context that this process cannot use is not to stay.
    ContextOptions passing = options;
    passing.persistent = false;
    std::shared_ptr<Client> joined = join_as(passing);
    ContextOptions lasting = options;
    if (const std::string uuid = joined->devices_.seen_instead(); !uuid.empty()) {
        lasting.device = "cuda:" + uuid;
    } else if (!options.persistent) {
        return joined;
    }
    return join_as(lasting);  // before `joined` leaves, so that it is the same context
}

void Client::end_unless_forked() noexcept {
    if (!liveness().forked()) {
        delete this;
    }
}

Client::Client(const ContextOptions& options, std::unique_ptr<wire::EmbeddedService> embedded)
    : embedded_(std::move(embedded)),
      job_(checked_job(options)),
      connection_(embedded_ ? embedded_->socket() : wire::default_socket_path(options.socket), options.connect_timeout,
                  {.timeout = options.request_timeout, .give_up = options.give_up}, options.name),
      joined_(send_join(options)),
      reader_(std::move(joined_.header), *this),
      devices_(reader_.header(), joined_.reply.default_device),
      device_(devices_.name(joined_.reply.default_device)),
      leases_(std::move(joined_.leases), joined_.reply.granted_chunks),
      stream_words_(connection_, leases_, reader_.header().instance, reader_.header().context_id),
      slabs_(connection_, devices_, stream_words_),
      fork_registration_([this] {
          stream_words_.abandon();
          leases_.abandon();
      }),
      listener_(connection_, *this) {}

Client::~Client() {
    // In this order: a stream that a thread waits for may itself wait for words that the helper thread completes when
    // the service dies, so that one ends last.
    janitor_.stop();
    // Bye says that nothing of this client runs any more. Where nobody knows, the session ends with the process.
    if (!devices_.synchronise() || janitor_.left_over()) {
        connection_.leave_without_bye();
    }
}

Client::Joined Client::send_join(const ContextOptions& options) {
    wire::Join join;
    wire::set_text(join.job, job_);
    wire::set_text(join.device, device_for_service(device_wanted(options)));
    join.quota = options.quota;
    join.flags = options.persistent ? wire::Join::kPersistent : 0;
    Connection::Turn turn(connection_, "joining the job's context", connection_.join_deadline());
    Joined joined;
    joined.reply = turn.call<wire::JoinReply>(join);
    connection_.set_joined();
    joined.header = turn.take_descriptor(0);
    joined.leases = turn.take_descriptor(1);
    return joined;
}

void Client::check_open(std::string_view call) {
    liveness().check(call);
    if (const table::ContextState state = reader_.context_state(); state != table::ContextState::open) {
        end(state == table::ContextState::device_lost ? Ending::device_lost : Ending::ended);
        liveness().check(call);
    }
}

std::uint32_t Client::claim_lease(table::AllocationRef allocation) {
    MoreLeases more(*this);
    for (;;) {
        const std::uint32_t chunks = leases_.granted_chunks();
        if (const auto entry = leases_.claim(allocation)) {
            return *entry;
        }
        more.get(chunks);
    }
}

bool Client::finish_releases() noexcept {
    if (!devices_.any_has_streams()) {
        return false;
    }
    if (leases_.any_left_to_stream()) {
        static_cast<void>(devices_.synchronise());
    }
    janitor_.catch_up();
    return true;
}

void Client::grant_leases(std::uint32_t seen) {
    const auto lock = connection_.lock(granting_, "asking for more lease entries");
    if (leases_.granted_chunks() > seen) {
        return;  // another thread asked
    }
    wire::GrantLeases request;
    const auto reply = connection_.call<wire::GrantReply>(request, "asking for more lease entries");
    if (reply.granted_chunks <= seen) {
        fail(Errc::lease_limit,
             "this client holds all of its {} leases: release Allocations, or raise fastiod's --max-leases",
             std::uint64_t{seen} * table::kLeasesPerChunk);
    }
    leases_.grant(reply.granted_chunks);
    if (leases_.granted_chunks() <= seen) {
        fail(Errc::protocol_error, "the service grants {} chunks of leases, more than its file has: restart the job",
             reply.granted_chunks);
    }
}

void Client::nudge(table::AllocationRef allocation) noexcept {
    wire::Nudge message;
    message.slot = allocation.slot;
    message.generation = allocation.generation;
    connection_.post(message);
}

void Client::end(Ending why) noexcept {
    if (liveness().forked()) {
        return;
    }
    liveness().end(why);
    watches_.end_all(why);
}

Descriptor Client::fetch(table::SegmentKind kind, std::uint32_t ordinal) {
    wire::Segment request;
    request.segment_kind = static_cast<std::uint32_t>(kind);
    request.ordinal = ordinal;
    Connection::Turn turn(connection_, "mapping a segment of the table");
    static_cast<void>(turn.call<wire::SegmentReply>(request));
    return turn.take_descriptor(0);
}

void Client::unwatch(std::uint32_t id) noexcept {
    watches_.remove(id);
    unwatch_at(connection_, id);
}

bool Client::slab_closing(table::SlabRef slab) noexcept {
    if (!slabs_.closes_at_once(slab)) {
        janitor_.close_slab(slab);
        return false;
    }
    slabs_.close(slab);
    return true;
}

void Client::close_and_acknowledge(table::SlabRef slab) noexcept {
    slabs_.close(slab);
    listener_.acknowledge(slab);
}

void Client::event(const wire::Event& event) noexcept {
    push_event(watches_, event);
}

void Client::events_lost() noexcept {
    watches_.lose_all();
}

void Client::context_ended(Errc reason) noexcept {
    end(reason == Errc::device_unavailable ? Ending::device_lost : Ending::ended);
}

void Client::session_lost() noexcept {
    end(Ending::lost);
    connection_.shut_down();
}

void Client::service_lost() noexcept {
    stream_words_.complete_waits();  // nobody else will; as long as it lives the words are the service's
}

}  // namespace fastio::detail
