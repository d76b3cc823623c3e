#include "client/outbox.hpp"

#include <unistd.h>

#include <cstdint>
#include <new>

#include "device/eventfd.hpp"

namespace fastio::detail {

Outbox::Outbox() : wake_(make_eventfd()) {}

void Outbox::add(std::span<const std::byte> message) noexcept {
    const std::lock_guard lock(mutex_);
    if (messages_.size() == kMost) {
        return;
    }
    try {
        messages_.emplace_back(message.begin(), message.end());
    } catch (const std::bad_alloc&) {  // then what it speaks of ends with the session
    }
}

bool Outbox::empty() const noexcept {
    const std::lock_guard lock(mutex_);
    return messages_.empty();
}

std::span<std::byte> Outbox::front() noexcept {
    const std::lock_guard lock(mutex_);
    return messages_.empty() ? std::span<std::byte>{} : std::span(messages_.front());
}

void Outbox::pop() noexcept {
    const std::lock_guard lock(mutex_);
    messages_.pop_front();
}

void Outbox::wake() noexcept {
    const std::uint64_t one = 1;
    // Its counter is full only where nobody has looked for a very long time, and readable then.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void Outbox::seen() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
}

}  // namespace fastio::detail
