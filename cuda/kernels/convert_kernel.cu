#include "kernels/convert_kernel.hpp"

#include "kernels/convert_elements.hpp"
#include "kernels/element_types.hpp"
#include "kernels/for_each_index.cuh"

namespace fastio::gpu {

cudaError_t launch_convert(void* to, DataType to_type, const void* from, DataType from_type, std::uint64_t count,
                           cudaStream_t stream) {
    cudaError_t code = cudaErrorInvalidValue;
    visit_element(to_type, [&]<class To>(Element<To>) {
        visit_element(from_type, [&]<class From>(Element<From>) {
            const ConvertElements<To, From> elements{static_cast<To*>(to), static_cast<const From*>(from)};
            code = for_each_index(count, elements, stream);
        });
    });
    return code;
}

}  // namespace fastio::gpu
