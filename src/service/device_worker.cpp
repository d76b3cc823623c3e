#include "service/device_worker.hpp"

#include <unistd.h>

#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio::service {

DeviceWorker::DeviceWorker(std::shared_ptr<DeviceMemory> memory, EventFd& wake)
    : memory_(std::move(memory)), wake_(wake) {}

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
            done.what = What::release;
            perform(done);
        }
    }
}

void DeviceWorker::reserve(std::uint64_t context, std::uint64_t bytes) {
    std::list<Done> job(1);
    job.front() = {What::reserve, context, bytes, {}, {}};
    ask(std::move(job));
}

void DeviceWorker::release(std::uint64_t context, OwnedSlab&& slab) {
    std::list<Done> job(1);
    const std::uint64_t bytes = slab.bytes;
    start();
    job.front() = {What::release, context, bytes, std::move(slab), {}};
    ask(std::move(job));
}

std::list<DeviceWorker::Done> DeviceWorker::take_done() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, {});
}

void DeviceWorker::start() {
    if (!thread_.joinable()) {
        try {
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error& error) {
            fail(Errc::io_error,
                 "could not start the service's thread that asks {} for memory: {}; check the limit of {}, and try "
                 "again",
                 memory_->info().name, error.what(), limit_of_threads());
        }
    }
}

void DeviceWorker::ask(std::list<Done>&& job) {
    start();
    {
        const std::lock_guard lock(mutex_);
        jobs_.splice(jobs_.end(), job);
    }
    changed_.notify_one();
}

void DeviceWorker::run() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (unimproved_.empty()) {
            changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        }
        if (jobs_.empty()) {
            if (stopping_) {
                return;
            }
            lock.unlock();
            improve();
            lock.lock();
            continue;
        }
        std::list<Done> job;
        job.splice(job.end(), jobs_, jobs_.begin());
        if (stopping_ && job.front().what == What::reserve) {
            continue;
        }
        lock.unlock();
        perform(job.front());
        lock.lock();
        done_.splice(done_.end(), job);
        wake_.set();
    }
}

void DeviceWorker::perform(Done& job) noexcept {
    try {
        try {
            if (job.what == What::reserve) {
                unimproved_.push_back({});  // so that what was reserved is not lost for want of memory for this
                job.slab = memory_->reserve(job.bytes);
                unimproved_.back() = {job.slab.data, job.slab.bytes, job.slab.improved};
            } else {
                unimproved_.remove_if([&](const Unimproved& one) { return one.data == job.slab.data; });
                memory_->release(std::move(job.slab));
            }
        } catch (const Error& error) {
            job.error = error;
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const std::exception& error) {
            job.error = Error(Errc::device_error, fmt::format("{} of {} bytes on {} failed: {}",
                                                              job.what == What::reserve ? "a reserve" : "a release",
                                                              job.bytes, memory_->info().name, error.what()));
        }
    } catch (const std::bad_alloc&) {
        job.out_of_memory = true;
    }
    unimproved_.remove_if([](const Unimproved& one) { return one.data == nullptr || one.offset >= one.bytes; });
    if (job.what == What::release) {
        job.slab = {};
    }
}

void DeviceWorker::improve() noexcept {
    Unimproved& first = unimproved_.front();
    first.offset = memory_->improve(first.data, first.bytes, first.offset);
    if (first.offset >= first.bytes) {
        unimproved_.pop_front();
    }
}

}  // namespace fastio::service
