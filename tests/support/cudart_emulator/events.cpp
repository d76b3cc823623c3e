#include "support/cudart_emulator/events.hpp"

#include "support/cudart_emulator/records.hpp"
#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

constexpr unsigned kKnownFlags = cudaEventBlockingSync | cudaEventDisableTiming | cudaEventInterprocess;

}  // namespace

Event& Events::fresh() {
    if (unused_.empty()) {
        return storage_.emplace_back();
    }
    Event& event = *unused_.extract(unused_.begin()).value();
    event.flags = cudaEventDefault;
    event.recorded = false;
    event.capture = 0;
    event.shared = nullptr;
    event.imported = false;
    return event;
}

cudaEvent_t Events::create(unsigned flags, std::uint32_t max_shared) {
    refuse_if((flags & ~kKnownFlags) != 0, cudaErrorInvalidValue);
    const bool shared = (flags & cudaEventInterprocess) != 0;
    refuse_if(shared && (flags & cudaEventDisableTiming) == 0, cudaErrorInvalidValue);
    EventRecord* record = nullptr;
    if (shared) {
        const Control::Lock lock(control_);
        ControlLayout& layout = control_.layout();
        const auto index = shared_ >= max_shared ? std::nullopt
                                                 : find_free(layout.events, layout.events_end,
                                                             [](const EventRecord& event) { return event.id == 0; });
        refuse_if(!index, cudaErrorMemoryAllocation);
        record = &layout.events[*index];
        record->owner = control_.slot();
        record->owner_pid = layout.processes[control_.slot()].pid;
        record->recorded = 0;
        record->completed = 0;
        record->id = ++layout.last_id;
        ++shared_;
    }
    Event& event = fresh();
    event.flags = flags;
    event.shared = record;
    event.shared_id = record == nullptr ? 0 : record->id.load();
    known_.insert(&event);
    return reinterpret_cast<cudaEvent_t>(&event);
}

void Events::destroy(cudaEvent_t handle) {
    Event& event = get(handle);
    if (event.shared != nullptr && !event.imported) {
        const Control::Lock lock(control_);
        event.shared->id = 0;
        --shared_;
    }
    known_.erase(&event);
    unused_.insert(&event);
}

Event& Events::get(cudaEvent_t handle) {
    const auto found = known_.find(reinterpret_cast<Event*>(handle));
    refuse_if(found == known_.end(), cudaErrorInvalidResourceHandle);
    return **found;
}

cudaEvent_t Events::open(std::uint64_t id) {
    EventRecord* record = nullptr;
    {
        const Control::Lock lock(control_);
        for (EventRecord& one : used(control_.layout().events, control_.layout().events_end)) {
            if (one.id == id && one.owner != kNoProcess && control_.lives(one.owner)) {
                record = &one;
            }
        }
    }
    refuse_if(record == nullptr, cudaErrorInvalidValue);
    Event& event = fresh();
    event.flags = cudaEventDisableTiming;
    event.shared = record;
    event.shared_id = id;
    event.imported = true;
    known_.insert(&event);
    return reinterpret_cast<cudaEvent_t>(&event);
}

}  // namespace emulator
