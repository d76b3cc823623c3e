#include "kernels/checksum.hpp"

#include "core/fail.hpp"
#include "kernels/arguments.hpp"
#include "kernels/checksum_kernel.hpp"
#include "kernels/launch.hpp"

namespace fastio::gpu {

void checksum(const void* data, std::uint64_t bytes, std::uint64_t* result, Stream stream) {
    check_address("checksum", data, bytes);
    if (result == nullptr || reinterpret_cast<std::uintptr_t>(result) % alignof(std::uint64_t) != 0) {
        fail(Errc::invalid_argument, "checksum was given {} for its result: it needs 8 aligned bytes of device memory",
             static_cast<const void*>(result));
    }
    const Launch launch(stream, "computing a checksum on the GPU");
    launch.check(cudaMemsetAsync(result, 0, sizeof(*result), launch.stream()));
    launch.check(launch_checksum(ChecksumTerms(data, bytes), result, launch.stream()));
    launch.finish();
}

std::uint64_t checksum_on_host(const void* data, std::uint64_t bytes) {
    check_address("checksum", data, bytes);
    const ChecksumTerms terms(data, bytes);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < terms.count(); ++i) {
        sum += terms(i);
    }
    return sum;
}

}  // namespace fastio::gpu
