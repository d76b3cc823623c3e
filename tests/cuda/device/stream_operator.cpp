// An operator with a stream of its own that does what a test says over a channel on descriptor 3, one request and one
// answer at a time. Every KEY is one Allocation.
//
//   join SOCKET JOB            create KEY WORDS           get KEY NAME [host]
//   hold                       what is queued from now on waits until `go`
//   write KEY SEED             queues a "kernel" that writes words which follow from SEED
//   publish KEY NAME           behind the stream          release KEY / free KEY   behind the stream
//   read KEY                   queues a copy to the host
//   verify KEY SEED            waits for the stream: "right" or "wrong"
//   finish                     waits for the stream       check KEY                after that
//   quit
//
// Errors are answered as "error NAME".
#include <cuda_runtime_api.h>

#include <cstdio>
#include <fastio/fastio.hpp>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>

#include "cuda/device/gate.hpp"
#include "support/channel.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"

namespace fastio::test {
namespace {

/// Pinned memory: a copy to pageable memory waits for its stream.
class Words {
public:
    explicit Words(std::size_t count) : count_(count) {
        void* memory = nullptr;
        if (cudaMallocHost(&memory, count * sizeof(std::uint64_t)) != cudaSuccess) {
            throw std::runtime_error("no pinned memory");
        }
        words_ = static_cast<std::uint64_t*>(memory);
    }
    Words(const Words&) = delete;
    Words& operator=(const Words&) = delete;
    ~Words() { static_cast<void>(cudaFreeHost(words_)); }
    [[nodiscard]] std::span<std::uint64_t> span() const noexcept { return {words_, count_}; }

private:
    std::uint64_t* words_ = nullptr;
    std::size_t count_;
};

class Operator {
public:
    std::string run(const std::string& request) {
        std::istringstream words(request);
        std::string verb;
        std::string key;
        std::string rest;
        words >> verb >> key >> rest;
        if (verb == "join") {
            context_.emplace(ContextOptions{.job = rest, .socket = key, .connect_timeout = std::chrono::seconds(60)});
        } else if (verb == "create") {
            allocations_[key] = context_->create(uint64, {std::stoll(rest)});
        } else if (verb == "get") {
            std::string how;
            words >> how;
            allocations_[key] = how == "host" ? context_->get(rest, {.contents_timeout = std::chrono::milliseconds(1)})
                                              : context_->get(rest, {.stream = stream_.get()});
        } else if (verb == "hold") {
            gate_.hold(stream_.get());
        } else if (verb == "go") {
            gate_.open();
        } else if (verb == "write") {
            write(allocations_.at(key), std::stoull(rest));
        } else if (verb == "publish") {
            allocations_.at(key).publish(rest, {.stream = stream_.get()});
        } else if (verb == "publish_now") {
            allocations_.at(key).publish(rest);
        } else if (verb == "release") {
            allocations_.at(key).release(stream_.get());
        } else if (verb == "free") {
            allocations_.at(key).free(stream_.get());
        } else if (verb == "read") {
            const Allocation& from = allocations_.at(key);
            const Words& to = copies_.try_emplace(key, from.count()).first->second;
            from.copy_to(to.span().data(), from.size(), {.stream = stream_.get()});
        } else if (verb == "verify") {
            finish();
            return is_right(copies_.at(key).span(), std::stoull(rest)) ? "right" : "wrong";
        } else if (verb == "finish") {
            finish();
        } else if (verb == "check") {
            allocations_.at(key).check();
        } else if (verb == "ordering") {
            return context_->stats().stream_ordering == StreamOrdering::memory_operations ? "memory_operations"
                                                                                          : "synchronise";
        } else {
            return "unknown request: " + request;
        }
        return "ok";
    }

private:
    void write(const Allocation& to, std::uint64_t seed) {
        const cudart_emulator::Api* const api = cudart_emulator::find();
        if (api == nullptr || api->launch_pattern(stream_.get(), to.data(), to.size(), seed, 1) != 0) {
            throw std::runtime_error("the pattern could not be queued");
        }
    }
    void finish() {
        if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) {
            throw std::runtime_error("the stream failed");
        }
    }
    static bool is_right(std::span<const std::uint64_t> words, std::uint64_t seed) {
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] != cudart_emulator::pattern_word(seed, i)) {
                return false;
            }
        }
        return true;
    }

    TestStream stream_;
    Gate gate_;
    std::optional<Context> context_;
    std::map<std::string, Words> copies_;
    std::map<std::string, Allocation> allocations_;
};

void serve() {
    Channel channel{wire::Socket(Descriptor(3))};
    Operator one;
    while (true) {
        const std::string request = channel.hear().text;
        if (request == "quit") {
            return;
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
        fastio::test::serve();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "stream_operator: %s\n", error.what());
        return 1;
    }
}
