#include "kernels/convert.hpp"

#include "core/fail.hpp"
#include "kernels/arguments.hpp"
#include "kernels/convert_elements.hpp"
#include "kernels/convert_kernel.hpp"
#include "kernels/element_types.hpp"
#include "kernels/launch.hpp"

namespace fastio::gpu {
namespace {

void check_side(const void* address, DataType type, std::uint64_t count) {
    check_address("convert", address, checked_bytes("convert", count, type));
    const bool known = visit_element(type, [&]<class T>(Element<T>) {
        if (reinterpret_cast<std::uintptr_t>(address) % alignof(T) != 0) {
            fail(Errc::invalid_argument, "convert was given elements of {} at {}: they must be aligned to {} bytes",
                 to_string(type), address, alignof(T));
        }
    });
    if (!known) {
        fail(Errc::unsupported,
             "convert does not know {}: it converts bool, int and uint of 8 to 64 bits, float16, bfloat16, float32 and "
             "float64",
             to_string(type));
    }
}

/// Returns how many lanes there are on each side.
std::uint64_t check_convert(const void* to, DataType to_type, const void* from, DataType from_type,
                            std::uint64_t count) {
    check_side(to, to_type, count);
    check_side(from, from_type, count);
    if (to_type.lanes != from_type.lanes) {
        fail(Errc::invalid_argument, "convert from {} to {}: both must have equally many lanes", to_string(from_type),
             to_string(to_type));
    }
    return count * to_type.lanes;
}

}  // namespace

void convert(void* to, DataType to_type, const void* from, DataType from_type, std::uint64_t count, Stream stream) {
    const std::uint64_t lanes = check_convert(to, to_type, from, from_type, count);
    const Launch launch(stream, "converting elements on the GPU");
    launch.check(launch_convert(to, to_type, from, from_type, lanes, launch.stream()));
    launch.finish();
}

void convert_on_host(void* to, DataType to_type, const void* from, DataType from_type, std::uint64_t count) {
    const std::uint64_t lanes = check_convert(to, to_type, from, from_type, count);
    visit_element(to_type, [&]<class To>(Element<To>) {
        visit_element(from_type, [&]<class From>(Element<From>) {
            const ConvertElements<To, From> elements{static_cast<To*>(to), static_cast<const From*>(from)};
            for (std::uint64_t i = 0; i < lanes; ++i) {
                elements(i);
            }
        });
    });
}

}  // namespace fastio::gpu
