// An operator with a stream of its own that does what a test says over a channel on descriptor 3, one request and one
// answer at a time. Every KEY is one Allocation.
//
//   join SOCKET DEVICE         create KEY WORDS           get KEY NAME [host]
//   hold                       what is queued from now on waits until `go`
//   write KEY SEED             queues a "kernel" that writes words which follow from SEED
//   publish KEY NAME           behind the stream          release KEY / free KEY   behind the stream
//   long_write KEY SEED        the same in thousands of steps
//   read KEY                   queues a copy to the host  drop KEY                 destroys it, without a stream
//   verify KEY SEED            waits for the stream: "right" or "wrong"
//   finish                     waits for the stream       check KEY                after that
//   set NAME VALUE             a switch of the emulator   break CODE GPU           every later call about it gives it
//   refuse CALL CODE           the next call of a CUDA function gives it; refuse_always: all later ones too
//   calls CALL                 how often it was called    stats                    "ORDERING PUBLISHES-SYNCHRONISED"
//   slabs                      how many are mapped
//   put KEY SEED               copies from pageable memory; get "host" and "see KEY SEED" compare without a stream
//   device KEY                 the device of the context, of the allocation, and of what is published first
//   leave                      destroys all, the context last
//   outlive_main HOW           "leaked" contexts and allocations are never destroyed, "static" ones after main; from
//                              the end of main on every CUDA call gives 4 (cudaErrorCudartUnloading)
//   turn                       what follows is about the other one of two contexts
//   stream GPU                 another stream, of that GPU; the thread's current one stays
//   fork                       a child that lives until descriptor 4 ends; answers with its process id
//   capture WHAT KEY           a call in a stream that is being captured; first_get: of a name, with its slab
//   capture_legacy WHAT KEY    a call in the legacy stream while a stream that it orders is being captured
//   quit
//
// Errors are answered as "error NAME: MESSAGE".
#include <cuda_runtime_api.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fastio/fastio.hpp>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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
            std::string how;
            words >> how;
            ContextOptions options;
            options.job = "job";
            options.socket = key;
            options.device = rest;
            options.connect_timeout = std::chrono::seconds(60);
            options.request_timeout = how == "impatient" ? std::chrono::seconds(10) : forever;
            context_.emplace(options);
        } else if (verb == "create") {
            allocations_[key] = context_->create(uint64, {std::stoll(rest)});
        } else if (verb == "get") {
            std::string how;
            words >> how;
            allocations_[key] = how == "host" ? context_->get(rest, {.contents_timeout = std::chrono::milliseconds(1)})
                                              : context_->get(rest, {.stream = stream()});
        } else if (verb == "hold") {
            gate_ = std::make_unique<Gate>();
            gate_->hold(stream());
        } else if (verb == "go") {
            gate_->open();
        } else if (verb == "write") {
            write(allocations_.at(key), std::stoull(rest));
        } else if (verb == "publish") {
            allocations_.at(key).publish(rest, {.stream = stream()});
        } else if (verb == "publish_now") {
            allocations_.at(key).publish(rest);
        } else if (verb == "release") {
            allocations_.at(key).release(stream());
        } else if (verb == "free") {
            allocations_.at(key).free(stream());
        } else if (verb == "drop") {
            allocations_.erase(key);
        } else if (verb == "long_write") {
            write(allocations_.at(key), std::stoull(rest), kLongSteps);
        } else if (verb == "read") {
            const Allocation& from = allocations_.at(key);
            const Words& to = copies_.try_emplace(key, from.count()).first->second;
            from.copy_to(to.span().data(), from.size(), {.stream = stream()});
        } else if (verb == "verify") {
            finish();
            return is_right(copies_.at(key).span(), std::stoull(rest)) ? "right" : "wrong";
        } else if (verb == "finish") {
            finish();
        } else if (verb == "check") {
            allocations_.at(key).check();
        } else if (verb == "put") {
            const std::vector<std::uint64_t> contents = pattern(allocations_.at(key).count(), std::stoull(rest));
            allocations_.at(key).copy_from(contents.data(), contents.size() * sizeof(std::uint64_t));
        } else if (verb == "see") {
            std::vector<std::uint64_t> contents(allocations_.at(key).count());
            allocations_.at(key).copy_to(contents.data(), contents.size() * sizeof(std::uint64_t));
            return is_right(contents, std::stoull(rest)) ? "right" : "wrong";
        } else if (verb == "stats") {
            const ContextStats stats = context_->stats();
            return std::string(stats.stream_ordering == StreamOrdering::memory_operations ? "memory_operations"
                               : stats.stream_ordering == StreamOrdering::synchronise     ? "synchronise"
                                                                                          : "none") +
                   " " + std::to_string(stats.synchronised_publishes);
        } else if (verb == "slabs") {
            return std::to_string(context_->stats().slabs_mapped);
        } else if (verb == "device") {
            return context_->device() + " " + allocations_.at(key).device() + " " + context_->list().at(0).device;
        } else if (verb == "outlive_main") {
            outlive_main(key == "static");
        } else if (verb == "turn") {
            std::swap(context_, other_context_);
        } else if (verb == "stream") {
            make_stream_on(std::stoi(key));
        } else if (verb == "leave") {
            allocations_.clear();
            context_.reset();
        } else if (verb == "fork") {
            return std::to_string(fork_child());
        } else if (verb == "capture") {
            return capture(key, rest, false);
        } else if (verb == "capture_legacy") {
            return capture(key, rest, true);
        } else {
            return tell_emulator(verb, key, rest);
        }
        return "ok";
    }

