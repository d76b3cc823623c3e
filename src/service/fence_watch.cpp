#include "service/fence_watch.hpp"

#include "core/fail.hpp"

namespace fastio::service {
namespace {

// How often entries are looked for that are cleared without a word, such as those that streams clear (design P4).
constexpr std::chrono::milliseconds kStreamScan{50};

}  // namespace

void FenceWatch::grant(Session& session, const wire::GrantFences& message) {
    if ((message.flags & ~wire::GrantFences::kNoWords) != 0) {
        fail(Errc::invalid_argument, "fence words were asked for with flags {:#x}: at most {:#x} are known",
             message.flags, wire::GrantFences::kNoWords);
    }
    Fences& fences = session.context->fences();
    const std::optional<std::uint32_t> first = message.flags == 0 ? fences.grant(session.id) : std::nullopt;
    wire::FencesReply reply{};
    reply.first_word = first.value_or(0);
    reply.word_count = first ? table::kFencesPerChunk : 0;
    const int file = fences.file();
    registry_.reply(session, message.header.request, reply, {&file, 1});
}

void FenceWatch::rearm(Context& context) {
    if (context.fence_limit) {
        return;  // it looks for the oldest when it is due
    }
    if (const auto oldest = context.fences().oldest()) {
        context.fence_limit = registry_.timers.add_at(*oldest + registry_.options.fence_limit,
                                                      {Timers::Purpose::fence_limit, context.id()});
    }
}

void FenceWatch::on_limit(Context& context) {
    context.fence_limit.reset();
    context.touch();  // where this fails, tidying has it done again
    const auto now = Fences::Clock::now();
    const std::vector<Fences::Lost> lost = context.fences().expire(now - registry_.options.fence_limit);
    registry_.troubles.fence_limit += lost.size();
    report(context, lost,
           fmt::format("not completed within the fence limit of {} ms", registry_.options.fence_limit.count()));
    rearm(context);
}

void FenceWatch::producer_died(const Session& session) {
    const std::vector<Fences::Lost> lost = session.context->fences().poison(session.id);
    registry_.troubles.producer_ended += lost.size();
    report(*session.context, lost, "its producer ended before");
}

void FenceWatch::producer_gone(const Session& session) {
    session.context->fences().finish(session.id, session.end == Session::End::bye);
}

void FenceWatch::service_ends(Context& context) noexcept {
    try {
        report(context, context.fences().expire(Fences::Clock::time_point::max()), "the service ends before");
    } catch (const std::bad_alloc&) {
        return;
    }
}

void FenceWatch::follow_streams(Context& context) {
    if (context.waits_for_entries()) {
        scan_later(context, kStreamScan);
    }
}

void FenceWatch::scan_later(Context& context, std::chrono::nanoseconds delay) {
    if (!context.stream_scan) {
        context.stream_scan = registry_.timers.add(delay, {Timers::Purpose::stream_scan, context.id()});
    }
}

void FenceWatch::on_streams(Context& context) {
    context.stream_scan.reset();
    context.touch();
}

void FenceWatch::report(const Context& context, const std::vector<Fences::Lost>& lost, std::string_view why) {
    LineBudget& lines = registry_.lines_of(context.uid());
    for (const Fences::Lost& publication : lost) {
        registry_.warn(lines,
                       "'{}' of '{}', published by session {}, is incomplete for good: {}; consumers get producer_lost",
                       publication.name, context.job(), publication.session, why);
    }
}

}  // namespace fastio::service
