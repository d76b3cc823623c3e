#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

#include "client/slab_cache.hpp"
#include "device/device_memory.hpp"
#include "table/leases.hpp"

namespace fastio::detail {

class Client;

/// What must wait for a GPU before it is given back: leases that were released without a stream, which kernels may
/// still use (design P6), and mappings of slabs, whose closing may wait for the GPU. Done on a thread of its own,
/// because the helper thread must never wait for a GPU: the GPU may wait for it (design P8).
///
/// *Thread safety:* every member, from any thread.
class Janitor {
public:
    explicit Janitor(Client& client) noexcept : client_(client) {}
    Janitor(const Janitor&) = delete;
    Janitor& operator=(const Janitor&) = delete;
    ~Janitor() { stop(); }

    /// Drops a lease entry once all work of this process on the device is done.
    void drop_lease(DeviceMemory& device, table::AllocationRef allocation, std::uint32_t entry) noexcept;
    /// Gives back a hold then.
    void drop_hold(DeviceMemory& device, table::AllocationRef allocation) noexcept;
    /// Unmaps a slab and acknowledges that.
    void close_slab(table::SlabRef slab) noexcept;

    /// Returns when each of the jobs that there are has been tried.
    void catch_up() noexcept;

    /// Does what is left, and ends the thread; what comes later is done by its caller.
    void stop() noexcept;
    /// After stop(): something was left undone, because the device could not say that it was done.
    [[nodiscard]] bool left_over() const noexcept { return left_over_.load(); }

private:
    enum class What : std::uint8_t { drop_lease, drop_hold, close_slab };
    struct Job {
        What what = What::drop_lease;
        DeviceMemory* device = nullptr;  // to wait for; null for close_slab
        table::AllocationRef allocation{};
        std::uint32_t entry = 0;
        table::SlabRef slab{};
    };

    void ask(const Job& job) noexcept;
    void run() noexcept;
    /// Removes what was done from `jobs`. What must wait for a device stays while the device cannot say that it is
    /// done, as one cannot while a stream is being captured; what then remains goes with the process.
    void perform(std::list<Job>& jobs) noexcept;

    Client& client_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Job> jobs_;      // guarded by mutex_, as is what follows
    std::uint64_t asked_ = 0;  // jobs for the thread, ever; and how many of these it has tried
    std::uint64_t tried_ = 0;
    std::condition_variable caught_up_;
    bool stopped_ = false;
    std::atomic<bool> left_over_{false};
    std::thread thread_;  // started by the first job
};

}  // namespace fastio::detail