private:
    static std::string tell_emulator(const std::string& verb, const std::string& key, const std::string& rest) {
        const cudart_emulator::Api& api = *cudart_emulator::find();
        if (verb == "set") {
            return api.set(key.c_str(), rest.c_str()) == 0 ? "ok" : "no such switch";
        }
        if (verb == "break") {
            api.break_device(std::stoi(rest), std::stoi(key));
        } else if (verb == "refuse") {
            api.fail_call(key.c_str(), std::stoi(rest), 1, 0);
        } else if (verb == "refuse_always") {
            api.fail_call(key.c_str(), std::stoi(rest), 1, 1);
        } else if (verb == "calls") {
            return std::to_string(api.calls(key.c_str()));
        } else {
            return "unknown request: " + verb;
        }
        return "ok";
    }

    void outlive_main(bool is_static) {
        struct Held {
            std::optional<Context> context;
            std::map<std::string, Allocation> allocations;
        };
        static Held owned;
        static Held& leaked = *new Held;
        Held& held = is_static ? owned : leaked;
        held.context = std::move(context_);
        held.allocations = std::move(allocations_);
        std::atexit([] { cudart_emulator::find()->fail_call("*", cudaErrorCudartUnloading, 1, 1); });
    }

    void make_stream_on(int gpu) {
        int before = 0;
        if (cudaGetDevice(&before) != cudaSuccess || cudaSetDevice(gpu) != cudaSuccess) {
            throw std::runtime_error("no such GPU");
        }
        stream_.emplace();
        static_cast<void>(cudaSetDevice(before));
    }

    static pid_t fork_child() {
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(3);
            char byte = 0;
            while (::read(4, &byte, 1) > 0) {
            }
            ::_exit(0);
        }
        return child;
    }

    /// What the operation says to a stream that is being captured, or to the legacy stream that would order it; and
    /// whether that spoilt the capture.
    std::string capture(const std::string& what, const std::string& key, bool legacy) {
        static_cast<void>(stream());  // not while another one is captured
        cudaStream_t captured = nullptr;
        const unsigned flags = legacy ? cudaStreamDefault : cudaStreamNonBlocking;
        if (cudaStreamCreateWithFlags(&captured, flags) != cudaSuccess ||
            cudaStreamBeginCapture(captured, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
            throw std::runtime_error("no capture could be begun");
        }
        std::string answer = "ok";
        try {
            call_in(legacy ? nullptr : captured, what, key);
        } catch (const Error& error) {
            answer = std::string("error ") + to_string(error.errc());
        }
        // What was released by then is dropped before this is refused.
        try {
            static_cast<void>(context_->create(std::uint64_t{1} << 40));
        } catch (const Error&) {
        }
        cudaGraph_t graph = nullptr;
        if (cudaStreamEndCapture(captured, &graph) != cudaSuccess) {
            answer += ", and the capture is spoilt";
        } else {
            static_cast<void>(cudaGraphDestroy(graph));
        }
        static_cast<void>(cudaStreamDestroy(captured));
        return answer;
    }

    void call_in(cudaStream_t stream, const std::string& what, const std::string& key) {
        static constexpr std::uint64_t kWord = 0;
        if (what == "first_get") {
            static_cast<void>(context_->get(key, {.stream = stream}));
        } else if (what == "create") {
            allocations_["made" + std::to_string(allocations_.size())] =
                context_->create(uint64, {1}, {.stream = stream});
        } else if (what == "create_zero") {
            static_cast<void>(context_->create(uint64, {1}, {.stream = stream, .zero = true}));
        } else if (what == "publish_array") {
            context_->publish_array({&kWord, uint64, {1}}, "captured", {.stream = stream});
        } else if (what == "publish_array_there") {
            context_->publish_array({&kWord, uint64, {1}}, "captured", {.stream = stream}, {.device = "cuda:0"});
        } else {
            call_in(stream, what, allocations_.at(key));
        }
    }

    void call_in(cudaStream_t stream, const std::string& what, Allocation& allocation) {
        std::uint64_t word = 0;
        if (what == "publish") {
            allocation.publish("captured", {.stream = stream});
        } else if (what == "get") {
            static_cast<void>(context_->get(allocation.name(), {.stream = stream}));
        } else if (what == "release") {
            allocation.release(stream);
        } else if (what == "free") {
            allocation.free(stream);
        } else if (what == "order_first") {
            allocation.order(stream, this->stream());
        } else if (what == "order_later") {
            allocation.order(this->stream(), stream);
        } else if (what == "copy_from") {
            allocation.copy_from(&word, sizeof word, {.stream = stream});
        } else if (what == "copy_to") {
            allocation.copy_to(&word, sizeof word, {.stream = stream});
        } else {
            throw std::runtime_error("unknown call: " + what);
        }
    }

    static std::vector<std::uint64_t> pattern(std::uint64_t count, std::uint64_t seed) {
        std::vector<std::uint64_t> words(count);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = cudart_emulator::pattern_word(seed, i);
        }
        return words;
    }
    // Some seconds, unless the engine is told to end.
    static constexpr std::uint64_t kLongSteps = 4096;

    void write(const Allocation& to, std::uint64_t seed, std::uint64_t steps = 1) {
        const cudart_emulator::Api* const api = cudart_emulator::find();
        if (api == nullptr || api->launch_pattern(stream(), to.data(), to.size(), seed, steps) != 0) {
            throw std::runtime_error("the pattern could not be queued");
        }
    }
    // Made when it is first needed: an operator of a machine without GPUs has none.
    cudaStream_t stream() {
        if (!stream_) {
            stream_.emplace();
        }
        return stream_->get();
    }
    void finish() {
        if (cudaStreamSynchronize(stream()) != cudaSuccess) {
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

    std::optional<TestStream> stream_;
    std::unique_ptr<Gate> gate_ = std::make_unique<Gate>();  // one for each hold
    std::optional<Context> context_;
    std::optional<Context> other_context_;
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
            channel.say(std::string("error ") + to_string(error.errc()) + ": " + error.what());
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
