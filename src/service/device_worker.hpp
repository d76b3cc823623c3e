#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fastio/error.hpp>

#include "device/device_memory.hpp"

namespace fastio::service {

/// Runs the calls of one device that may take long, reserve and release, on a thread of its own, in order. What is done
/// is fetched with take_done after `wake` became readable.
///
/// *Thread safety:* one thread asks and takes; the worker's own thread is the only other.
class DeviceWorker {
public:
    enum class What : std::uint8_t { reserve, release };
    struct Done {
        What what = What::reserve;
        std::uint64_t context = 0;
        std::uint64_t bytes = 0;
        OwnedSlab slab{};              ///< after a reserve that succeeded
        std::optional<Error> error{};  ///< why it did not
    };

    /// `wake` is an eventfd of the asking thread, which outlives this. The thread starts with the first request.
    DeviceWorker(std::shared_ptr<DeviceMemory> memory, int wake);
    DeviceWorker(const DeviceWorker&) = delete;
    DeviceWorker& operator=(const DeviceWorker&) = delete;
    /// Finishes every release that was asked for, gives back what was reserved meanwhile, and joins.
    ~DeviceWorker();

    void reserve(std::uint64_t context, std::uint64_t bytes);
    void release(std::uint64_t context, OwnedSlab slab);
    [[nodiscard]] std::vector<Done> take_done();

private:
    struct Job {
        What what = What::reserve;
        std::uint64_t context = 0;
        std::uint64_t bytes = 0;
        OwnedSlab slab{};
    };
    void ask(Job job);
    void run();
    [[nodiscard]] Done perform(Job job);

    std::shared_ptr<DeviceMemory> memory_;
    int wake_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> jobs_;    // guarded by mutex_
    std::vector<Done> done_;  // guarded by mutex_
    bool stopping_ = false;   // guarded by mutex_
    std::thread thread_;
};

}  // namespace fastio::service
