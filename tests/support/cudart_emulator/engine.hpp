#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "support/cudart_emulator/control.hpp"
#include "support/cudart_emulator/settings.hpp"
#include "support/cudart_emulator/work.hpp"

namespace emulator {

/// The GPUs as this process uses them: one thread, or a process of its own, does the work of all queues. Which of the
/// queues that could go on does so is drawn by lot.
///
/// *Thread safety:* add_queue, submit and hurry under the process's mutex; the others any.
class Engine {
public:
    static constexpr std::uint32_t kMaxQueues = 512;

    Engine(Control& control, const Settings& settings);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// A queue of that GPU, without work, that serves nobody else.
    [[nodiscard]] std::uint32_t add_queue(std::uint32_t gpu);
    [[nodiscard]] Queue& queue(std::uint32_t index) noexcept { return *queues_[index].load(std::memory_order_acquire); }

    /// Appends work, which must have its own place: there is room (see is_full). Returns the point behind it.
    Point submit(std::uint32_t queue, Work work);
    [[nodiscard]] bool is_full(std::uint32_t queue) noexcept;
    [[nodiscard]] Point end_of(std::uint32_t queue) noexcept { return {queue, this->queue(queue).submitted.load()}; }
    [[nodiscard]] bool is_done(Point point) noexcept;
    /// Lets everything up to this point, and what that waits for in this process, go without delay.
    void hurry(Point point);
    /// Blocks until it is done. Without the process's mutex.
    void wait(Point point) noexcept;
    /// Blocks until a full queue has room. Without the process's mutex.
    void wait_for_room(std::uint32_t queue) noexcept;

    /// The code that every call about a GPU gives from now on, because it stopped this process's work; 0 while it runs.
    /// All of that GPU's work is dropped then.
    [[nodiscard]] cudaError_t failure(std::uint32_t gpu) const noexcept {
        return static_cast<cudaError_t>(failures_[gpu].load());
    }
    [[nodiscard]] cudaError_t failure(Point point) noexcept { return failure(queue(point.queue).gpu); }
    void fail(std::uint32_t gpu, int code) noexcept;

    /// The process that it is; 0 for a thread of this one, or before the first stream.
    [[nodiscard]] int process() const noexcept { return engine_pid_; }

    /// What Settings::set changed.
    void take_settings(const Settings& settings) noexcept;
    /// At the process's exit. False if the engine works on, as it may where it has a process of its own.
    [[nodiscard]] bool stop();

private:
    void start();
    void run_as_process();
    void mind();
    void ring() noexcept;
    void call_functions(Queue& queue);

    // The engine's own, in engine_loop.cpp.
    void run() noexcept;
    bool pass() noexcept;
    bool advance(Queue& queue) noexcept;
    bool is_due(const Queue& queue, const Work& work, std::uint64_t place) noexcept;
    bool finishes(Queue& queue, Work& work) noexcept;
    bool writes_pattern(Work& work) noexcept;
    bool is_poisoned(const Access& access) noexcept;
    void sleep() noexcept;
    bool is_over() noexcept;
    void due_at(std::int64_t time_ns) noexcept;

    Control& control_;
    const Settings::Executor executor_;
    std::array<std::atomic<Queue*>, kMaxQueues> queues_{};
    std::atomic<std::uint32_t> queue_count_{0};
    std::atomic<std::uint64_t> rings_{0};
    std::atomic<bool> sleeping_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> ready_{false};
    std::array<std::atomic<int>, kMaxGpus> failures_{};
    std::atomic<int> engine_pid_{0};
    std::atomic<bool> free_poisons_{false};
    std::atomic<bool> death_poisons_{false};
    std::atomic<std::int64_t> step_ns_{0};
    std::atomic<std::int64_t> linger_ns_{0};
    std::atomic<bool> linger_until_told_{false};
    std::chrono::nanoseconds delay_{};
    int doorbell_ = -1;
    int client_gone_ = -1;   ///< the end of a pipe whose other end the client, and children that it forks, hold
    int client_lives_ = -1;  ///< that other end
    std::thread thread_{};

    // The engine's own again.
    std::uint64_t random_ = 1;
    std::uint64_t seen_rings_ = 0;
    std::int64_t next_due_ns_ = 0;  ///< 0: nothing is delayed
    bool polls_ = false;            ///< something waits for a word that nobody tells of
    std::int64_t over_at_ns_ = 0;   ///< 0: the client lives
    std::int64_t looked_at_ns_ = 0;
    std::uint32_t released_before_ = 0;
};

}  // namespace emulator
