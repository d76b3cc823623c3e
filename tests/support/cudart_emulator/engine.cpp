#include "support/cudart_emulator/engine.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "support/cudart_emulator/clock.hpp"
#include "support/cudart_emulator/descriptors.hpp"
#include "support/cudart_emulator/engine_process.hpp"
#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/host_function.hpp"

namespace emulator {
namespace {

/// Blocks every signal in this thread while it lives, and so in threads that it starts.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace

Engine::Engine(Control& control, const Settings& settings)
    : control_(control), executor_(settings.executor), random_(settings.seed * 2 + 1) {
    take_settings(settings);
}

void Engine::take_settings(const Settings& settings) noexcept {
    delay_ = settings.delay;
    free_poisons_ = settings.free_poisons_importers;
    death_poisons_ = settings.death_poisons_importers;
    step_ns_ = settings.step.count();
    linger_ns_ = settings.linger.count();
    linger_until_told_ = settings.linger_until_told;
}

void Engine::start() {
    doorbell_ = above_standard(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const SignalsBlocked blocked;
    if (executor_ == Settings::Executor::thread) {
        thread_ = std::thread([this] { run(); });
        return;
    }
#if defined(__SANITIZE_THREAD__)
    fatal("the thread sanitizer cannot follow an engine with a process of its own: FASTIO_EMU_EXECUTOR=thread");
#endif
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        fatal("no descriptors left: %s", std::strerror(errno));
    }
    client_gone_ = above_standard(ends[0]);
    client_lives_ = above_standard(ends[1]);
    released_before_ = control_.layout().released;
    thread_ = std::thread([this] { run_as_process(); });
    ready_.wait(false);
    ::close(client_gone_);
    std::thread([this] { mind(); }).detach();
}

void Engine::mind() {
    int status = 0;
    while (::waitpid(engine_pid_, &status, __WALL) < 0 && errno == EINTR) {
    }
    // Somebody killed it: a lost device.
    for (std::uint32_t gpu = 0; gpu < kMaxGpus; ++gpu) {
        fail(gpu, cudaErrorDevicesUnavailable);
    }
    for (std::uint32_t i = 0; i < queue_count_; ++i) {
        queue(i).done = queue(i).submitted.load();
        queue(i).done.notify_all();
    }
    engine_pid_ = 0;
    engine_pid_.notify_all();
}

void Engine::run_as_process() {
    const int pid = split_off();
    if (pid < 0) {
        fatal("this kernel or processor cannot run the engine as a process: FASTIO_EMU_EXECUTOR=thread");
    }
    keep_descriptors({doorbell_, client_gone_, control_.file()});
    Control::lock_engine(control_.file(), control_.slot());
    engine_pid_ = pid;
    ready_ = true;
    ready_.notify_all();
    run();
    ::syscall(SYS_exit_group, 0);
}

bool Engine::stop() {
    if (executor_ == Settings::Executor::thread) {
        if (thread_.joinable()) {
            stopping_ = true;
            ring();
            thread_.join();
        }
        return true;
    }
    if (linger_ns_ > 0 || linger_until_told_) {
        return engine_pid_ == 0;
    }
    if (const int pid = engine_pid_; pid != 0) {
        ::kill(pid, SIGKILL);
        engine_pid_.wait(pid);
    }
    return true;
}

std::uint32_t Engine::add_queue(std::uint32_t gpu) {
    if (queue_count_ == 0) {
        start();
    }
    for (std::uint32_t i = 0; i < queue_count_; ++i) {
        Queue& known = queue(i);
        if (!known.taken && known.gpu == gpu && known.done == known.submitted) {
            known.taken = true;
            return i;
        }
    }
    const std::uint32_t index = queue_count_;
    if (index == kMaxQueues) {
        fatal("more than %u streams at a time", kMaxQueues);
    }
    auto* const fresh = new Queue;
    fresh->taken = true;
    fresh->gpu = gpu;
    queues_[index].store(fresh, std::memory_order_release);
    queue_count_.store(index + 1, std::memory_order_release);
    return index;
}

Point Engine::submit(std::uint32_t index, Work work) {
    Queue& queue = this->queue(index);
    const std::uint64_t place = queue.submitted.load();
    const bool waits = work.kind == Work::Kind::wait_point;
    work.not_before_ns = waits || delay_.count() == 0 ? 0 : now_ns() + delay_.count();
    if (work.kind == Work::Kind::call) {
        call_functions(queue);
    }
    queue.at(place) = work;
    queue.submitted.store(place + 1, std::memory_order_seq_cst);
    ring();
    return {index, place + 1};
}

bool Engine::is_full(std::uint32_t index) noexcept {
    // Half, so that what an operation waits for always fits in front of it.
    Queue& queue = this->queue(index);
    return queue.submitted.load() - queue.cleaned >= Queue::kLength / 2;
}

bool Engine::is_done(Point point) noexcept {
    return queue(point.queue).done.load(std::memory_order_acquire) >= point.end;
}

void Engine::hurry(Point point) {
    Queue& queue = this->queue(point.queue);
    const std::uint64_t first = std::max(queue.done.load(), queue.hurried.load());
    if (point.end <= first) {
        return;
    }
    queue.hurried.store(point.end);
    for (std::uint64_t place = first; place < point.end; ++place) {
        const Work& work = queue.at(place);
        if (work.kind == Work::Kind::wait_point) {
            hurry(work.point);
        }
    }
    ring();
}

void Engine::wait(Point point) noexcept {
    Queue& queue = this->queue(point.queue);
    for (std::uint64_t done = queue.done.load(); done < point.end; done = queue.done.load()) {
        queue.done.wait(done);
    }
}

void Engine::wait_for_room(std::uint32_t index) noexcept {
    Queue& queue = this->queue(index);
    wait({index, queue.submitted.load() - Queue::kLength / 4});
}

void Engine::fail(std::uint32_t gpu, int code) noexcept {
    int none = 0;
    failures_[gpu].compare_exchange_strong(none, code);
    ring();
}

void Engine::ring() noexcept {
    // Pairs with sleep(): either it sees this count, or this sees that it sleeps.
    rings_.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst)) {
        const std::uint64_t one = 1;
        ::syscall(SYS_write, doorbell_, &one, sizeof(one));
    }
}

void Engine::call_functions(Queue& queue) {
    if (queue.has_caller) {
        return;
    }
    queue.has_caller = true;
    const SignalsBlocked blocked;
    std::thread([this, &queue] {
        in_host_function = true;
        for (std::uint64_t made = 0;; ++made) {
            queue.calls_wanted.wait(made);
            queue.function(queue.argument);
            queue.calls_done.store(made + 1);
            ring();
        }
    }).detach();
}

}  // namespace emulator
