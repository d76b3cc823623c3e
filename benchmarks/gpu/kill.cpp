#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bench_kernels.hpp"
#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kKernelLimit{5};
constexpr seconds kKernelLimitWithChild{3};
constexpr milliseconds kQuiet{400};  // so long without a new word: the kernel is over
constexpr unsigned kChildLimitS = 30;
constexpr std::size_t kPageBytes = 4096;

/// What victim and observer share: a page of a memfd, which the victim pins.
struct Page {
    alignas(64) std::atomic<std::uint64_t> count;  ///< written by the victim's kernel
    alignas(64) std::atomic<std::int64_t> ready;   ///< 1 once the kernel runs and the child, if any, is there
    std::atomic<std::int64_t> child;               ///< process id
};

Page& map_page(int file) {
    void* const page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) {
        throw std::runtime_error("mapping a page failed");
    }
    return *static_cast<Page*>(page);
}

// The child makes no CUDA call: all it does is to hold what it inherited.
void leave_child(Page& page) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(kChildLimitS);
        while (true) {
            ::pause();
        }
    }
    page.child = child;
}

void be_victim(int file, std::chrono::nanoseconds limit, bool with_child) {
    Page& page = map_page(file);
    gpu::check(cudaHostRegister(&page, kPageBytes, cudaHostRegisterMapped), "pinning a page");
    void* word = nullptr;
    gpu::check(cudaHostGetDevicePointer(&word, &page, 0), "asking for a page's address on the GPU");
    const OwnStream stream;
    gpu::check(
        launch_count_up(static_cast<std::uint64_t*>(word), static_cast<std::uint64_t>(limit.count()), stream.get()),
        "launching a kernel that runs for {} ns", limit.count());
    while (page.count == 0) {
        std::this_thread::yield();
    }
    if (with_child) {
        leave_child(page);
    }
    page.ready = 1;
    while (true) {
        ::pause();
    }
}

/// A page for one victim, and the end of what the victim left.
class Observed {
public:
    explicit Observed(const char* role) : file_(::memfd_create("fastio-gpu-bench", MFD_CLOEXEC)) {
        if (file_ < 0 || ::ftruncate(file_, kPageBytes) != 0) {
            throw std::runtime_error("memfd_create failed");
        }
        page_ = &map_page(file_);
        victim_.emplace(std::vector<std::string>{bench::self(), "--role", role, "--fd", std::to_string(file_)},
                        std::span<const int>(&file_, 1));
        pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, victim_->pid(), 0));
    }
    Observed(const Observed&) = delete;
    Observed& operator=(const Observed&) = delete;
    ~Observed() {
        if (page_->child > 0) {
            ::kill(static_cast<pid_t>(page_->child), SIGKILL);
        }
        ::munmap(page_, kPageBytes);
        ::close(pidfd_);
        ::close(file_);
    }

    struct Times {
        double last_word_ns = 0;
        double exit_ns = 0;
    };
    /// Kills the victim while its kernel runs. Nanoseconds from then on.
    Times kill() {
        wait_until("get its kernel to run", [&] { return page_->ready != 0; });
        wait_until("still have its kernel", [&, seen = page_->count.load()] { return page_->count != seen; });
        const auto killed = Clock::now();
        ::kill(victim_->pid(), SIGKILL);
        auto last = killed;
        std::optional<Clock::time_point> exit;
        std::uint64_t count = page_->count;
        for (auto now = Clock::now(); !exit || now - last < kQuiet; now = Clock::now()) {
            if (const std::uint64_t seen = page_->count; seen != count) {
                count = seen;
                last = now;
            }
            if (!exit && exited()) {
                exit = now;
            }
            if (now - killed > seconds(20)) {
                throw std::runtime_error("a killed process or its kernel is still there after 20 s");
            }
        }
        const auto since = [&](Clock::time_point time) {
            return std::chrono::duration<double, std::nano>(time - killed).count();
        };
        return {since(last), since(*exit)};
    }

private:
    template <class Condition>
    void wait_until(const char* what, const Condition& condition) const {
        const auto started = Clock::now();
        while (!condition()) {
            if (exited() || Clock::now() - started > seconds(15)) {
                throw std::runtime_error(fmt::format("the process that was to be killed did not {}", what));
            }
            std::this_thread::yield();
        }
    }
    [[nodiscard]] bool exited() const {
        pollfd waited{pidfd_, POLLIN, 0};
        return ::poll(&waited, 1, 0) > 0;
    }

    int file_;
    int pidfd_ = -1;
    Page* page_ = nullptr;
    std::optional<bench::Process> victim_;
};

void measure_role(const char* role, const std::string& whose, std::uint64_t rounds, Outcome& outcome) {
    Samples last_word;
    Samples exit;
    Samples outlived;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        const Observed::Times times = Observed(role).kill();
        last_word.add(times.last_word_ns);
        exit.add(times.exit_ns);
        outlived.add(times.last_word_ns - times.exit_ns);
    }
    outcome.figures.push_back(figure_of(fmt::format("kill -9 to the last word of a kernel{}", whose), last_word));
    outcome.figures.push_back(figure_of(fmt::format("kill -9 to the exit of its process{}", whose), exit));
    outcome.figures.push_back(figure_of(fmt::format("exit to the last word (negative: before){}", whose), outlived));
    // What a grace period must cover is the worst, not the median.
    outcome.notes.push_back(fmt::format("at worst{}: last word {:.2f} ms after the kill, {:.2f} ms after the exit",
                                        whose, last_word.quantile(1) / 1e6, outlived.quantile(1) / 1e6));
}

}  // namespace

void run_victim(int descriptor, const std::string& /*socket*/) {
    be_victim(descriptor, kKernelLimit, false);
}

void run_victim_with_child(int descriptor, const std::string& /*socket*/) {
    be_victim(descriptor, kKernelLimitWithChild, true);
}

Outcome measure_kill(const Settings& settings) {
    Outcome outcome;
    measure_role("victim", "", settings.pick(1, 7), outcome);
    measure_role("victim-with-child", ", forked child lives", settings.pick(1, 4), outcome);
    outcome.notes.push_back(
        fmt::format("kernels end by themselves after {} s; those of a process with a child after "
                    "{} s: a time close to that says that nothing else ended them",
                    kKernelLimit.count(), kKernelLimitWithChild.count()));
    return outcome;
}

}  // namespace fastio::gpu_bench
