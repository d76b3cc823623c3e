#include "support/cudart_emulator/streams.hpp"

#include <atomic>
#include <cstdlib>
#include <utility>

#include "support/cudart_emulator/refused.hpp"

namespace emulator {

std::uint64_t this_thread() noexcept {
    static std::atomic<std::uint64_t> last{0};
    thread_local const std::uint64_t number = ++last;
    return number;
}

Stream& Streams::get(cudaStream_t handle, int ordinal, std::uint32_t gpu) {
    const auto make = [&](Stream::Kind kind, std::uint64_t id) {
        Stream stream;
        stream.kind = kind;
        stream.queue = engine_.add_queue(gpu);
        stream.gpu = gpu;
        stream.ordinal = ordinal;
        stream.id = id;
        return stream;
    };
    if (handle == nullptr || handle == cudaStreamLegacy) {
        const auto known = legacy_.find(gpu);
        return known != legacy_.end() ? known->second
                                      : legacy_.emplace(gpu, make(Stream::Kind::legacy, 1)).first->second;
    }
    if (handle == cudaStreamPerThread) {
        const std::pair key{this_thread(), gpu};
        const auto known = per_thread_.find(key);
        return known != per_thread_.end()
                   ? known->second
                   : per_thread_.emplace(key, make(Stream::Kind::per_thread, ++last_id_)).first->second;
    }
    const auto found = created_.find(reinterpret_cast<Stream*>(handle));
    refuse_if(found == created_.end(), cudaErrorInvalidResourceHandle);
    return *found->second;
}

cudaStream_t Streams::create(int ordinal, std::uint32_t gpu, unsigned flags, int priority) {
    std::unique_ptr<Stream> stream;
    if (destroyed_.empty()) {
        stream = std::make_unique<Stream>();
    } else {
        stream = std::move(destroyed_.back());
        destroyed_.pop_back();
        *stream = Stream{};
    }
    stream->queue = engine_.add_queue(gpu);
    stream->gpu = gpu;
    stream->ordinal = ordinal;
    stream->flags = flags;
    stream->priority = priority;
    stream->id = ++last_id_;
    Stream* const handle = stream.get();
    created_.emplace(handle, std::move(stream));
    return reinterpret_cast<cudaStream_t>(handle);
}

void Streams::destroy(cudaStream_t handle) {
    const auto found = created_.find(reinterpret_cast<Stream*>(handle));
    refuse_if(found == created_.end(), cudaErrorInvalidResourceHandle);
    // Its work goes on; the queue serves another stream once that is done.
    std::erase_if(orphaned_, [this](const auto& work) { return engine_.is_done(work.second); });
    orphaned_.emplace_back(found->second->gpu, engine_.end_of(found->second->queue));
    engine_.queue(found->second->queue).taken = false;
    destroyed_.push_back(std::move(found->second));
    created_.erase(found);
}

std::vector<Stream*> Streams::all(std::uint32_t gpu) {
    std::vector<Stream*> result;
    const auto add = [&](Stream& stream) {
        if (stream.gpu == gpu) {
            result.push_back(&stream);
        }
    };
    for (auto& [handle, stream] : created_) {
        add(*stream);
    }
    for (auto& [key, stream] : per_thread_) {
        add(stream);
    }
    for (auto& [key, stream] : legacy_) {
        add(stream);
    }
    return result;
}

Point Streams::submit(Stream& stream, const Work& work, Lock& lock) {
    refuse_if(engine_.failure(stream.gpu) != cudaSuccess, engine_.failure(stream.gpu));
    if (stream.capture.status != cudaStreamCaptureStatusNone) {
        refuse_if(stream.capture.status == cudaStreamCaptureStatusInvalidated, cudaErrorStreamCaptureInvalidated);
        return {};
    }
    if (stream.kind == Stream::Kind::legacy) {
        refuse_implicit(stream);
        for (const Stream* other : all(stream.gpu)) {
            if (other->blocks()) {
                wait_in(stream, engine_.end_of(other->queue), lock);
            }
        }
    } else if (stream.blocks()) {
        if (const auto legacy = legacy_.find(stream.gpu); legacy != legacy_.end()) {
            wait_in(stream, engine_.end_of(legacy->second.queue), lock);
        }
    }
    make_room(stream.queue, lock);
    return engine_.submit(stream.queue, work);
}

void Streams::wait_in(const Stream& stream, Point point, Lock& lock) {
    if (engine_.is_done(point)) {
        return;
    }
    Work wait;
    wait.kind = Work::Kind::wait_point;
    wait.point = point;
    make_room(stream.queue, lock);
    engine_.submit(stream.queue, wait);
}

Point Streams::end(Stream& stream, Lock& lock) {
    if (stream.kind == Stream::Kind::legacy) {
        return submit(stream, Work{}, lock);
    }
    return engine_.end_of(stream.queue);
}

bool Streams::is_idle(Stream& stream) {
    bool idle = engine_.is_done(engine_.end_of(stream.queue));
    if (stream.kind == Stream::Kind::legacy) {
        for (const Stream* other : all(stream.gpu)) {
            idle = idle && (!other->blocks() || engine_.is_done(engine_.end_of(other->queue)));
        }
    }
    return idle;
}

void Streams::finish(Point point, Lock& lock) {
    engine_.hurry(point);
    lock.unlock();
    engine_.wait(point);
    lock.lock();
    clean(point.queue);
}

void Streams::synchronise(Point point, Lock& lock) {
    finish(point, lock);
    refuse_if(engine_.failure(point) != cudaSuccess, engine_.failure(point));
}

std::vector<Point> Streams::ends(std::uint32_t gpu) {
    std::vector<Point> result;
    for (const Stream* stream : all(gpu)) {
        result.push_back(engine_.end_of(stream->queue));
    }
    for (const auto& [owner, end] : orphaned_) {
        if (owner == gpu) {
            result.push_back(end);
        }
    }
    return result;
}

void Streams::synchronise(std::uint32_t gpu, Lock& lock) {
    for (const Point end : ends(gpu)) {
        synchronise(end, lock);
    }
}

void Streams::synchronise_all(Lock& lock) {
    for (std::uint32_t gpu = 0; gpu < kMaxGpus; ++gpu) {
        for (const Point end : ends(gpu)) {
            finish(end, lock);
        }
    }
}

bool Streams::are_idle() {
    for (std::uint32_t gpu = 0; gpu < kMaxGpus; ++gpu) {
        for (const Stream* stream : all(gpu)) {
            if (!engine_.is_done(engine_.end_of(stream->queue))) {
                return false;
            }
        }
    }
    for (const auto& [gpu, end] : orphaned_) {
        if (!engine_.is_done(end)) {
            return false;
        }
    }
    return true;
}

void Streams::destroy_all(std::uint32_t gpu) {
    std::erase_if(created_, [&](const auto& entry) {
        if (entry.second->gpu == gpu) {
            engine_.queue(entry.second->queue).taken = false;
        }
        return entry.second->gpu == gpu;
    });
}

void Streams::make_room(std::uint32_t queue, Lock& lock) {
    clean(queue);
    while (engine_.is_full(queue)) {
        lock.unlock();
        engine_.wait_for_room(queue);
        lock.lock();
        clean(queue);
    }
}

void Streams::clean(std::uint32_t index) {
    Queue& queue = engine_.queue(index);
    const std::uint64_t done = queue.done.load(std::memory_order_acquire);
    for (; queue.cleaned < done; ++queue.cleaned) {
        Work& work = queue.at(queue.cleaned);
        std::free(std::exchange(work.staging, nullptr));
        if (void* const data = std::exchange(work.release, nullptr)) {
            memory_.release(data, DeviceMemory::Kind::pool);
        }
    }
}

}  // namespace emulator
