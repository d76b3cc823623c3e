#include "client/janitor.hpp"

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include "client/client.hpp"
#include "client/publishing.hpp"
#include "device/quiet_thread.hpp"

namespace fastio::detail {
namespace {

// Between two questions to a device that could not say whether it was done.
constexpr std::chrono::milliseconds kRetryPause{10};

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
            ++asked_;
            changed_.notify_one();
            return;
        }
    } catch (const std::exception&) {  // no memory, or no thread: the caller's has to do
    }
    try {
        std::list<Job> jobs{job};
        perform(jobs);
        if (!jobs.empty()) {
            left_over_ = true;
        }
    } catch (const std::exception&) {
        left_over_ = true;
    }
}

void Janitor::run() noexcept {
    std::list<Job> jobs;
    std::unique_lock lock(mutex_);
    const auto told = [this] { return stopped_ || !jobs_.empty(); };
    for (;;) {
        if (jobs.empty()) {
            changed_.wait(lock, told);
        } else {
            changed_.wait_for(lock, kRetryPause, told);
        }
        const bool last = stopped_;
        const std::uint64_t asked = asked_;
        jobs.splice(jobs.end(), jobs_);
        lock.unlock();
        perform(jobs);
        lock.lock();
        tried_ = asked;
        caught_up_.notify_all();
        if (last && jobs_.empty()) {
            if (!jobs.empty()) {
                left_over_ = true;
            }
            return;
        }
    }
}

void Janitor::catch_up() noexcept {
    std::unique_lock lock(mutex_);
    caught_up_.wait(lock, [this, asked = asked_] { return tried_ >= asked; });
}

void Janitor::perform(std::list<Job>& jobs) noexcept {
    // One wait serves all that were asked for before it.
    const DeviceMemory* waited_for = nullptr;
    bool is_done = false;
    jobs.remove_if([&](const Job& job) {
        if (job.device != nullptr && std::exchange(waited_for, job.device) != job.device) {
            is_done = wait_until_done(*job.device);
        }
        if (job.device != nullptr && !is_done) {
            return false;
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
        return true;
    });
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
