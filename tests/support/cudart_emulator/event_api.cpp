// Events.

#include <unistd.h>

#include "support/cudart_emulator/call.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::Event;
using emulator::Process;
using emulator::refuse;
using emulator::refuse_if;
using emulator::Stream;
using emulator::Work;
using Lock = emulator::Streams::Lock;

namespace {

constexpr useconds_t kLookUs = 50;

bool is_complete(Process& process, const Event& event) {
    if (event.shared != nullptr) {
        // Not recorded yet counts as complete (rule 55).
        return event.shared->id != event.shared_id || event.shared->completed >= event.shared->recorded;
    }
    return !event.recorded || process.engine.is_done(event.point);
}

/// Where an event's work was dropped, it is not complete but broken.
void refuse_broken(Process& process, const Event& event) {
    const cudaError_t failure = event.recorded ? process.engine.failure(event.point) : cudaSuccess;
    refuse_if(failure != cudaSuccess, failure);
}

void record(Process& process, Event& event, Stream& stream, Lock& lock) {
    Work work;
    if (event.shared != nullptr) {
        work.kind = Work::Kind::record_event;
        work.event = event.shared;
        work.event_id = event.shared_id;
        work.value = ++event.shared->recorded;
    } else {
        work.finished_ns = &event.finished_ns;
    }
    event.capture = stream.capture.status == cudaStreamCaptureStatusActive ? stream.capture.id : 0;
    event.point = process.streams.submit(stream, work, lock);
    event.recorded = true;
}

cudaError_t create(const char* name, cudaEvent_t* event, unsigned flags) {
    return call(name, [&](Process& process, Lock&) {
        refuse_if(event == nullptr, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        *event = process.events.create(flags, process.settings.max_events);
    });
}

cudaError_t record(const char* name, cudaEvent_t event, cudaStream_t stream, unsigned flags) {
    return call_elsewhere(name, [&](Process& process, Lock& lock) {
        refuse_if((flags & ~unsigned{cudaEventRecordExternal}) != 0, cudaErrorInvalidValue);
        record(process, process.events.get(event), process.stream(stream), lock);
    });
}

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    return create(__func__, event, flags);
}

cudaError_t CUDARTAPI cudaEventCreate(cudaEvent_t* event) {
    return create(__func__, event, cudaEventDefault);
}

cudaError_t CUDARTAPI cudaEventDestroy(cudaEvent_t event) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) { process.events.destroy(event); });
}

cudaError_t CUDARTAPI cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
    return record(__func__, event, stream, flags);
}

cudaError_t CUDARTAPI cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    return record(__func__, event, stream, cudaEventRecordDefault);
}

cudaError_t CUDARTAPI cudaEventQuery(cudaEvent_t event) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        const Event& asked = process.events.get(event);
        refuse_if(asked.capture != 0, cudaErrorCapturedEvent);
        process.streams.refuse_unsafe();
        const bool complete = is_complete(process, asked);
        refuse_broken(process, asked);
        refuse_if(!complete, cudaErrorNotReady);
    });
}

cudaError_t CUDARTAPI cudaEventSynchronize(cudaEvent_t event) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        const Event& asked = process.events.get(event);
        refuse_if(asked.capture != 0, cudaErrorCapturedEvent);
        if (asked.recorded && !process.engine.is_done(asked.point)) {
            process.streams.synchronise(asked.point, lock);
        }
        refuse_broken(process, asked);
        if (asked.shared == nullptr) {
            return;
        }
        // Another process may have to complete it. If that died, nobody does (rule 57).
        const std::uint64_t value = asked.shared->recorded;
        while (asked.shared->completed < value) {
            lock.unlock();
            ::usleep(kLookUs);
            lock.lock();
            refuse_broken(process, asked);
            process.refuse_broken(process.current_gpu());
        }
    });
}

cudaError_t CUDARTAPI cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        refuse_if((flags & ~unsigned{cudaEventWaitExternal}) != 0, cudaErrorInvalidValue);
        Stream& waiting = process.stream(stream);
        const Event& awaited = process.events.get(event);
        if (awaited.capture != 0) {
            process.streams.join_capture(waiting, awaited.capture);
            return;
        }
        refuse_if(waiting.capture.status == cudaStreamCaptureStatusActive, cudaErrorStreamCaptureIsolation);
        const bool complete = is_complete(process, awaited);
        refuse_broken(process, awaited);
        if (complete) {
            return;
        }
        Work work;
        if (awaited.shared != nullptr) {
            work.kind = Work::Kind::wait_event;
            work.event = awaited.shared;
            work.event_id = awaited.shared_id;
            work.value = awaited.shared->recorded;
        } else {
            work.kind = Work::Kind::wait_point;
            work.point = awaited.point;
        }
        process.streams.submit(waiting, work, lock);
    });
}

cudaError_t CUDARTAPI cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(milliseconds == nullptr, cudaErrorInvalidValue);
        const Event& first = process.events.get(start);
        const Event& last = process.events.get(end);
        refuse_if(((first.flags | last.flags) & cudaEventDisableTiming) != 0 || !first.recorded || !last.recorded,
                  cudaErrorInvalidResourceHandle);
        refuse_if(!is_complete(process, first) || !is_complete(process, last), cudaErrorNotReady);
        *milliseconds = static_cast<float>(last.finished_ns.load() - first.finished_ns.load()) / 1e6F;
    });
}

}  // extern "C"
