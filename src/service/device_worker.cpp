#include "service/device_worker.hpp"

#include <unistd.h>

#include <exception>
#include <utility>

#include "core/fail.hpp"

namespace fastio::service {

DeviceWorker::DeviceWorker(std::shared_ptr<DeviceMemory> memory, int wake) : memory_(std::move(memory)), wake_(wake) {}

DeviceWorker::~DeviceWorker() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
    for (Done& done : done_) {
        if (done.slab.data != nullptr) {
            (void)perform({What::release, 0, done.bytes, std::move(done.slab)});
        }
    }
}

void DeviceWorker::reserve(std::uint64_t context, std::uint64_t bytes) {
    ask({What::reserve, context, bytes, {}});
}

void DeviceWorker::release(std::uint64_t context, OwnedSlab slab) {
    const std::uint64_t bytes = slab.bytes;
    ask({What::release, context, bytes, std::move(slab)});
}

std::vector<DeviceWorker::Done> DeviceWorker::take_done() {
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, {});
}

void DeviceWorker::ask(Job job) {
    if (!thread_.joinable()) {
        thread_ = std::thread([this] { run(); });
    }
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void DeviceWorker::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            return;
        }
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        if (stopping_ && job.what == What::reserve) {
            continue;
        }
        lock.unlock();
        Done done = perform(std::move(job));
        lock.lock();
        done_.push_back(std::move(done));
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t wrote = ::write(wake_, &one, sizeof(one));
    }
}

DeviceWorker::Done DeviceWorker::perform(Job job) {
    Done done{job.what, job.context, job.bytes, {}, {}};
    try {
        if (job.what == What::reserve) {
            done.slab = memory_->reserve(job.bytes);
        } else {
            memory_->release(std::move(job.slab));
        }
    } catch (const Error& error) {
        done.error = error;
    } catch (const std::exception& error) {
        done.error = Error(Errc::device_error, fmt::format("{} of {} bytes on {} failed: {}",
                                                           job.what == What::reserve ? "a reserve" : "a release",
                                                           job.bytes, memory_->info().name, error.what()));
    }
    return done;
}

}  // namespace fastio::service
