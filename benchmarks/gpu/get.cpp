#include <fmt/format.h>

#include <bit>

#include "measures.hpp"

namespace fastio::gpu_bench {
namespace {

constexpr const char* kName = "volume";

/// Nanoseconds of one call, each the mean over a batch: one call takes less than a clock resolves.
struct Times {
    Samples get;
    Samples get_on_stream;
    Samples release_on_stream;
    Samples get_and_release;
    Samples open_and_close;
};

class Reader {
public:
    Reader(const std::string& socket, const Handle& handle, std::uint64_t batch)
        : context_(join(socket)), handle_(std::bit_cast<cudaIpcMemHandle_t>(handle)), batch_(batch) {
        held_.reserve(batch);
    }

    void round(Times& times) {
        times.get.add(get({}));
        times.release_on_stream.add(release());
        times.get_on_stream.add(get({.stream = stream_.get()}));
        times.release_on_stream.add(release());
        times.get_and_release.add(mean_of([&] { context_.get(kName).release(); }));
        times.open_and_close.add(time_of([&] {
            void* data = nullptr;
            gpu::check(cudaIpcOpenMemHandle(&data, handle_, cudaIpcMemLazyEnablePeerAccess), "opening a handle");
            gpu::check(cudaIpcCloseMemHandle(data), "closing a handle");
        }));
    }

private:
    template <class Call>
    double mean_of(const Call& call) const {
        const double time = time_of([&] {
            for (std::uint64_t i = 0; i < batch_; ++i) {
                call();
            }
        });
        return time / static_cast<double>(batch_);
    }
    double get(const GetOptions& options) {
        return mean_of([&] { held_.push_back(context_.get(kName, options)); });
    }
    double release() {
        std::size_t next = 0;
        const double time = mean_of([&] { held_[next++].release(stream_.get()); });
        held_.clear();
        stream_.synchronise();
        return time;
    }

    Context context_;
    cudaIpcMemHandle_t handle_;
    std::uint64_t batch_;
    OwnStream stream_;
    std::vector<Allocation> held_;
};

}  // namespace

// Publishes a volume, and exports a block of the same size by hand.
void run_publisher(int descriptor, const std::string& socket) {
    Line line(descriptor);
    Context context = join(socket);
    const std::uint64_t bytes = line.hear().number;
    Allocation volume = context.create(bytes);
    volume.publish(kName);
    const DeviceBlock block(bytes);
    line.say({.handle = block.handle()});
    static_cast<void>(line.hear());  // until the case ends this process
}

Outcome measure_get(const Settings& settings) {
    const std::uint64_t bytes = settings.pick(4, 64) * kMiB;
    const std::uint64_t batch = settings.pick(10, 500);
    Outcome outcome;
    // Some slabs, and the block that is opened by hand.
    if (!settings.fits(64 * bytes, "get of " + size_text(bytes), outcome)) {
        return outcome;
    }
    const bench::PrivateService service("cuda:0");
    Peer publisher("publisher", service.socket());
    const Handle handle = publisher.ask({.number = bytes}).handle;
    Reader reader(service.socket(), handle, batch);
    Times warm_up;  // opens the slab
    reader.round(warm_up);
    Times times;
    for (std::uint64_t round = 0; round < settings.pick(3, 40); ++round) {
        reader.round(times);
    }
    const std::string reference = fmt::format("cudaIpcOpenMemHandle and close of {}", size_text(bytes));
    const auto add = [&](const char* what, const Samples& samples, std::optional<double> at_least) {
        outcome.figures.push_back(figure_of(what, samples, reference, times.open_and_close, at_least));
    };
    add("get of an open slab", times.get, 1000);
    add("get with a stream, contents complete", times.get_on_stream, std::nullopt);
    add("get and release()", times.get_and_release, std::nullopt);
    outcome.figures.push_back(figure_of("release(stream)", times.release_on_stream));
    outcome.notes.push_back(fmt::format("times of get and release are means over {} calls", batch));
    return outcome;
}

}  // namespace fastio::gpu_bench
