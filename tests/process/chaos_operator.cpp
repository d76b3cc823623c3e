// An operator that does everything at random until it is told to stop or is killed, and checks whatever it gets. On a
// GPU it works on a stream, and takes producer_lost for what it is: somebody was killed.
// Exit status 0 when descriptor 4 ended, 42 when it saw wrong data, 43 when it has leaked; a byte on descriptor 3 per
// step: 'r' when the service answered a request in it, 'x' when it begins, 'l' when the service was lost and it has
// joined the next one, else '.'. Now and then it forks a child, which writes its process id to descriptor 6 and lives
// until descriptor 5 ends. At SIGUSR1, in the middle of whatever it does, it becomes a new program of the same name. A
// thread of it always waits for a name that nobody publishes.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fastio/fastio.hpp>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "device/quiet_thread.hpp"
#include "process/chaos_memory.hpp"
#include "support/leak_check.hpp"

namespace {

using fastio::test::ChaosMemory;
using fastio::test::pattern_word;

constexpr int kProgress = 3;
constexpr int kStop = 4;
constexpr int kChildrensLife = 5;
constexpr int kChildrensIds = 6;
constexpr int kWrongData = 42;
constexpr int kLeak = 43;
constexpr std::uint64_t kMark = 0x6661'7374'696f'2121;
constexpr std::size_t kNames = 12;
constexpr std::size_t kMostHeld = 24;
constexpr int kMostChildren = 3;
constexpr std::int64_t kLargeWords = 1 << 19;  // a slab of its own, which goes back

// Contents: kMark, seed, then words that follow from seed and position. Whoever gets them can tell a torn or foreign
// buffer from a good one.
bool contents_are_right(std::span<const std::uint64_t> words) {
    if (words.size() < 2 || words[0] != kMark) {
        return false;
    }
    for (std::size_t i = 2; i < words.size(); ++i) {
        if (words[i] != pattern_word(words[1], i - 2)) {
            return false;
        }
    }
    return true;
}

/// False: whoever wrote it was killed first.
bool is_whole(const fastio::Allocation& allocation) {
    try {
        allocation.check();
        return true;
    } catch (const fastio::Error& error) {
        if (error.errc() != fastio::Errc::producer_lost) {
            throw;
        }
        return false;
    }
}

[[noreturn]] void fail_for_wrong_data(const fastio::Allocation& allocation, const char* when) {
    std::fprintf(stderr, "wrong data %s in '%s' version %llu\n", when, std::string(allocation.name()).c_str(),
                 static_cast<unsigned long long>(allocation.version()));
    std::_Exit(kWrongData);
}

void check(ChaosMemory& memory, const fastio::Allocation& allocation, const char* when) {
    // Whether it is whole is known once its contents are waited for.
    const std::vector<std::uint64_t> words = memory.read(allocation);
    if (is_whole(allocation) && !contents_are_right(words)) {
        fail_for_wrong_data(allocation, when);
    }
}

/// In the child: it holds what it inherited and does nothing. Bare system calls, because it may have been made behind
/// the back of everything that keeps libraries right across a fork.
[[noreturn]] void live_as_a_child() {
    ::syscall(SYS_close, kProgress);
    ::syscall(SYS_close, kStop);
    const auto id = static_cast<pid_t>(::syscall(SYS_getpid));
    ::syscall(SYS_write, kChildrensIds, &id, sizeof(id));
    char byte = 0;
    while (::syscall(SYS_read, kChildrensLife, &byte, 1) > 0) {
    }
    for (;;) {
        ::syscall(SYS_exit_group, 0);
    }
}

/// A thread that waits for ever. The thread sanitizer keeps a signal until the thread that has it returns from its
/// wait; under it this thread takes none.
template <class Function>
std::thread waiting_thread(Function&& function) {
#if defined(__SANITIZE_THREAD__)
    return fastio::quiet_thread(std::forward<Function>(function));
#else
    return std::thread(std::forward<Function>(function));
#endif
}

bool told_to_stop() {
    pollfd input{kStop, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}

class Chaos {
public:
    Chaos(fastio::ContextOptions options, std::uint64_t seed) : options_(std::move(options)), random_(seed) { join(); }
    Chaos(const Chaos&) = delete;
    Chaos& operator=(const Chaos&) = delete;
    ~Chaos() {
        context_->close();
        waiter_.join();
    }

    /// The service is dead: what it had mapped is readable still, the waiter has been told, and the next one is joined.
    void rejoin() {
        for (const fastio::Allocation& allocation : held_) {
            if (ChaosMemory::outlives_the_service() && !contents_are_right(memory_.read(allocation))) {
                fail_for_wrong_data(allocation, "after the service's death");
            }
        }
        held_.clear();
        waiter_.join();
        context_.reset();
        join();
    }

    /// True when the service answered a request in it.
    bool step() {
        if (held_.size() > kMostHeld) {
            drop([this](fastio::Allocation& allocation) { release(allocation); });
        }
        if (children_ < kMostChildren && random_() % 32 == 0) {
            fork_child();
        }
        switch (random_() % 8) {
            case 0:
            case 1:
                publish();
                return true;
            case 2:
            case 3:
            case 4:
                get();
                return false;
            case 5:
                drop([this](fastio::Allocation& allocation) { release(allocation); });
                return false;
            case 6:
                return drop([this](fastio::Allocation& allocation) { free(allocation); });
            default:
                unpublish();
                return true;
        }
    }

private:
    void join() {
        while (!context_) {
            try {
                context_.emplace(options_);
            } catch (const fastio::Error& error) {
                if (error.errc() != fastio::Errc::service_lost || told_to_stop()) {
                    throw;
                }
            }
        }
        waiter_ = waiting_thread([this] {
            try {
                static_cast<void>(context_->get("never", {.timeout = fastio::forever}));
            } catch (const fastio::Error& error) {
                if (error.errc() == fastio::Errc::service_lost || error.errc() == fastio::Errc::context_closed) {
                    return;
                }
            }
            std::fprintf(stderr, "chaos_operator: what nobody publishes was got\n");
            std::_Exit(1);
        });
    }

    /// The operator's stream, or none: both ways of every call meet each other.
    fastio::Stream some_stream() { return random_() % 2 == 0 ? memory_.stream() : fastio::Stream{}; }

    void release(fastio::Allocation& allocation) {
        if (const fastio::Stream stream = some_stream()) {
            allocation.release(stream);
        } else {
            allocation.release();
        }
    }

    void free(fastio::Allocation& allocation) {
        if (const fastio::Stream stream = some_stream()) {
            allocation.free(stream);
        } else {
            allocation.free();
        }
    }

    std::optional<fastio::Allocation> find() {
        try {
            return context_->find(name(), {.stream = some_stream(), .contents_timeout = fastio::forever});
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::producer_lost) {
                throw;
            }
            return std::nullopt;
        }
    }

    std::string name() { return "chaos/" + std::to_string(random_() % kNames); }

    void publish() {
        const bool is_large = random_() % 64 == 0;
        const auto count = is_large ? kLargeWords : static_cast<std::int64_t>(2 + random_() % 16'384);
        fastio::Allocation made = context_->create(fastio::uint64, {count});
        memory_.write(made, {kMark, random_()});
        if (random_() % 16 != 0) {  // else: created and never published
            made.publish(name(), {.stream = some_stream(), .replace = true});
        }
        if (random_() % 2 == 0) {
            held_.push_back(std::move(made));
        }
    }

    void get() {
        std::optional<fastio::Allocation> found = find();
        if (!found) {
            return;
        }
        check(memory_, *found, "at get");
        if (random_() % 2 == 0) {
            held_.push_back(std::move(*found));
        }
    }

    template <class Drop>
    bool drop(Drop&& how) {
        if (held_.empty()) {
            return false;
        }
        const std::size_t which = random_() % held_.size();
        std::swap(held_[which], held_.back());
        check(memory_, held_.back(), "while held");
        how(held_.back());
        held_.pop_back();
        return true;
    }

    void unpublish() {
        try {
            context_->unpublish(name());
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::not_found) {
                throw;
            }
        }
    }

    /// One of fork(), of which the library hears and closes the child's sockets, or one that a bare system call makes:
    /// that keeps the sockets as well as the lifeline.
    void fork_child() {
        const long child = random_() % 2 == 0 ? ::fork() : ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0) {
            live_as_a_child();
        }
        children_ += child > 0 ? 1 : 0;
    }

