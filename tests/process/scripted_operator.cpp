// An operator that does what a test says over a channel on descriptor 3, one request and one answer at a time:
//
//   join SOCKET JOB     create KEY BYTES      publish KEY NAME      get KEY NAME       check KEY
//   release KEY         free KEY              await NAME            fork [HOW]         exec           quit
//
// `await` answers "waiting" at once, then blocks in get, and answers again with what came of it. `fork` makes a child
// that lives until descriptor 4 ends and answers with its process id; with HOW "destroying" the child has destroyed
// its copies of the objects then. Errors are answered as "error NAME".
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fastio/fastio.hpp>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "support/channel.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

constexpr int kRequests = 3;
constexpr int kLife = 4;

std::vector<std::uint8_t> pattern_of(std::uint64_t size) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(size * 31 + i * 7 + 1);
    }
    return bytes;
}

class Operator {
public:
    explicit Operator(Channel& channel) : channel_(channel) {}

    std::string run(const std::string& request) {
        std::istringstream words(request);
        std::string verb;
        std::string key;
        std::string name;
        words >> verb >> key >> name;
        if (verb == "join") {
            context_.emplace(ContextOptions{.job = name, .socket = key, .connect_timeout = std::chrono::seconds(60)});
            return "ok";
        }
        if (verb == "create") {
            Allocation made = context_->create(std::strtoull(name.c_str(), nullptr, 10));
            fill(made);
            allocations_[key] = std::move(made);
            return "ok";
        }
        if (verb == "publish") {
            allocations_.at(key).publish(name);
            return "ok";
        }
        if (verb == "get") {
            allocations_[key] = context_->get(name);
            return "ok";
        }
        if (verb == "check") {
            return is_right(allocations_.at(key)) ? "right" : "wrong";
        }
        if (verb == "release") {
            allocations_.at(key).release();
            return "ok";
        }
        if (verb == "free") {
            allocations_.at(key).free();
            return "ok";
        }
        if (verb == "await") {
            channel_.say("waiting");
            Allocation got = context_->get(key, {.timeout = forever});
            return is_right(got) ? "right" : "wrong";
        }
        if (verb == "fork") {
            return std::to_string(fork_child(key == "destroying"));
        }
        if (verb == "exec") {
            channel_.say("ok");
            ::execlp("cat", "cat", "/dev/fd/4", nullptr);  // lives until descriptor 4 ends
            std::_Exit(127);
        }
        return "error unknown request: " + request;
    }

private:
    static void fill(Allocation& allocation) {
        const std::vector<std::uint8_t> bytes = pattern_of(allocation.size());
        allocation.copy_from(bytes.data(), bytes.size());
    }
    static bool is_right(const Allocation& allocation) {
        std::vector<std::uint8_t> bytes(allocation.size());
        allocation.copy_to(bytes.data(), bytes.size());
        return bytes == pattern_of(allocation.size());
    }
    pid_t fork_child(bool destroying) {
        const Pipe ready = make_pipe();
        const pid_t child = ::fork();
        if (child == 0) {
            if (destroying) {
                allocations_.clear();
                context_.reset();
            }
            send_byte(ready.write.get());
            ::close(kRequests);
            char byte = 0;
            while (::read(kLife, &byte, 1) > 0) {
            }
            std::_Exit(0);
        }
        wait_until_readable(ready.read.get());
        return child;
    }

    Channel& channel_;
    std::optional<Context> context_;
    std::map<std::string, Allocation> allocations_;
};

int serve() {
    Channel channel{wire::Socket(Descriptor(kRequests))};
    ::fcntl(kRequests, F_SETFD, FD_CLOEXEC);
    Operator one(channel);
    while (true) {
        const std::string request = channel.hear().text;
        if (request == "quit") {
            return 0;
        }
        try {
            channel.say(one.run(request));
        } catch (const Error& error) {
            channel.say(std::string("error ") + to_string(error.errc()));
        }
    }
}

}  // namespace
}  // namespace fastio::test

int main() {
    try {
        return fastio::test::serve();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "scripted_operator: %s\n", error.what());
        return 1;
    }
}
