// An operator with a stream of its own whose kernels write and check patterns, as a test says over a channel on
// descriptor 3, one request and one answer at a time. Its host waits for the stream in `wrong` and `finish` only.
//
//   join SOCKET
//   produce NAME VALUE MICROSECONDS    a kernel that fills an array so late; published behind it on the stream
//   produce_unordered ...              the same, published before: nothing orders a reader behind the kernel
//   make NAME VALUE MICROSECONDS       the kernel and its array, not published yet
//   publish NAME                       what was made, on the stream, and releases it
//   consume NAME VALUE                 gets on the stream, queues the check of all words, unpublishes, releases
//   take NAME                          gets on the stream and keeps it
//   compare NAME VALUE                 queues the check of what was taken
//   give_back                          releases it on the stream
//   in_a_new_thread REQUEST            in a thread that has made no CUDA call before
//   finish                             waits for the stream
//   check                              of what was taken
//   wrong                              waits for the stream; words that were wrong since the last time
//
// Errors are answered as "error NAME: MESSAGE".
#include <cuda_runtime_api.h>

#include <cstdio>
#include <fastio/fastio.hpp>
#include <future>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "cuda/device/gate.hpp"
#include "cuda/ordering/pattern_kernels.hpp"
#include "support/channel.hpp"

namespace fastio::test {
namespace {

constexpr std::int64_t kWords = 1 << 17;  // 1 MiB

void check_cuda(cudaError_t code, const char* attempt) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(attempt) + ": " + cudaGetErrorName(code));
    }
}

/// A word of device memory, 0 at first.
class DeviceWord {
public:
    DeviceWord() {
        void* memory = nullptr;
        check_cuda(cudaMalloc(&memory, sizeof(std::uint64_t)), "cudaMalloc");
        word_ = static_cast<std::uint64_t*>(memory);
        set(0);
    }
    DeviceWord(const DeviceWord&) = delete;
    DeviceWord& operator=(const DeviceWord&) = delete;
    ~DeviceWord() { static_cast<void>(cudaFree(word_)); }

    [[nodiscard]] std::uint64_t* get() const noexcept { return word_; }
    void set(std::uint64_t value) const {
        check_cuda(cudaMemcpy(word_, &value, sizeof value, cudaMemcpyHostToDevice), "cudaMemcpy to a word");
        check_cuda(cudaStreamSynchronize(cudaStreamLegacy), "cudaStreamSynchronize");
    }
    [[nodiscard]] std::uint64_t value() const {
        std::uint64_t value = 0;
        check_cuda(cudaMemcpy(&value, word_, sizeof value, cudaMemcpyDeviceToHost), "cudaMemcpy from a word");
        return value;
    }

private:
    std::uint64_t* word_ = nullptr;
};

class Operator {
public:
    std::string run(const std::string& request) {
        std::istringstream words(request);
        std::string verb;
        std::string name;
        std::uint64_t value = 0;
        std::uint64_t microseconds = 0;
        words >> verb >> name >> value >> microseconds;
        if (verb == "join") {
            context_.emplace(ContextOptions{
                .job = "job", .socket = name, .device = "cuda:0", .connect_timeout = std::chrono::seconds(60)});
        } else if (verb == "produce" || verb == "produce_unordered") {
            produce(name, value, microseconds, verb == "produce");
        } else if (verb == "make") {
            made_ = make(value, microseconds);
        } else if (verb == "publish") {
            made_.publish(name, {.stream = stream_.get()});
            made_.release(stream_.get());
        } else if (verb == "consume") {
            Allocation got = get(name);
            queue_count_wrong(stream_.get(), static_cast<const std::uint64_t*>(got.data()), got.count(), value,
                              wrong_.get());
            context_->unpublish(name);
            got.release(stream_.get());
        } else if (verb == "take") {
            taken_ = get(name);
        } else if (verb == "compare") {
            queue_count_wrong(stream_.get(), static_cast<const std::uint64_t*>(taken_.data()), taken_.count(), value,
                              wrong_.get());
        } else if (verb == "give_back") {
            taken_.release(stream_.get());
        } else if (verb == "in_a_new_thread") {
            return run_in_a_new_thread(request.substr(verb.size() + 1));
        } else if (verb == "finish") {
            finish();
        } else if (verb == "check") {
            taken_.check();
        } else if (verb == "wrong") {
            finish();
            const std::uint64_t wrong = wrong_.value();
            wrong_.set(0);
            return std::to_string(wrong);
        } else {
            return "unknown request: " + verb;
        }
        return "ok";
    }

private:
    std::string run_in_a_new_thread(const std::string& request) {
        std::packaged_task<std::string()> task([&] { return run(request); });
        std::future<std::string> answer = task.get_future();
        std::thread(std::move(task)).join();
        return answer.get();
    }
    [[nodiscard]] Allocation make(std::uint64_t value, std::uint64_t microseconds) {
        Allocation made = context_->create(uint64, {kWords});
        queue_late_fill(stream_.get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, microseconds);
        return made;
    }
    void produce(const std::string& name, std::uint64_t value, std::uint64_t microseconds, bool ordered) {
        Allocation made = context_->create(uint64, {kWords});
        if (!ordered) {
            made.publish(name);
        }
        queue_late_fill(stream_.get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, microseconds);
        if (ordered) {
            made.publish(name, {.stream = stream_.get()});
        }
        made.release(stream_.get());
    }
    [[nodiscard]] Allocation get(const std::string& name) { return context_->get(name, {.stream = stream_.get()}); }
    void finish() const { check_cuda(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize"); }

    TestStream stream_;
    DeviceWord wrong_;
    std::optional<Context> context_;
    Allocation made_;
    Allocation taken_;
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
        std::fprintf(stderr, "pattern_operator: %s\n", error.what());
        return 1;
    }
}
