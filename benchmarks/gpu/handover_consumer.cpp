#include <cstring>
#include <stdexcept>

#include "handover.hpp"
#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

constexpr std::size_t kPayload = 0;
constexpr std::size_t kTime = 1;

/// The process whose kernel comes second.
class Consumer {
public:
    Consumer(Line& line, const std::string& socket)
        : line_(line), context_(join(socket)), block_(hear_handle(line)), event_(hear_handle(line)) {}

    /// One round: the kernel's time and what it read, to the producer.
    void round() {
        const auto mechanism = static_cast<Mechanism>(line_.hear().number);
        if (mechanism == Mechanism::stream_words) {
            Allocation frame = context_.get(
                kFrame, {.stream = stream_.get(), .timeout = std::chrono::seconds(20), .newer_than = version_});
            version_ = frame.version();
            enqueue(frame.data());
            frame.release(stream_.get());
        } else {
            static_cast<void>(line_.hear());
            if (mechanism == Mechanism::ipc_events) {
                gpu::check(cudaStreamWaitEvent(stream_.get(), event_.get()), "waiting for an interprocess event");
            }
            enqueue(block_.data());
        }
        stream_.synchronise();
        Message answer{.value = pinned_.words()[kTime]};
        std::memcpy(answer.handle.data(), pinned_.words() + kPayload, sizeof(std::uint64_t));
        line_.say(answer);
    }

private:
    static Handle hear_handle(Line& line) {
        const Handle handle = line.hear().handle;
        line.say({});
        return handle;
    }

    void enqueue(const void* from) {
        stamp(pinned_.words() + kTime, stream_.get());
        gpu::check(cudaMemcpyAsync(pinned_.words() + kPayload, from, sizeof(std::uint64_t), cudaMemcpyDeviceToHost,
                                   stream_.get()),
                   "reading the payload");
    }

    Line& line_;
    Context context_;
    PinnedBlock pinned_{4096};
    OpenedBlock block_;
    SharedEvent event_;
    OwnStream stream_;
    std::uint64_t version_ = 0;
};

}  // namespace

void run_consumer(int descriptor, const std::string& socket) {
    Line line(descriptor);
    Consumer consumer(line, socket);
    while (true) {
        consumer.round();
    }
}

}  // namespace fastio::gpu_bench
