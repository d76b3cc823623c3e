// What the engine does, as a thread or as a process. It may outlive its client, whose threads were killed at any
// instruction: nothing here allocates, frees, takes a lock or calls what a sanitizer's runtime replaces by something
// that does.

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "support/cudart_emulator/clock.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/cudart_emulator/engine.hpp"
#include "support/cudart_emulator/word_operations.hpp"

namespace emulator {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
// How often a word is looked at that another process, or a plain store, may change.
constexpr std::int64_t kPollNs = 50'000;
constexpr std::int64_t kLookForClientNs = 1'000'000;
// An engine whose test forgot it, or died, ends all the same.
constexpr std::int64_t kLongestLingerNs = 120 * kNanosecondsPerSecond;

std::uint64_t next_random(std::uint64_t& state) noexcept {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    return state;
}

void copy_rows(const Work& work) noexcept {
    for (std::uint64_t row = 0; row < work.rows; ++row) {
        std::memmove(work.to.data + row * work.to_pitch, work.from.data + row * work.from_pitch, work.row_bytes);
    }
}

void fill_rows(const Work& work) noexcept {
    for (std::uint64_t row = 0; row < work.rows; ++row) {
        std::memset(work.to.data + row * work.to_pitch, static_cast<int>(work.value), work.row_bytes);
    }
}

}  // namespace

void Engine::run() noexcept {
    while (!stopping_ && !is_over()) {
        if (!pass()) {
            sleep();
        }
    }
}

bool Engine::pass() noexcept {
    seen_rings_ = rings_.load(std::memory_order_seq_cst);
    next_due_ns_ = 0;
    polls_ = false;
    bool went_on = false;
    const std::uint32_t count = queue_count_.load(std::memory_order_acquire);
    const std::uint32_t first = count == 0 ? 0 : static_cast<std::uint32_t>(next_random(random_) % count);
    for (std::uint32_t i = 0; i < count; ++i) {
        went_on |= advance(queue((first + i) % count));
    }
    return went_on;
}

bool Engine::advance(Queue& queue) noexcept {
    const std::uint64_t place = queue.done.load(std::memory_order_relaxed);
    if (place == queue.submitted.load(std::memory_order_acquire)) {
        return false;
    }
    Work& work = queue.at(place);
    std::atomic<int>& failure = failures_[queue.gpu];
    if (failure == 0) {
        if (!is_due(queue, work, place)) {
            return false;
        }
        if (is_poisoned(work.to) || is_poisoned(work.from)) {
            failure = cudaErrorIllegalAddress;
        } else if (!finishes(queue, work)) {
            return false;
        }
    }
    if (work.finished_ns != nullptr) {
        work.finished_ns->store(now_ns());
    }
    queue.done.store(place + 1, std::memory_order_release);
    queue.done.notify_all();
    return true;
}

bool Engine::is_due(const Queue& queue, const Work& work, std::uint64_t place) noexcept {
    if (work.not_before_ns == 0 || queue.hurried.load() > place || now_ns() >= work.not_before_ns) {
        return true;
    }
    due_at(work.not_before_ns);
    return false;
}

void Engine::due_at(std::int64_t time_ns) noexcept {
    next_due_ns_ = next_due_ns_ == 0 ? time_ns : std::min(next_due_ns_, time_ns);
}

bool Engine::finishes(Queue& queue, Work& work) noexcept {
    switch (work.kind) {
        case Work::Kind::nothing:
            return true;
        case Work::Kind::copy:
            copy_rows(work);
            return true;
        case Work::Kind::fill:
            fill_rows(work);
            return true;
        case Work::Kind::write_word:
            write_word(work);
            return true;
        case Work::Kind::wait_word:
            polls_ = true;
            return word_compares(work);
        case Work::Kind::wait_point:
            return is_done(work.point);
        case Work::Kind::call:
            if (!work.started) {
                work.started = true;
                queue.function = work.function;
                queue.argument = work.argument;
                queue.calls_wanted.fetch_add(1);
                queue.calls_wanted.notify_one();
            }
            return queue.calls_done.load() == queue.calls_wanted.load();
        case Work::Kind::pattern:
            return writes_pattern(work);
        case Work::Kind::record_event:
            if (work.event->id == work.event_id) {
                work.event->completed.store(std::max(work.event->completed.load(), work.value));
            }
            return true;
        case Work::Kind::wait_event:
            // Whose record is gone was destroyed, or its process died: nothing completes it any more (rule 57).
            polls_ = true;
            return work.event->id == work.event_id && work.event->completed >= work.value;
    }
    return true;
}

