#include "words.hpp"

#include <cuda.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>

#include "calls.hpp"

namespace fastio::conformance {
namespace {

constexpr std::size_t kPage = 4096;

using Operation = CUresult (*)(CUstream, CUdeviceptr, cuuint64_t, unsigned);

cudaError_t queue(const char* name, cudaStream_t stream, void* word, std::uint64_t value, unsigned flags) {
    const auto operation = driver_function<Operation>(name);
    return static_cast<cudaError_t>(operation(stream, reinterpret_cast<CUdeviceptr>(word), value, flags));
}

}  // namespace

cudaError_t write_word(cudaStream_t stream, void* word, std::uint64_t value) {
    return queue("cuStreamWriteValue64", stream, word, value, CU_STREAM_WRITE_VALUE_DEFAULT);
}

cudaError_t wait_for_word(cudaStream_t stream, void* word, std::uint64_t value) {
    return queue("cuStreamWaitValue64", stream, word, value, CU_STREAM_WAIT_VALUE_GEQ);
}

Descriptor SharedWords::make_file() {
    Descriptor file{::memfd_create("words", MFD_CLOEXEC)};
    if (!file || ::ftruncate(file.get(), kPage) != 0) {
        throw std::runtime_error("no file for a shared page");
    }
    return file;
}

SharedWords::SharedWords(int file) : on_host_(::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)) {
    if (on_host_ == MAP_FAILED) {
        throw std::runtime_error("a page of shared memory could not be mapped");
    }
    must(cudaHostRegister(on_host_, kPage, cudaHostRegisterMapped | cudaHostRegisterPortable), "cudaHostRegister");
    must(cudaHostGetDevicePointer(&on_device_, on_host_, 0), "cudaHostGetDevicePointer");
}

}  // namespace fastio::conformance