    fastio::ContextOptions options_;
    std::optional<fastio::Context> context_;
    std::thread waiter_;
    ChaosMemory memory_;
    std::mt19937_64 random_;
    std::vector<fastio::Allocation> held_;
    int children_ = 0;
};

/// For the handler of SIGUSR1.
std::array<char*, 6> next_arguments{};

void become_a_new_program(int) {
    ::execv("/proc/self/exe", next_arguments.data());
    std::_Exit(1);
}

void tell(const char* what) {
    if (::write(kProgress, what, 1) != 1) {
        std::_Exit(1);
    }
}

std::size_t count_descriptors() {
    return fastio::test::Resources::now().descriptors.size();
}

/// A driver opens files at its first use, and keeps them.
void use_device_once(const fastio::ContextOptions& options) {
    try {
        ChaosMemory memory;
        fastio::Context context(options);
        fastio::Allocation made = context.create(fastio::uint64, {64});
        memory.write(made, {kMark, 0});
        static_cast<void>(memory.read(made));
    } catch (const fastio::Error& error) {
        if (error.errc() != fastio::Errc::service_lost) {
            throw;
        }
    }
}

void work(const fastio::ContextOptions& options, std::uint64_t seed) {
    Chaos chaos(options, seed);
    while (!told_to_stop()) {
        try {
            tell(chaos.step() ? "r" : ".");
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::service_lost) {
                throw;
            }
            chaos.rejoin();
            tell("l");
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) {
        std::fprintf(stderr, "usage: chaos_operator SOCKET JOB SEED [DESCRIPTORS]\n");
        return 2;
    }
    // What an earlier program of this process left open is open here.
    const std::size_t descriptors = count_descriptors();
    if (argc == 5 && descriptors != std::strtoull(argv[4], nullptr, 10)) {
        std::fprintf(stderr, "chaos_operator: %zu descriptors after exec, there were %s\n", descriptors, argv[4]);
        return kLeak;
    }
    const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
    std::string next_seed = std::to_string(seed + 1);
    std::string inherited = std::to_string(descriptors);
    next_arguments = {argv[0], argv[1], argv[2], next_seed.data(), inherited.data(), nullptr};
    struct sigaction action {};
    action.sa_handler = become_a_new_program;
    ::sigaction(SIGUSR1, &action, nullptr);
    // A new program begins with the signals that the handler had blocked: SIGUSR1, and with the thread sanitizer all.
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGCHLD, SIG_IGN);  // nobody waits for the children
    tell("x");
    try {
        const fastio::ContextOptions options{
            .job = argv[2], .socket = argv[1], .connect_timeout = std::chrono::seconds(30)};
        use_device_once(options);
        const std::size_t at_rest = count_descriptors();
        work(options, seed);
        if (const std::size_t left = count_descriptors(); left != at_rest) {
            std::fprintf(stderr, "chaos_operator: %zu descriptors at the end, %zu at the start\n", left, at_rest);
            return kLeak;
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chaos_operator: %s\n", error.what());
        return 1;
    }
}
