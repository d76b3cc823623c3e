#include <stdexcept>
#include <type_traits>
#include <vector>

#include "compute/on_host.hpp"
#include "compute/pixels.hpp"
#include "compute/processor.hpp"

namespace frames {
namespace {

constexpr int kThreads = 256;

// One block of threads for each row.
__global__ void make_rows(std::uint64_t sequence, std::int64_t width, std::uint8_t* frame) {
    const std::int64_t y = blockIdx.x;
    for (std::int64_t x = threadIdx.x; x < width; x += kThreads) {
        frame[y * width + x] = pixel(sequence, y, x);
    }
}

__global__ void infer_rows(const std::uint8_t* frame, std::int64_t width, float* result) {
    __shared__ std::uint32_t sum;
    const std::uint8_t* const in = frame + blockIdx.x * width;
    float* const out = result + blockIdx.x * (width + 1);
    if (threadIdx.x == 0) {
        sum = 0;
    }
    __syncthreads();
    std::uint32_t own = 0;
    for (std::int64_t x = threadIdx.x; x < width; x += kThreads) {
        own += in[x];
        out[x] = normalised(in[x]);
    }
    atomicAdd(&sum, own);
    __syncthreads();
    if (threadIdx.x == 0) {
        out[width] = score(sum, width);
    }
}

void check_cuda(cudaError_t code, const char* attempt) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(attempt) + ": CUDA says " + cudaGetErrorName(code) + " (" +
                                 std::to_string(static_cast<int>(code)) + "): " + cudaGetErrorString(code));
    }
}

class Event final : public Mark {
public:
    explicit Event(cudaStream_t stream) {
        cudaEvent_t event = nullptr;
        check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync), "making an event");
        event_.reset(event);
        check_cuda(cudaEventRecord(event, stream), "recording an event");
    }
    void wait() const override { check_cuda(cudaEventSynchronize(event_.get()), "computing on the GPU"); }

private:
    struct Destroy {
        void operator()(cudaEvent_t event) const { static_cast<void>(cudaEventDestroy(event)); }
    };
    std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy> event_;
};

/// Queues work in a stream of its own.
class GpuProcessor : public Processor {
public:
    explicit GpuProcessor(int ordinal) {
        check_cuda(cudaSetDevice(ordinal), "choosing the GPU");
        cudaStream_t stream = nullptr;
        check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
        stream_.reset(stream);
    }

    [[nodiscard]] fastio::Stream stream() const override { return stream_.get(); }

    void make(std::uint64_t sequence, fastio::Allocation& frame) override {
        make_rows<<<rows_of(frame), kThreads, 0, stream_.get()>>>(sequence, frame.dimensions()[1],
                                                                  frame.data<std::uint8_t>());
        check_cuda(cudaGetLastError(), "making a frame");
    }
    void infer(const fastio::Allocation& frame, fastio::Allocation& result) override {
        infer_rows<<<rows_of(frame), kThreads, 0, stream_.get()>>>(frame.data<const std::uint8_t>(),
                                                                   frame.dimensions()[1], result.data<float>());
        check_cuda(cudaGetLastError(), "computing a result");
    }
    [[nodiscard]] std::span<const float> read(const fastio::Allocation& result) override {
        values_.resize(result.count());
        result.copy_to(values_.data(), result.size(), {.stream = stream()});
        synchronise();
        return values_;
    }

    [[nodiscard]] std::unique_ptr<Mark> mark() const override { return std::make_unique<Event>(stream_.get()); }
    void synchronise() const override { check_cuda(cudaStreamSynchronize(stream_.get()), "computing on the GPU"); }

private:
    static unsigned rows_of(const fastio::Allocation& frame) { return static_cast<unsigned>(frame.dimensions()[0]); }

    struct DestroyStream {
        void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
    };
    std::unique_ptr<std::remove_pointer_t<cudaStream_t>, DestroyStream> stream_;
    std::vector<float> values_;
};

/// Where no kernel runs: the same order of streams, around a computation on the host.
class CopyingProcessor final : public GpuProcessor {
public:
    using GpuProcessor::GpuProcessor;

    void make(std::uint64_t sequence, fastio::Allocation& frame) override {
        frame_.resize(frame.count());
        make_on_host(sequence, frame.dimensions()[0], frame.dimensions()[1], frame_);
        copy_in(frame_, frame);
    }
    void infer(const fastio::Allocation& frame, fastio::Allocation& result) override {
        frame_.resize(frame.count());
        result_.resize(result.count());
        frame.copy_to(frame_.data(), frame.size(), {.stream = stream()});
        synchronise();
        infer_on_host(frame.dimensions()[0], frame.dimensions()[1], frame_, result_);
        copy_in(result_, result);
    }

private:
    template <class T>
    void copy_in(const std::vector<T>& values, fastio::Allocation& allocation) const {
        allocation.copy_from(values.data(), values.size() * sizeof(T), {.stream = stream()});
        synchronise();  // whether CUDA has read pageable memory before depends on the machine
    }

    std::vector<std::uint8_t> frame_;
    std::vector<float> result_;
};

/// What CUDA says of a kernel that it has no code for.
bool means_no_kernel(cudaError_t code) {
    return code == cudaErrorNoKernelImageForDevice || code == cudaErrorUnsupportedPtxVersion ||
           code == cudaErrorInvalidDeviceFunction || code == cudaErrorJitCompilerNotFound;
}

}  // namespace

std::unique_ptr<Processor> make_gpu_processor(int ordinal, std::string& notice) {
    auto gpu = std::make_unique<GpuProcessor>(ordinal);
    // One kernel stands for all: they are compiled for the same architectures.
    cudaFuncAttributes attributes{};
    const cudaError_t code = cudaFuncGetAttributes(&attributes, infer_rows);
    if (means_no_kernel(code)) {
        static_cast<void>(cudaGetLastError());
        notice = std::string("no kernel of this program runs on it (CUDA says ") + cudaGetErrorName(code) + ")";
        return std::make_unique<CopyingProcessor>(ordinal);
    }
    check_cuda(code, "looking up a kernel");
    return gpu;
}

}  // namespace frames
