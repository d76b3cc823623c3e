#include "service/growth.hpp"

#include <algorithm>
#include <bit>
#include <bitset>
#include <new>
#include <utility>

#include "core/fail.hpp"
#include "core/rounding.hpp"
#include "service/malformed.hpp"
#include "service/user_limits.hpp"
#include "table/layout.hpp"

namespace fastio::service {
namespace {

/// The first of the context's creates that wait for this device.
auto first_waiting(Context& context, std::uint32_t device) {
    return std::ranges::find(context.waiting, device, &WaitingCreate::device);
}

/// Others may have given back what it takes.
bool is_short(Errc code) noexcept {
    return code == Errc::out_of_memory || code == Errc::quota_exceeded || code == Errc::table_full;
}

}  // namespace

void Growth::create(Session& session, const wire::Create& message) {
    Context& context = *session.context;
    const std::string_view asked = text_of(message.device);
    const std::uint32_t device = asked.empty() ? session.default_device : registry_.devices.find(asked);
    if (!std::has_single_bit(message.alignment) || message.alignment < kMinAlignment ||
        message.alignment > kMaxAlignment) {
        fail(Errc::invalid_argument,
             "create of {} bytes failed: an alignment of {} was asked for; give a power of two from {} to {}",
             message.size, message.alignment, kMinAlignment, kMaxAlignment);
    }
    if ((message.flags & ~wire::Create::kWaitsItself) != 0) {
        fail(Errc::invalid_argument, "create of {} bytes failed: flags {:#x} were sent; at most {:#x} are known",
             message.size, message.flags, wire::Create::kWaitsItself);
    }
    if (registry_.devices[device].lost) {
        throw lost(device);
    }
    WaitingCreate waiting{session.id, message.header.request, message.size, message.alignment, device};
    waiting.waits_itself = (message.flags & wire::Create::kWaitsItself) != 0;
    try {
        if (message.size > registry_.devices[device].pool_max) {
            throw no_room(context, device, message.size);
        }
        if (const auto ref = context.create(session, *session.account, message.size, message.alignment, device,
                                            Collect::where_short)) {
            answer(session, message.header.request, context, *ref);
            return;
        }
        check_requests(registry_, session.uid);
        switch (make_room(context, device, Context::capacity_of(message.size), Collect::where_short)) {
            case Room::none:
                throw no_room(context, device, message.size);
            case Room::closing:
                if (waiting.waits_itself) {
                    throw no_room(context, device, message.size);
                }
                waiting.deadline = std::chrono::steady_clock::now() + registry_.options.closing_patience;
                break;
            case Room::coming:
                break;
        }
    } catch (const Error& error) {
        refuse(context, waiting, error.errc(), error.what());
        return;
    }
    context.waiting.push_back(waiting);
    try {
        rearm(context);
    } catch (...) {
        context.waiting.pop_back();
        throw;
    }
    session.waiting = true;
}

void Growth::pump(Context& context) {
    // A scan reads all leases of all members, and whoever is short makes one before it asks. So those who wait share
    // one scan for a device, which comes before the first of them is refused.
    std::bitset<table::kMaxDevices> collected;
    for (std::size_t i = 0; i < context.waiting.size();) {
        WaitingCreate& waiting = context.waiting[i];
        bool stays = false;
        try {
            try {
                stays = !try_again(context, waiting);
            } catch (const Error& error) {
                if (!is_short(error.errc()) || collected[waiting.device]) {
                    throw;
                }
                collected[waiting.device] = true;
                collect_everywhere(waiting.device);
                stays = !try_again(context, waiting);
            }
        } catch (const Error& error) {
            refuse(context, waiting, error.errc(), error.what());
        } catch (const std::bad_alloc&) {
            refuse(context, waiting, Errc::out_of_memory, "the service has no memory left");
        }
        if (stays) {
            ++i;
        } else {
            context.waiting.erase(context.waiting.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    rearm(context);
}

bool Growth::try_again(Context& context, WaitingCreate& waiting) {
    Session& session = *registry_.session(waiting.session);
    if (const auto ref = context.create(session, *session.account, waiting.size, waiting.alignment, waiting.device,
                                        Collect::never)) {
        answer(session, waiting.request, context, *ref);
        return true;
    }
    const auto now = std::chrono::steady_clock::now();
    const bool too_late = waiting.deadline && *waiting.deadline <= now;
    const bool waits_for_device = waiting.device_is_full && !too_late && returns_.returning(waiting.device) != 0;
    const Room room = waits_for_device
                          ? Room::closing
                          : make_room(context, waiting.device, Context::capacity_of(waiting.size), Collect::never);
    if (room == Room::none || (room == Room::closing && (too_late || waiting.waits_itself))) {
        throw no_room(context, waiting.device, waiting.size);
    }
    if (room == Room::closing && !waiting.deadline) {
        waiting.deadline = now + registry_.options.closing_patience;
    }
    return false;
}

void Growth::pump_or_later(Context& context) noexcept {
    try {
        pump(context);
    } catch (const std::exception&) {  // no memory for a timer
        context.pump_later();
    }
}

void Growth::on_patience(Context& context) {
    context.patience.reset();
    pump_or_later(context);
}

void Growth::rearm(Context& context) {
    std::optional<std::chrono::steady_clock::time_point> earliest;
    for (const WaitingCreate& waiting : context.waiting) {
        // Where a reserve is on its way, its end is looked at, however late that is.
        const bool counts = waiting.deadline && !context.growing[waiting.device];
        if (counts && (!earliest || *waiting.deadline < *earliest)) {
            earliest = waiting.deadline;
        }
    }
    if (!context.patience) {
        if (earliest) {
            context.patience = registry_.timers.add_at(*earliest, {Timers::Purpose::patience, context.id()});
        }
    } else if (earliest) {
        context.patience = registry_.timers.move(*context.patience, *earliest);
    } else {
        registry_.timers.cancel(*context.patience);
        context.patience.reset();
    }
}

void Growth::pump_all() noexcept {
    for (const auto& [id, context] : registry_.contexts) {
        if (!context->waiting.empty()) {
            pump_or_later(*context);
        }
    }
}

void Growth::tell_room() noexcept {
    if (!std::exchange(room_wanted_, false)) {
        return;
    }
    for (const auto& [id, context] : registry_.contexts) {
        context->tell_room();
    }
}

Growth::Room Growth::make_room(Context& context, std::uint32_t device, std::uint64_t capacity, Collect collect) {
    if (context.growing[device]) {
        return Room::coming;
    }
    const Device& of_slabs = registry_.devices[device];
    if (const std::uint64_t bytes = context.pools()[device].growth(capacity, of_slabs.unreserved())) {
        start_reserve(context, device, bytes);
        return Room::coming;
    }
    const std::uint64_t needed = round_up(capacity, kSlabGranularity);
    if (collect == Collect::where_short) {
        collect_everywhere(device);
    }
    const auto to_come = [&] { return of_slabs.unreserved() + returns_.returning(device); };
    if (to_come() + empty_everywhere(device) < needed) {
        return Room::none;
    }
    // All that are empty, even where those on their way would do: a member that is stopped may never unmap one.
    returns_.close_all_empty(device);
    return to_come() < needed ? Room::none : Room::closing;
}

void Growth::start_reserve(Context& context, std::uint32_t index, std::uint64_t bytes) {
    Device& device = registry_.devices[index];
    device.worker->reserve(context.id(), bytes);
    device.reserved += bytes;
    context.growing[index] = true;
}

void Growth::collect_everywhere(std::uint32_t device) {
    for (const auto& [id, context] : registry_.contexts) {
        context->collect();
        context->pools()[device].let_go();
    }
}

std::uint64_t Growth::empty_everywhere(std::uint32_t device) const noexcept {
    std::uint64_t bytes = 0;
    for (const auto& [id, context] : registry_.contexts) {
        bytes += context->pools()[device].empty_bytes();
    }
    return bytes;
}

Error Growth::lost(std::uint32_t device) const {
    return Error(Errc::device_unavailable,
                 fmt::format("the device {} was lost: see the service's log and nvidia-smi; use another device, or "
                             "restart fastiod when it is back",
                             registry_.devices[device].name()));
}

Error Growth::no_room(Context& context, std::uint32_t index, std::uint64_t size) const {
    const Device& device = registry_.devices[index];
    const SlabPool& pool = context.pools()[index];
    const std::string failed =
        fmt::format("create of {} bytes on {} in '{}' failed: ", size, device.name(), context.job());
    if (size > device.pool_max) {
        return Error(Errc::out_of_memory,
                     fmt::format("{}the whole pool of the device has {} bytes; ask for less, or raise fastiod's "
                                 "--pool-max",
                                 failed, device.pool_max));
    }
    const std::uint64_t free = pool.free_bytes();
    const std::string figures = fmt::format(
        "the context's slabs have {} bytes free, the largest block {}, and of the pool's {} bytes {} are left for "
        "slabs",
        free, pool.largest_free_block(), device.pool_max, device.unreserved());
    return Error(Errc::out_of_memory,
                 free >= size ? fmt::format("{}the memory is fragmented: {}; free allocations that lie side by side, "
                                            "ask for less, or raise fastiod's --pool-max",
                                            failed, figures)
                              : fmt::format("{}the pool is full: {}; free allocations (`fastio stat --job` says who "
                                            "holds them), or raise fastiod's --pool-max",
                                            failed, figures));
}

void Growth::refuse(Context& context, const WaitingCreate& create, Errc code, std::string_view text) noexcept {
    Session& session = *registry_.session(create.session);
    session.waiting = false;
    const bool may_pass = is_short(code) && create.size <= registry_.devices[create.device].pool_max &&
                          context.may_ever_hold(Context::capacity_of(create.size));
    if (may_pass) {
        context.want_room();
        room_wanted_ = true;
    }
    registry_.reply_error(session, create.request, code, text, may_pass ? wire::Failure::kMayPass : 0);
}

void Growth::answer(Session& session, std::uint64_t request, Context& context, table::AllocationRef ref) {
    const Record& record = *context.allocations().find(ref);
    wire::CreateReply reply{};
    reply.slot = ref.slot;
    reply.generation = ref.generation;
    reply.slab = record.placed.slab.index;
    reply.slab_generation = record.placed.slab.generation;
    reply.offset = record.placed.block.offset;
    reply.capacity = record.placed.block.size;
    reply.device = record.device;
    session.waiting = false;
    registry_.reply(session, request, reply);
    registry_.debug(session, "created allocation {}.{}: {} bytes on {}", ref.slot, ref.generation, record.size,
                    registry_.devices[record.device].name());
}

void Growth::on_workers() {
    registry_.wake.clear();
    for (std::uint32_t index = 0; index < registry_.devices.count(); ++index) {
        Device& device = registry_.devices[index];
        for (DeviceWorker::Done& done : device.worker->take_done()) {
            Context& context = *registry_.context(done.context);  // a context outlives what it asked for
            context.touch();
            if (done.what == DeviceWorker::What::reserve) {
                try {
                    finish_reserve(context, index, done);
                } catch (const std::exception& error) {  // what waits for the slab asks again, below
                    registry_.warn("{} could not be asked for a smaller slab: {}", device.name(), error.what());
                }
                continue;
            }
            returns_.finish_release(context, index, done);
        }
    }
    pump_all();
    tell_room();
}

void Growth::finish_reserve(Context& context, std::uint32_t index, DeviceWorker::Done& done) {
    context.growing[index] = false;
    Device& device = registry_.devices[index];
    if (done.out_of_memory) {
        device.reserved -= done.bytes;
        fail_first(context, index, Errc::out_of_memory, "the service has no memory left to reserve more");
        return;
    }
    if (!done.error) {
        done.error = add_slab(context, index, done);
        if (!done.error && !done.out_of_memory) {
            registry_.debug("'{}' got a slab of {} bytes on {}", context.job(), done.bytes, device.name());
            return;
        }
        give_back(context, index, done);
        if (done.error) {
            fail_first(context, index, *done.error);
        } else {
            fail_first(context, index, Errc::out_of_memory, "the service has no memory left to manage a further slab");
        }
        return;
    }
    device.reserved -= done.bytes;
    // The pool grows in steps larger than a request. Where the device has no room for a step it may have for the
    // request.
    const auto first = first_waiting(context, index);
    if (first != context.waiting.end() && done.error->errc() == Errc::out_of_memory) {
        const std::uint64_t needed = round_up(Context::capacity_of(first->size), kSlabGranularity);
        if (needed < done.bytes && needed <= device.unreserved()) {
            start_reserve(context, index, needed);
            return;
        }
        if (wait_for_returns(*first)) {
            rearm(context);
            return;
        }
    }
    fail_first(context, index, *done.error);
}

bool Growth::wait_for_returns(WaitingCreate& create) {
    collect_everywhere(create.device);
    returns_.close_all_empty(create.device);
    create.device_is_full = true;
    const auto now = std::chrono::steady_clock::now();
    if (!create.deadline) {
        create.deadline = now + registry_.options.closing_patience;
    }
    return !create.waits_itself && returns_.returning(create.device) != 0 && now < *create.deadline;
}

std::optional<Error> Growth::add_slab(Context& context, std::uint32_t index, DeviceWorker::Done& done) {
    std::optional<table::SlabRef> ref;
    try {
        ref = context.writer().add_slab(done.slab.handle, done.bytes, index, registry_.host.pid);
        context.pools()[index].add(*ref, std::move(done.slab));
        return std::nullopt;
    } catch (const Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        if (ref) {
            context.writer().remove_slab(*ref);
        }
        done.out_of_memory = true;
        return std::nullopt;
    }
}

void Growth::give_back(Context& context, std::uint32_t index, DeviceWorker::Done& done) noexcept {
    try {
        returns_.begin_release(context, index, std::move(done.slab));
        context.moving_bytes += done.bytes;
    } catch (const std::exception&) {  // the worker cannot be asked: for once the control thread waits for the device
        registry_.devices.give_back(index, std::move(done.slab));
        registry_.devices[index].reserved -= done.bytes;
    }
}

void Growth::fail_first(Context& context, std::uint32_t device, const Error& error) noexcept {
    fail_first(context, device, error.errc(), error.what());
}

void Growth::fail_first(Context& context, std::uint32_t device, Errc code, std::string_view text) noexcept {
    const auto first = first_waiting(context, device);
    if (first == context.waiting.end()) {
        return;
    }
    const WaitingCreate create = *first;
    context.waiting.erase(first);
    refuse(context, create, code, text);
}

void Growth::withdraw(const Session& session) {
    std::erase_if(session.context->waiting,
                  [&](const WaitingCreate& waiting) { return waiting.session == session.id; });
    rearm(*session.context);
}

}  // namespace fastio::service
