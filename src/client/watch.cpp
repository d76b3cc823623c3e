#include <fastio/watch.hpp>

#include <utility>

#include "client/watch_queue.hpp"
#include "core/fail.hpp"

namespace fastio {

Watch::Watch(std::shared_ptr<detail::WatchQueue> queue) noexcept : queue_(std::move(queue)) {}

Watch::Watch(Watch&&) noexcept = default;

Watch& Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        const Watch old(std::exchange(queue_, std::move(other.queue_)));
    }
    return *this;
}

Watch::~Watch() {
    if (queue_) {
        queue_->unsubscribe();
    }
}

std::optional<WatchEvent> Watch::next(std::chrono::nanoseconds timeout) {
    if (!queue_) {
        fail(Errc::context_closed, "Watch::next was called on a Watch that was moved from");
    }
    return queue_->next(timeout);
}

int Watch::fd() const noexcept {
    return queue_ ? queue_->fd() : -1;
}

}  // namespace fastio
