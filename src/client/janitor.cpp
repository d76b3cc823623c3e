#include "client/janitor.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "client/client.hpp"
#include "client/publishing.hpp"
#include "client/quiet_thread.hpp"

namespace fastio::detail {
namespace {

// A failure means that the context of this process is broken for good: then no kernel of it runs any more either.
void wait_for_kernels(DeviceMemory& device) noexcept {
    try {
        device.synchronise({});
    } catch (const std::exception&) {
        return;
    }
}

}  // namespace

void Janitor::drop_lease(DeviceMemory& device, table::AllocationRef allocation, std::uint32_t entry) noexcept {
    ask({What::drop_lease, &device, allocation, entry, {}});
}

void Janitor::drop_hold(DeviceMemory& device, table::AllocationRef allocation) noexcept {
    ask({What::drop_hold, &device, allocation, 0, {}});
}

void Janitor::close_slab(table::SlabRef slab) noexcept {
    ask({What::close_slab, nullptr, {}, 0, slab});
}

void Janitor::ask(const Job& job) noexcept {
    try {
        const std::lock_guard lock(mutex_);
        if (!stopped_) {
            if (!thread_.joinable()) {
                thread_ = quiet_thread([this] { run(); });
            }
            jobs_.push_back(job);
            changed_.notify_one();
            return;
        }
    } catch (const std::exception&) {  // no memory, or no thread: the caller's has to do
    }
    perform({&job, 1});
}

void Janitor::run() noexcept {
    std::vector<Job> jobs;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            return;
        }
        jobs.swap(jobs_);
        lock.unlock();
        perform(jobs);
        jobs.clear();
        lock.lock();
    }
}

void Janitor::perform(std::span<const Job> jobs) noexcept {
    DeviceMemory* waited_for = nullptr;  // one wait serves all that were asked for before it
    for (const Job& job : jobs) {
        if (job.device != nullptr && std::exchange(waited_for, job.device) != job.device) {
            wait_for_kernels(*job.device);
        }
        switch (job.what) {
            case What::drop_lease:
                drop_lease_now(client_, job.allocation, job.entry);
                break;
            case What::drop_hold:
                drop_hold_now(client_, job.allocation);
                break;
            case What::close_slab:
                client_.close_and_acknowledge(job.slab);
                break;
        }
    }
}

void Janitor::stop() noexcept {
    std::thread thread;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        changed_.notify_one();
        thread.swap(thread_);
    }
    if (thread.joinable()) {
        thread.join();
    }
}

}  // namespace fastio::detail
