#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <fastio/error.hpp>
#include <fastio/watch.hpp>

#include "client/fork_guard.hpp"
#include "client/liveness.hpp"
#include "device/eventfd.hpp"

namespace fastio::detail {

/// Who sends the events of a queue, and is told when nobody wants them any more.
class WatchSource {
public:
    WatchSource() = default;
    WatchSource(const WatchSource&) = delete;
    WatchSource& operator=(const WatchSource&) = delete;
    virtual void unwatch(std::uint32_t id) noexcept = 0;

protected:
    ~WatchSource() = default;
};

/// The events of one Watch that were not read yet.
///
/// *Thread safety:* every member, from any thread.
///
/// *Invariant.* The eventfd is readable exactly while there is an event, `lost` is due, or the queue has ended.
class WatchQueue {
public:
    static constexpr std::size_t kMaxEvents = 1024;

    /// Errors: io_error.
    WatchQueue(std::uint32_t id, std::weak_ptr<WatchSource> source);
    WatchQueue(const WatchQueue&) = delete;
    WatchQueue& operator=(const WatchQueue&) = delete;

    [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
    [[nodiscard]] int fd() const noexcept { return readable_.get(); }

    void push(WatchEvent event) noexcept;
    /// Events were dropped on their way here.
    void lose() noexcept;
    /// No more events: next() gives those that are left, then throws.
    void end(Ending why) noexcept;

    [[nodiscard]] std::optional<WatchEvent> next(std::chrono::nanoseconds timeout);
    /// The Watch is gone.
    void unsubscribe() noexcept;

private:
    [[nodiscard]] std::optional<WatchEvent> take();
    void update_readable() noexcept;

    ForkWitness witness_;
    std::uint32_t id_;
    std::weak_ptr<WatchSource> source_;
    EventFd readable_{};
    std::mutex mutex_;
    std::deque<WatchEvent> events_;
    bool lost_ = false;
    bool is_readable_ = false;
    Ending ending_ = Ending::none;
};

/// The queues of one connection, by their ids.
/// *Thread safety:* every member, from any thread.
class WatchRegistry {
public:
    [[nodiscard]] std::shared_ptr<WatchQueue> add(std::weak_ptr<WatchSource> source);
    void remove(std::uint32_t id) noexcept;
    void push(std::uint32_t id, WatchEvent event) noexcept;
    void lose_all() noexcept;
    void end_all(Ending why) noexcept;

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<WatchQueue>> queues_;
    std::uint32_t last_id_ = 0;
    Ending ending_ = Ending::none;
};

}  // namespace fastio::detail
