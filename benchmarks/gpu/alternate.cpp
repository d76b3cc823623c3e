#include <fmt/format.h>

#include <stdexcept>

#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

constexpr const char* kThere = "there";
constexpr const char* kBack = "back";
constexpr std::uint64_t kBlock = 10;

void copy_frame(void* to, const void* from, std::uint64_t bytes, cudaStream_t stream) {
    gpu::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copying a frame");
}

Allocation next(Context& context, const char* name, std::uint64_t& version, cudaStream_t stream) {
    Allocation frame =
        context.get(name, {.stream = stream, .timeout = std::chrono::seconds(20), .newer_than = version});
    version = frame.version();
    return frame;
}

void hand_on(Allocation& frame, const char* name, cudaStream_t stream) {
    frame.publish(name, {.stream = stream, .replace = true});
    frame.release(stream);
}

/// The operator that fills a frame, and sees it come back.
class First {
public:
    First(Peer& second, const std::string& socket, std::uint64_t bytes)
        : second_(second),
          context_(join(socket)),
          bytes_(bytes),
          own_(bytes),
          opened_(second.ask({.number = bytes, .handle = own_.handle()}).handle) {}

    double by_names() {
        second_.line().say({.number = 1});
        return round([&] {
            Allocation frame = context_.create(bytes_);
            fill(frame.data());
            hand_on(frame, kThere, stream_.get());
            Allocation back = next(context_, kBack, version_, stream_.get());
            look_at(back.data());
            back.release(stream_.get());
        });
    }

    double by_hand() {
        second_.line().say({.number = 0});
        return round([&] {
            fill(own_.data());
            stream_.synchronise();
            static_cast<void>(second_.ask({}));
            look_at(opened_.data());
        });
    }

private:
    template <class Work>
    double round(const Work& work) {
        number_ = static_cast<std::uint8_t>(number_ + 1);
        const double time = time_of([&] {
            work();
            stream_.synchronise();
        });
        if (*static_cast<const volatile std::uint8_t*>(pinned_.data()) != number_) {
            throw std::runtime_error("a frame came back with wrong contents");
        }
        return time;
    }
    void fill(void* frame) { gpu::check(cudaMemsetAsync(frame, number_, bytes_, stream_.get()), "filling a frame"); }
    void look_at(const void* frame) {
        const void* const last = static_cast<const std::byte*>(frame) + bytes_ - 1;
        gpu::check(cudaMemcpyAsync(pinned_.data(), last, 1, cudaMemcpyDeviceToHost, stream_.get()),
                   "reading the last byte of a frame");
    }

    Peer& second_;
    Context context_;
    std::uint64_t bytes_;
    DeviceBlock own_;
    OpenedBlock opened_;
    PinnedBlock pinned_{4096};
    OwnStream stream_;
    std::uint64_t version_ = 0;
    std::uint8_t number_ = 0;
};

}  // namespace

// The operator that copies each frame into one of its own.
void run_second_operator(int descriptor, const std::string& socket) {
    Line line(descriptor);
    Context context = join(socket);
    const Message first = line.hear();
    const std::uint64_t bytes = first.number;
    const OpenedBlock opened(first.handle);
    const DeviceBlock own(bytes);
    const OwnStream stream;
    line.say({.handle = own.handle()});
    std::uint64_t version = 0;
    while (true) {
        if (line.hear().number == 1) {
            Allocation frame = next(context, kThere, version, stream.get());
            Allocation back = context.create(bytes);
            copy_frame(back.data(), frame.data(), bytes, stream.get());
            frame.release(stream.get());
            hand_on(back, kBack, stream.get());
        } else {
            static_cast<void>(line.hear());
            copy_frame(own.data(), opened.data(), bytes, stream.get());
            stream.synchronise();
            line.say({});
        }
    }
}

Outcome measure_alternate(const Settings& settings) {
    Outcome outcome;
    const std::uint64_t bytes = settings.pick(4, 64) * kMiB;
    if (!settings.fits(64 * bytes, "frames of " + size_text(bytes), outcome)) {
        return outcome;
    }
    const bench::PrivateService service("cuda:0");
    Peer second("second-operator", service.socket());
    First first(second, service.socket(), bytes);
    Samples by_names;
    Samples by_hand;
    const std::uint64_t blocks = settings.pick(1, 15);
    for (std::uint64_t block = 0; block <= blocks; ++block) {
        for (std::uint64_t i = 0; i < 2 * kBlock; ++i) {
            const double time = i < kBlock ? first.by_names() : first.by_hand();
            if (block > 0) {  // the first one warms up
                (i < kBlock ? by_names : by_hand).add(time);
            }
        }
    }
    outcome.figures.push_back(figure_of(fmt::format("frame of {} there and back, by publish and get", size_text(bytes)),
                                        by_names, "opened once by hand, host synchronisation, messages", by_hand));
    return outcome;
}

}  // namespace fastio::gpu_bench
