// An operator that does everything at random until it is told to stop or is killed, and checks whatever it gets.
// Exit status 0 when descriptor 4 ended, 42 when it saw wrong data; a byte on descriptor 3 per step.
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fastio/fastio.hpp>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

constexpr int kProgress = 3;
constexpr int kStop = 4;
constexpr int kWrongData = 42;
constexpr std::uint64_t kMark = 0x6661'7374'696f'2121;
constexpr std::size_t kNames = 12;
constexpr std::size_t kMostHeld = 24;

// Contents: kMark, seed, then words that follow from seed and position. Whoever gets them can tell a torn or foreign
// buffer from a good one.
std::uint64_t word_at(std::uint64_t seed, std::size_t position) {
    std::uint64_t x = seed + 0x9e37'79b9'7f4a'7c15 * (position + 1);  // splitmix64
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

void write_contents(std::span<std::uint64_t> words, std::uint64_t seed) {
    words[0] = kMark;
    words[1] = seed;
    for (std::size_t i = 2; i < words.size(); ++i) {
        words[i] = word_at(seed, i);
    }
}

bool contents_are_right(std::span<const std::uint64_t> words) {
    if (words.size() < 2 || words[0] != kMark) {
        return false;
    }
    for (std::size_t i = 2; i < words.size(); ++i) {
        if (words[i] != word_at(words[1], i)) {
            return false;
        }
    }
    return true;
}

void check(const fastio::Allocation& allocation, const char* when) {
    if (!contents_are_right(allocation.as_span<const std::uint64_t>())) {
        std::fprintf(stderr, "wrong data %s in '%s' version %llu\n", when, std::string(allocation.name()).c_str(),
                     static_cast<unsigned long long>(allocation.version()));
        std::_Exit(kWrongData);
    }
}

bool told_to_stop() {
    pollfd input{kStop, POLLIN, 0};
    return ::poll(&input, 1, 0) > 0;
}

class Chaos {
public:
    Chaos(fastio::Context& context, std::uint64_t seed) : context_(context), random_(seed) {}

    void step() {
        switch (random_() % 8) {
            case 0:
            case 1:
                publish();
                break;
            case 2:
            case 3:
            case 4:
                get();
                break;
            case 5:
                drop([](fastio::Allocation& allocation) { allocation.release(); });
                break;
            case 6:
                drop([](fastio::Allocation& allocation) { allocation.free(); });
                break;
            default:
                unpublish();
        }
        if (held_.size() > kMostHeld) {
            drop([](fastio::Allocation& allocation) { allocation.release(); });
        }
    }

private:
    std::string name() { return "chaos/" + std::to_string(random_() % kNames); }

    void publish() {
        const auto count = static_cast<std::int64_t>(2 + random_() % 16'384);
        fastio::Allocation made = context_.create(fastio::uint64, {count});
        write_contents(made.as_span<std::uint64_t>(), random_());
        if (random_() % 16 != 0) {  // else: created and never published
            made.publish(name(), {.replace = true});
        }
        if (random_() % 2 == 0) {
            held_.push_back(std::move(made));
        }
    }

    void get() {
        std::optional<fastio::Allocation> found = context_.find(name());
        if (!found) {
            return;
        }
        check(*found, "at get");
        if (random_() % 2 == 0) {
            held_.push_back(std::move(*found));
        }
    }

    template <class Drop>
    void drop(Drop&& how) {
        if (held_.empty()) {
            return;
        }
        const std::size_t which = random_() % held_.size();
        std::swap(held_[which], held_.back());
        check(held_.back(), "while held");
        how(held_.back());
        held_.pop_back();
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

    fastio::Context& context_;
    std::mt19937_64 random_;
    std::vector<fastio::Allocation> held_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: chaos_operator SOCKET JOB SEED\n");
        return 2;
    }
    try {
        fastio::Context context{{.job = argv[2], .socket = argv[1], .connect_timeout = std::chrono::seconds(30)}};
        Chaos chaos(context, std::strtoull(argv[3], nullptr, 10));
        while (!told_to_stop()) {
            chaos.step();
            if (::write(kProgress, ".", 1) != 1) {
                break;
            }
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "chaos_operator: %s\n", error.what());
        return 1;
    }
}
