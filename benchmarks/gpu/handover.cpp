#include "handover.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

constexpr std::uint64_t kBlock = 10;  // rounds of one mechanism before the next
constexpr std::size_t kMechanisms = 3;

/// The process whose kernel comes first.
class Producer {
public:
    Producer(Peer& consumer, const std::string& socket) : consumer_(consumer), context_(join(socket)) {
        static_cast<void>(consumer_.ask({.handle = block_.handle()}));
        static_cast<void>(consumer_.ask({.handle = event_.handle()}));
    }

    /// One hand-over: nanoseconds from the end of a kernel that takes `work_ns` to the start of the next one.
    double round(Mechanism mechanism, std::uint64_t work_ns) {
        ++number_;
        pinned_.words()[kPayload] = number_;
        const auto order = static_cast<std::uint64_t>(mechanism);
        switch (mechanism) {
            case Mechanism::stream_words: {
                Allocation frame = context_.create(2 * kMiB);
                line().say({.number = order});
                enqueue(frame.data(), work_ns);
                frame.publish(kFrame, {.stream = stream_.get(), .replace = true});
                frame.release(stream_.get());
                break;
            }
            case Mechanism::ipc_events:
                line().say({.number = order});
                enqueue(block_.data(), work_ns);
                gpu::check(cudaEventRecord(event_.get(), stream_.get()), "recording an interprocess event");
                line().say({});
                break;
            case Mechanism::host:
                line().say({.number = order});
                enqueue(block_.data(), work_ns);
                stream_.synchronise();
                line().say({});
                break;
        }
        const Message answer = line().hear();
        stream_.synchronise();
        std::uint64_t seen = 0;
        std::memcpy(&seen, answer.handle.data(), sizeof(seen));
        if (seen != number_) {
            throw std::runtime_error(fmt::format("the consumer read {} and not {}: it was not ordered", seen, number_));
        }
        return static_cast<double>(answer.value) - static_cast<double>(pinned_.words()[kTime]);
    }

    [[nodiscard]] StreamOrdering ordering() { return context_.stats().stream_ordering; }

private:
    static constexpr std::size_t kPayload = 0;
    static constexpr std::size_t kTime = 1;

    Line& line() noexcept { return consumer_.line(); }

    void enqueue(void* to, std::uint64_t work_ns) {
        work_for(work_ns, stream_.get());
        gpu::check(cudaMemcpyAsync(to, pinned_.words() + kPayload, sizeof(std::uint64_t), cudaMemcpyHostToDevice,
                                   stream_.get()),
                   "writing the payload");
        stamp(pinned_.words() + kTime, stream_.get());
    }

    Peer& consumer_;
    Context context_;
    PinnedBlock pinned_{4096};
    DeviceBlock block_{2 * kMiB};
    SharedEvent event_;
    OwnStream stream_;
    std::uint64_t number_ = 0;
};

void measure_work(Producer& producer, std::uint64_t work_us, const Settings& settings, Outcome& outcome) {
    std::array<Samples, kMechanisms> times;
    const std::uint64_t blocks = settings.pick(1, 15);
    for (std::uint64_t block = 0; block <= blocks; ++block) {
        for (std::size_t i = 0; i < kMechanisms; ++i) {
            for (std::uint64_t round = 0; round < settings.pick(2, kBlock); ++round) {
                const double time = producer.round(static_cast<Mechanism>(i), work_us * 1000);
                if (block > 0) {  // the first one warms up
                    times[i].add(time);
                }
            }
        }
    }
    const std::string after = fmt::format("after a kernel of {} us", work_us);
    const std::string reference = "host synchronisation and a message";
    const auto& [words, events, host] = times;
    // Judged where the producer's host is ahead of its kernel, which is what streams are for.
    const auto at_least = work_us > 0 ? std::optional<double>(3) : std::nullopt;
    outcome.figures.push_back(
        figure_of("kernel to kernel by stream words, " + after, words, reference, host, at_least));
    outcome.figures.push_back(figure_of("kernel to kernel by IPC events, " + after, events, reference, host));
}

}  // namespace

Outcome measure_handover(const Settings& settings) {
    Outcome outcome;
    const bench::PrivateService service("cuda:0");
    Peer consumer("consumer", service.socket());
    Producer producer(consumer, service.socket());
    measure_work(producer, 500, settings, outcome);
    measure_work(producer, 0, settings, outcome);
    if (producer.ordering() != StreamOrdering::memory_operations) {
        outcome.notes.emplace_back("this GPU's streams cannot write words: publishing waited for them");
    }
    outcome.notes.push_back(fmt::format("the clock of these times goes in steps of {} ns", clock_step(nullptr)));
    outcome.notes.emplace_back(kernels_run() ? "times are the GPU's, from kernel to kernel"
                                             : "no kernel ran: times are those of host functions in their place");
    return outcome;
}

}  // namespace fastio::gpu_bench
