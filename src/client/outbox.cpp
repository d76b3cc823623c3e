#include "client/outbox.hpp"

#include <cstdint>
#include <new>

namespace fastio::detail {

Outbox::Outbox() = default;

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
    wake_.set();
}

void Outbox::seen() noexcept {
    wake_.clear();
}

}  // namespace fastio::detail
