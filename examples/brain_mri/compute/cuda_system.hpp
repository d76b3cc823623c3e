#pragma once

// For nvcc, which includes the CUDA runtime by itself.
#include <thrust/system/cuda/execution_policy.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <fastio/stream.hpp>

namespace brain_mri {

inline void check_cuda(cudaError_t code, const char* attempt) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(attempt) + ": CUDA says " + cudaGetErrorName(code) + " (" +
                                 std::to_string(static_cast<int>(code)) + "): " + cudaGetErrorString(code));
    }
}

/// A GPU and a stream of its own on it.
class CudaSystem {
public:
    /// Makes the GPU the calling thread's current device.
    explicit CudaSystem(int ordinal) {
        check_cuda(cudaSetDevice(ordinal), "choosing the GPU");
        cudaStream_t stream = nullptr;
        check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
        stream_.reset(stream);
    }

    /// Memory that is taken and given back in the order of the stream, so that neither waits for the GPU.
    template <class T>
    class Array {
    public:
        Array(std::size_t count, cudaStream_t stream) : data_(nullptr, FreeInStream{stream}) {
            void* data = nullptr;
            check_cuda(cudaMallocAsync(&data, count * sizeof(T), stream), "allocating memory of the GPU");
            data_.reset(static_cast<T*>(data));
        }
        [[nodiscard]] T* data() const { return data_.get(); }

    private:
        struct FreeInStream {
            cudaStream_t stream;
            void operator()(T* data) const { static_cast<void>(cudaFreeAsync(data, stream)); }
        };
        std::unique_ptr<T, FreeInStream> data_;
    };

    /// Thrust does not wait after what it queues here, except to return a result.
    [[nodiscard]] auto policy() const { return thrust::cuda::par_nosync.on(stream_.get()); }
    [[nodiscard]] static bool is_gpu() { return true; }
    [[nodiscard]] fastio::Stream stream() const { return stream_.get(); }
    void synchronise() const { check_cuda(cudaStreamSynchronize(stream_.get()), "computing on the GPU"); }

    template <class T>
    [[nodiscard]] Array<T> copy_of(const std::vector<T>& values) const {
        Array<T> copy = array<T>(values.size());
        check_cuda(cudaMemcpyAsync(copy.data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice,
                                   stream_.get()),
                   "copying to the GPU");
        synchronise();  // whether CUDA has read pageable memory before depends on the machine
        return copy;
    }
    template <class T>
    [[nodiscard]] Array<T> array(std::size_t count) const {
        return Array<T>(count, stream_.get());
    }
    template <class T>
    [[nodiscard]] std::vector<T> read(const T* first, std::size_t count) const {
        std::vector<T> values(count);
        check_cuda(cudaMemcpyAsync(values.data(), first, count * sizeof(T), cudaMemcpyDeviceToHost, stream_.get()),
                   "copying from the GPU");
        synchronise();
        return values;
    }

private:
    struct DestroyStream {
        void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
    };
    std::unique_ptr<std::remove_pointer_t<cudaStream_t>, DestroyStream> stream_;
};

}  // namespace brain_mri
