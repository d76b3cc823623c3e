#pragma once

#include <cstdint>
#include <fastio/context.hpp>
#include <memory>
#include <string>

namespace fastio::test {

class StreamOperator;
/// Another member of the job, in a process of its own, on the GPU 0. It ends with the last pointer.
[[nodiscard]] std::shared_ptr<StreamOperator> start_neighbour(const std::string& socket);

/// cudaErrorMemoryAllocation, which leaves a context usable.
inline constexpr int kOutOfMemory = 2;

/// Which call of which function of CUDA fails in this process.
struct CudaFault {
    std::string function{};
    std::uint64_t nth = 0;  ///< 0: none
    bool for_ever = false;
};

/// What an operator does besides what every one does, because it takes long.
struct LongWork {
    bool upload = false;             ///< copies so much from pageable memory that several threads do it
    bool many_publications = false;  ///< publishes in a stream more often than it has fence words
};

/// The whole work of an operator of the job "job", which calls everything that libfastio calls of CUDA. It uses the
/// GPUs 0 and 1.
struct CudaWork {
    ContextOptions options{};
    LongWork more{};
    std::shared_ptr<StreamOperator> neighbour{};  ///< publishes what is late; null: nobody
};

/// Does it, meets the fault, and goes on: where the fault is met once, the same Context and a new one work afterwards.
/// Whatever is met, nothing is left over in this process. What is wrong, and a '+' at its end where the fault was met.
/// Needs a process of its own that has not used CUDA.
[[nodiscard]] std::string work_with_fault(const CudaWork& work, const CudaFault& fault);

/// What a failure that has no right to be one begins with.
inline const std::string kDoesNotWork = "it does not work: ";

/// Does it without a fault in this process. Empty, or what is wrong.
[[nodiscard]] std::string work_without_fault(const CudaWork& work);

}  // namespace fastio::test
