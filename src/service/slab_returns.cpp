#include "service/slab_returns.hpp"

#include <algorithm>
#include <list>
#include <utility>

namespace fastio::service {
namespace {

// Empty slabs of a context that never go while it lives.
constexpr std::size_t kKept = 1;

}  // namespace

void SlabReturns::trim(Context& context) {
    release_unmapped(context);
    std::vector<SlabPool>& pools = context.pools();
    if (context.ended() || registry_.options.trim_after.count() == 0) {
        for (std::uint32_t device = 0; device < pools.size(); ++device) {
            close_empty(context, device, context.ended() ? 0 : kKept);
        }
        return;
    }
    const auto has_many = [](const SlabPool& pool) { return pool.empty_count() > kKept; };
    if (!context.trim && std::any_of(pools.begin(), pools.end(), has_many)) {
        for (SlabPool& pool : pools) {
            pool.restart_least_empty();
        }
        context.trim = registry_.timers.add(registry_.options.trim_after, {Timers::Purpose::trim, context.id()});
    }
}

void SlabReturns::on_trim(Context& context) {
    context.trim.reset();
    context.touch();  // where this fails, tidying looks again
    for (std::uint32_t device = 0; device < context.pools().size(); ++device) {
        SlabPool& pool = context.pools()[device];
        const std::size_t unneeded = pool.least_empty();
        pool.restart_least_empty();
        if (unneeded > kKept) {
            close_empty(context, device, pool.empty_count() - (unneeded - kKept));
        }
    }
    trim(context);
}

void SlabReturns::close_all_empty(std::uint32_t device) {
    for (const auto& [id, context] : registry_.contexts) {
        close_empty(*context, device, 0);
    }
}

void SlabReturns::close_empty(Context& context, std::uint32_t device, std::size_t keep) {
    SlabPool& pool = context.pools()[device];
    if (keep == 0) {
        pool.let_go();
    }
    // All that needs memory comes first: a slab that was taken out of the pool has a place, and everybody can be told.
    std::list<ClosingSlab> places(pool.empty_count() - std::min(pool.empty_count(), keep));
    for (ClosingSlab& place : places) {
        for (const auto& [id, member] : context.members()) {
            place.waiting.insert(id);
        }
    }
    for (const auto& [id, member] : context.members()) {
        member->events.make_room_for_closing(places.size());
    }
    for (SlabPool::Slab& slab : pool.take_empty(keep)) {
        context.writer().remove_slab(slab.ref);
        context.moving_bytes += slab.memory.bytes;
        ClosingSlab& place = places.front();
        place.ref = slab.ref;
        place.memory = std::move(slab.memory);
        place.device = device;
        context.closing.splice(context.closing.end(), places, places.begin());
        for (const auto& [id, member] : context.members()) {
            if (member->connected()) {
                member->events.tell_slab_closing(slab.ref, registry_.poller);
            }
        }
    }
    release_unmapped(context);
}

void SlabReturns::release_unmapped(Context& context) {
    for (auto slab = context.closing.begin(); slab != context.closing.end();) {
        if (!slab->waiting.empty()) {
            ++slab;
            continue;
        }
        begin_release(context, slab->device, std::move(slab->memory));
        slab = context.closing.erase(slab);
    }
}

void SlabReturns::begin_release(Context& context, std::uint32_t device, OwnedSlab&& slab) {
    Device& of_slab = registry_.devices[device];
    const std::uint64_t bytes = slab.bytes;
    of_slab.worker->release(context.id(), std::move(slab));
    of_slab.releasing += bytes;
    ++context.releasing;
}

void SlabReturns::finish_release(Context& context, std::uint32_t device, const DeviceWorker::Done& done) {
    Device& of_slab = registry_.devices[device];
    of_slab.releasing -= done.bytes;
    --context.releasing;
    context.moving_bytes -= done.bytes;
    if (done.out_of_memory) {
        registry_.warn("{} has no memory to say whether it took back a slab of {} bytes", of_slab.name(), done.bytes);
    } else if (done.error) {
        // The bytes stay reserved: nobody knows whether the device has them back.
        registry_.warn("{} did not take back a slab of {} bytes: {}", of_slab.name(), done.bytes, done.error->what());
    } else {
        of_slab.reserved -= done.bytes;
        registry_.debug("{} took back a slab of {} bytes of '{}'", of_slab.name(), done.bytes, context.job());
    }
}

void SlabReturns::acknowledged(Session& session, table::SlabRef ref) {
    session.events.forget_slab(ref);
    for (ClosingSlab& slab : session.context->closing) {
        if (slab.ref == ref) {
            slab.waiting.erase(session.id);
            session.context->touch();  // where this fails, tidying does it
        }
    }
    release_unmapped(*session.context);
}

void SlabReturns::forget(const Session& session) {
    for (ClosingSlab& slab : session.context->closing) {
        slab.waiting.erase(session.id);
    }
    session.context->touch();
}

std::uint64_t SlabReturns::returning(std::uint32_t device) const noexcept {
    std::uint64_t bytes = registry_.devices[device].releasing;
    for (const auto& [id, context] : registry_.contexts) {
        for (const ClosingSlab& slab : context->closing) {
            const bool hopeful = std::all_of(slab.waiting.begin(), slab.waiting.end(), [&](std::uint64_t member) {
                const Session* const session = registry_.session(member);
                return session != nullptr && session->connected();
            });
            bytes += slab.device == device && hopeful ? slab.memory.bytes : 0;
        }
    }
    return bytes;
}

}  // namespace fastio::service
