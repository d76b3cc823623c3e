#include <thrust/execution_policy.h>

#include <span>
#include <vector>

#include "compute/processor_on.hpp"

namespace brain_mri {
namespace {

/// The host's memory and, as Thrust's host system is C++, the calling thread.
struct HostSystem {
    [[nodiscard]] static auto policy() { return thrust::host; }
    [[nodiscard]] static bool is_gpu() { return false; }
    [[nodiscard]] static fastio::Stream stream() { return {}; }
    static void synchronise() {}

    template <class T>
    [[nodiscard]] static std::span<const T> copy_of(const std::vector<T>& values) {
        return values;  // it is here already, and outlives the algorithm
    }
    template <class T>
    [[nodiscard]] static std::vector<T> array(std::size_t count) {
        return std::vector<T>(count);
    }
    template <class T>
    [[nodiscard]] static std::vector<T> read(const T* first, std::size_t count) {
        return {first, first + count};
    }
};

}  // namespace

std::unique_ptr<Processor> make_host_processor() {
    return std::make_unique<ProcessorOn<HostSystem>>(HostSystem{});
}

}  // namespace brain_mri
