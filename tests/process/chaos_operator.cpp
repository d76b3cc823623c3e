// An operator that does everything at random until it is told to stop or is killed, and checks whatever it gets. On a
// GPU it works on a stream, and takes producer_lost for what it is: somebody was killed.
// Exit status 0 when descriptor 4 ended, 42 when it saw wrong data; a byte on descriptor 3 per step: 'r' when the
// service answered a request in it, else '.'. Now and then it forks a child, which writes its process id to descriptor
// 6 and lives until descriptor 5 ends.
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fastio/fastio.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "process/chaos_memory.hpp"

namespace {

using fastio::test::ChaosMemory;
using fastio::test::pattern_word;

constexpr int kProgress = 3;
constexpr int kStop = 4;
constexpr int kChildrensLife = 5;
constexpr int kChildrensIds = 6;
constexpr int kWrongData = 42;
constexpr std::uint64_t kMark = 0x6661'7374'696f'2121;
constexpr std::size_t kNames = 12;
constexpr std::size_t kMostHeld = 24;
constexpr int kMostChildren = 3;

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

void check(ChaosMemory& memory, const fastio::Allocation& allocation, const char* when) {
    const std::vector<std::uint64_t> words = memory.read(allocation);
    if (is_whole(allocation) && !contents_are_right(words)) {
        std::fprintf(stderr, "wrong data %s in '%s' version %llu\n", when, std::string(allocation.name()).c_str(),
                     static_cast<unsigned long long>(allocation.version()));
        std::_Exit(kWrongData);
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

bool told_to_stop() {
    pollfd input{kStop, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}

class Chaos {
public:
    Chaos(fastio::Context& context, std::uint64_t seed) : context_(context), random_(seed) {}

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
            return context_.find(name(), {.stream = some_stream(), .contents_timeout = fastio::forever});
        } catch (const fastio::Error& error) {
            if (error.errc() != fastio::Errc::producer_lost) {
                throw;
            }
            return std::nullopt;
        }
    }

    std::string name() { return "chaos/" + std::to_string(random_() % kNames); }

    void publish() {
        const auto count = static_cast<std::int64_t>(2 + random_() % 16'384);
        fastio::Allocation made = context_.create(fastio::uint64, {count});
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
            context_.unpublish(name());
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

    fastio::Context& context_;
    ChaosMemory memory_;
    std::mt19937_64 random_;
    std::vector<fastio::Allocation> held_;
    int children_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: chaos_operator SOCKET JOB SEED\n");
        return 2;
    }
    std::signal(SIGCHLD, SIG_IGN);  // nobody waits for the children
    try {
        fastio::Context context{{.job = argv[2], .socket = argv[1], .connect_timeout = std::chrono::seconds(30)}};
        Chaos chaos(context, std::strtoull(argv[3], nullptr, 10));
        while (!told_to_stop()) {
            if (::write(kProgress, chaos.step() ? "r" : ".", 1) != 1) {
                break;
            }
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chaos_operator: %s\n", error.what());
        return 1;
    }
}