bool Engine::writes_pattern(Work& work) noexcept {
    const std::uint64_t now = static_cast<std::uint64_t>(now_ns());
    if (work.started && static_cast<std::int64_t>(now) < work.not_before_ns) {
        due_at(work.not_before_ns);
        return false;
    }
    const std::uint64_t words = work.row_bytes / sizeof(std::uint64_t);
    auto* const to = reinterpret_cast<std::uint64_t*>(work.to.data);
    for (std::uint64_t i = words * work.step / work.steps; i < words * (work.step + 1) / work.steps; ++i) {
        to[i] = cudart_emulator::pattern_word(work.value, i);
    }
    work.started = true;
    work.not_before_ns = static_cast<std::int64_t>(now) + step_ns_.load();
    if (++work.step == work.steps) {
        return true;
    }
    due_at(work.not_before_ns);
    return false;
}

bool Engine::is_poisoned(const Access& access) noexcept {
    if (access.guard == Access::kNoGuard || (!free_poisons_ && !death_poisons_)) {
        return false;
    }
    const AllocationRecord& allocation = control_.layout().allocations[access.guard];
    switch (allocation.state) {
        case AllocationRecord::freed:
            return free_poisons_;
        case AllocationRecord::orphaned:
            return death_poisons_;
        default:
            return death_poisons_ && !control_.lives(allocation.owner);
    }
}

void Engine::sleep() noexcept {
    sleeping_.store(true, std::memory_order_seq_cst);
    if (rings_.load(std::memory_order_seq_cst) == seen_rings_) {
        const std::int64_t now = now_ns();
        std::int64_t wait_ns =
            next_due_ns_ == 0 ? kNanosecondsPerSecond : std::max<std::int64_t>(next_due_ns_ - now, 0);
        if (polls_) {
            wait_ns = std::min(wait_ns, kPollNs);
        }
        if (over_at_ns_ != 0 || (executor_ == Settings::Executor::process && next_due_ns_ != 0)) {
            wait_ns = std::min(wait_ns, kLookForClientNs);
        }
        const timespec limit{wait_ns / kNanosecondsPerSecond, wait_ns % kNanosecondsPerSecond};
        // Once the client is gone its end of the pipe would always be ready.
        pollfd files[] = {{doorbell_, POLLIN, 0}, {over_at_ns_ == 0 ? client_gone_ : -1, POLLIN, 0}};
        ::syscall(SYS_ppoll, files, 2, &limit, nullptr, 0);
        std::uint64_t rung = 0;
        ::syscall(SYS_read, doorbell_, &rung, sizeof(rung));
    }
    sleeping_.store(false, std::memory_order_seq_cst);
}

bool Engine::is_over() noexcept {
    if (executor_ == Settings::Executor::thread) {
        return false;
    }
    const std::int64_t now = now_ns();
    if (over_at_ns_ == 0) {
        if (now - looked_at_ns_ < kLookForClientNs) {
            return false;
        }
        // From when it was last seen alive: an engine that was kept from running may not work for longer than a GPU.
        const std::int64_t seen_alive = looked_at_ns_ == 0 ? now : looked_at_ns_;
        looked_at_ns_ = now;
        pollfd file{client_gone_, POLLIN, 0};
        const timespec at_once{};
        if (::syscall(SYS_ppoll, &file, 1, &at_once, nullptr, 0) != 1) {
            return false;
        }
        over_at_ns_ = linger_until_told_ ? now + kLongestLingerNs : seen_alive + linger_ns_.load();
    }
    const bool told = linger_until_told_ && control_.layout().released != released_before_;
    return told || now >= over_at_ns_;
}

}  // namespace emulator
