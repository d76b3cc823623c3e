// An operator with a stream of its own whose kernels write and check patterns, as a test says over a channel on
// descriptor 3, one request and one answer at a time. Its host waits for the stream in `wrong` and `finish` only.
//
//   join SOCKET [DEVICE]               cuda:N, whose stream and kernels are then used
//   hold / go                          what is queued from now on waits for `go`
//   produce NAME VALUE MICROSECONDS    a kernel that fills an array so late; published behind it on the stream
//   produce_unordered ...              the same, published before: nothing orders a reader behind the kernel
//   produce_held NAME VALUE            the same, and the kernel waits for `go`
//   keep COUNT VALUE                   creates arrays and fills them at once
//   make NAME VALUE MICROSECONDS       the kernel and its array, not published yet
//   publish NAME                       what was made, on the stream, and releases it
//   consume NAME VALUE                 gets on the stream, queues the check of all words, unpublishes, releases
//   consume_late NAME VALUE MICROSECONDS   the same, and the check begins so late
//   take NAME                          gets on the stream and keeps it
//   compare NAME VALUE                 queues the check of what was taken
//   give_back                          releases it on the stream
//   in_a_new_thread REQUEST            in a thread that has made no CUDA call before
//   finish                             waits for the stream
//   check                              of what was taken
//   wrong                              waits for the stream; words that were wrong since the last time
//   allocations, quarantined           of the context: how many, how many bytes
//   gpus, peers                        how many this process sees, and "ok" if cuda:1 reaches cuda:0
//   fork                               a child that lives until descriptor 4 ends
//   quit
//
// Errors are answered as "error NAME: MESSAGE".
#include <cuda_runtime_api.h>
#include <unistd.h>

#include <cstdio>
#include <fastio/fastio.hpp>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
        words >> verb >> name;
        if (verb == "join") {
            std::string device = "cuda:0";
            words >> device;
            join(name, device);
            return "ok";
        }
        std::uint64_t value = 0;
        std::uint64_t microseconds = 0;
        words >> value >> microseconds;
        if (verb == "hold") {
            hold();
        } else if (verb == "go") {
            gate_->open();
        } else if (verb == "produce_held") {
            produce_held(name, value);
        } else if (verb == "keep") {
            keep(std::stoull(name), value);
        } else if (verb == "produce" || verb == "produce_unordered") {
            produce(name, value, microseconds, verb == "produce");
        } else if (verb == "make") {
            made_ = make(value, microseconds);
        } else if (verb == "publish") {
            made_.publish(name, {.stream = stream_->get()});
            made_.release(stream_->get());
        } else if (verb == "consume" || verb == "consume_late") {
            consume(name, value, microseconds);
        } else if (verb == "take") {
            taken_ = get(name);
        } else if (verb == "compare") {
            queue_count_wrong(stream_->get(), static_cast<const std::uint64_t*>(taken_.data()), taken_.count(), value,
                              wrong_->get());
        } else if (verb == "give_back") {
            taken_.release(stream_->get());
        } else if (verb == "in_a_new_thread") {
            return run_in_a_new_thread(request.substr(verb.size() + 1));
        } else if (verb == "finish") {
            finish();
        } else if (verb == "check") {
            taken_.check();
        } else if (verb == "wrong") {
            finish();
            const std::uint64_t wrong = wrong_->value();
            wrong_->set(0);
            return std::to_string(wrong);
        } else {
            return tell(verb);
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
        queue_late_fill(stream_->get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, microseconds);
        return made;
    }
    /// What needs no name.
    std::string tell(const std::string& verb) {
        if (verb == "allocations") {
            return std::to_string(context_->stats().allocations);
        }
        if (verb == "quarantined") {
            return std::to_string(context_->stats().bytes_quarantined);
        }
        if (verb == "gpus") {
            int count = 0;
            check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
            return std::to_string(count);
        }
        if (verb == "peers") {
            int reaches = 0;
            check_cuda(cudaDeviceCanAccessPeer(&reaches, 1, 0), "cudaDeviceCanAccessPeer");
            return reaches != 0 ? "ok" : "none";
        }
        if (verb == "fork") {
            fork_child();
            return "ok";
        }
        return "unknown request: " + verb;
    }

    void join(const std::string& socket, const std::string& device) {
        check_cuda(cudaSetDevice(std::stoi(device.substr(device.find(':') + 1))), "cudaSetDevice");
        stream_.emplace();
        wrong_.emplace();
        late_.emplace();
        launch_each_kernel();
        context_.emplace(ContextOptions{
            .job = "job", .socket = socket, .device = device, .connect_timeout = std::chrono::seconds(60)});
    }
    /// A driver may load a kernel at its first launch, and only once no stream is held up.
    void launch_each_kernel() const {
        queue_late_fill(stream_->get(), late_->get(), 1, 0, 0);
        queue_count_wrong(stream_->get(), late_->get(), 1, 0, wrong_->get());
        finish();
    }
    void hold() {
        gate_ = std::make_unique<Gate>();
        gate_->hold(stream_->get());
    }
    static void fork_child() {
        if (::fork() == 0) {
            ::close(3);
            char byte = 0;
            while (::read(4, &byte, 1) > 0) {
            }
            ::_exit(0);
        }
    }

    void produce_held(const std::string& name, std::uint64_t value) {
        Allocation made = context_->create(uint64, {kWords});
        made.publish(name);  // which waits for the GPU
        hold();
        queue_late_fill(stream_->get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, 0);
        made.release(stream_->get());
    }
    void keep(std::uint64_t count, std::uint64_t value) {
        for (; count > 0; --count) {
            const Allocation& made = kept_.emplace_back(context_->create(uint64, {kWords}));
            queue_late_fill(stream_->get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, 0);
        }
        finish();
    }
    void consume(const std::string& name, std::uint64_t value, std::uint64_t microseconds) {
        Allocation got = get(name);
        if (microseconds != 0) {
            queue_late_fill(stream_->get(), late_->get(), 1, 0, microseconds);
        }
        queue_count_wrong(stream_->get(), static_cast<const std::uint64_t*>(got.data()), got.count(), value,
                          wrong_->get());
        context_->unpublish(name);
        got.release(stream_->get());
    }
    void produce(const std::string& name, std::uint64_t value, std::uint64_t microseconds, bool ordered) {
        Allocation made = context_->create(uint64, {kWords});
        if (!ordered) {
            made.publish(name);
        }
        queue_late_fill(stream_->get(), static_cast<std::uint64_t*>(made.data()), made.count(), value, microseconds);
        if (ordered) {
            made.publish(name, {.stream = stream_->get()});
        }
        made.release(stream_->get());
    }
    [[nodiscard]] Allocation get(const std::string& name) { return context_->get(name, {.stream = stream_->get()}); }
    void finish() const { check_cuda(cudaStreamSynchronize(stream_->get()), "cudaStreamSynchronize"); }

    std::optional<TestStream> stream_;
    std::optional<DeviceWord> wrong_;
    std::optional<DeviceWord> late_;  ///< what a kernel writes that others are to begin behind
    std::unique_ptr<Gate> gate_;      ///< one for each hold
    std::optional<Context> context_;
    Allocation made_;
    Allocation taken_;
    std::vector<Allocation> kept_;
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
