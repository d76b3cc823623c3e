#include "client/watch_queue.hpp"

#include <utility>

#include "client/deadline.hpp"
#include "core/fail.hpp"

namespace fastio::detail {

WatchQueue::WatchQueue(std::uint32_t id, std::weak_ptr<WatchSource> source) : id_(id), source_(std::move(source)) {}

void WatchQueue::push(WatchEvent event) noexcept {
    const std::lock_guard lock(mutex_);
    try {
        events_.push_back(std::move(event));
    } catch (const std::bad_alloc&) {
        lost_ = true;
    }
    if (events_.size() > kMaxEvents) {
        events_.pop_front();
        lost_ = true;
    }
    update_readable();
}

void WatchQueue::lose() noexcept {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    update_readable();
}

void WatchQueue::end(Ending why) noexcept {
    const std::lock_guard lock(mutex_);
    if (ending_ == Ending::none) {
        ending_ = why;
    }
    update_readable();
}

std::optional<WatchEvent> WatchQueue::next(std::chrono::nanoseconds timeout) {
    witness_.check("Watch::next");
    const auto deadline = deadline_after(timeout);
    for (;;) {
        if (auto event = take()) {
            return event;
        }
        // Another thread may take the event that made it readable; then this one waits on.
        if (!wait_readable(readable_.get(), deadline)) {
            return std::nullopt;
        }
    }
}

std::optional<WatchEvent> WatchQueue::take() {
    const std::lock_guard lock(mutex_);
    std::optional<WatchEvent> event;
    if (lost_) {
        lost_ = false;
        event.emplace();  // kind lost
    } else if (!events_.empty()) {
        event = std::move(events_.front());
        events_.pop_front();
    } else if (ending_ != Ending::none) {
        fail_ended(ending_, "Watch::next");
    }
    update_readable();
    return event;
}

void WatchQueue::unsubscribe() noexcept {
    if (witness_.forked()) {
        return;
    }
    if (const auto source = source_.lock()) {
        source->unwatch(id_);
    }
}

void WatchQueue::update_readable() noexcept {
    const bool wanted = lost_ || !events_.empty() || ending_ != Ending::none;
    if (wanted == is_readable_) {
        return;
    }
    wanted ? readable_.set() : readable_.clear();
    is_readable_ = wanted;
}

std::shared_ptr<WatchQueue> WatchRegistry::add(std::weak_ptr<WatchSource> source) {
    const std::lock_guard lock(mutex_);
    auto queue = std::make_shared<WatchQueue>(++last_id_, std::move(source));
    if (ending_ != Ending::none) {
        queue->end(ending_);
    }
    queues_.push_back(queue);
    return queue;
}

void WatchRegistry::remove(std::uint32_t id) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase_if(queues_, [id](const std::weak_ptr<WatchQueue>& entry) {
        const auto queue = entry.lock();
        return !queue || queue->id() == id;
    });
}

void WatchRegistry::push(std::uint32_t id, WatchEvent event) noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : queues_) {
        const auto queue = entry.lock();
        if (queue && queue->id() == id) {
            queue->push(std::move(event));
            return;
        }
    }
}

void WatchRegistry::lose_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : queues_) {
        if (const auto queue = entry.lock()) {
            queue->lose();
        }
    }
}

void WatchRegistry::end_all(Ending why) noexcept {
    const std::lock_guard lock(mutex_);
    ending_ = ending_ == Ending::none ? why : ending_;
    for (const auto& entry : queues_) {
        if (const auto queue = entry.lock()) {
            queue->end(why);
        }
    }
}

}  // namespace fastio::detail
