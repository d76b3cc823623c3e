#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <fastio/error.hpp>

#include "device/device_memory.hpp"
#include "device/eventfd.hpp"

namespace fastio::service {

/// Runs the calls of one device that may take long, reserve and release, on a thread of its own, in order. What is done
/// is fetched with take_done after `wake` was set. While nothing is asked it improves what it has reserved.
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
        bool out_of_memory = false;    ///< it did not, and there is no memory to say why
    };

    /// `wake` is the asking thread's, and outlives this. The thread starts with the first request.
    DeviceWorker(std::shared_ptr<DeviceMemory> memory, EventFd& wake);
    DeviceWorker(const DeviceWorker&) = delete;
    DeviceWorker& operator=(const DeviceWorker&) = delete;
    /// Finishes every release that was asked for, gives back what was reserved meanwhile, and joins.
    ~DeviceWorker();

    // Errors: std::bad_alloc, io_error (no thread). Nothing has happened then, and `slab` is as it was.
    void reserve(std::uint64_t context, std::uint64_t bytes);
    void release(std::uint64_t context, OwnedSlab&& slab);
    [[nodiscard]] std::list<Done> take_done() noexcept;

private:
    void start();  ///< the thread, if it does not run
    void ask(std::list<Done>&& job);
    void run() noexcept;
    void perform(Done& job) noexcept;
    void improve() noexcept;

    struct Unimproved {
        void* data = nullptr;
        std::uint64_t bytes = 0;
        std::uint64_t offset = 0;  ///< up to which it is
    };

    std::shared_ptr<DeviceMemory> memory_;
    EventFd& wake_;
    std::mutex mutex_;
    std::condition_variable changed_;
    // A job moves from list to list: what was once asked for needs no memory any more.
    std::list<Done> jobs_;              // guarded by mutex_
    std::list<Done> done_;              // guarded by mutex_
    bool stopping_ = false;             // guarded by mutex_
    std::list<Unimproved> unimproved_;  // the thread's own
    std::thread thread_;
};

}  // namespace fastio::service
