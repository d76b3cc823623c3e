#pragma once

#include <cstdint>

#include <fastio/data_type.hpp>

#include "kernels/convert_value.hpp"

namespace fastio::gpu {

/// Stands for a type where only the type counts.
template <class T>
struct Element {
    using Type = T;
};

/// Calls visitor(Element<T>{}) with the C++ type of one lane of `type`. False for types that conversion does not know:
/// complex numbers and floats of 8 bits.
template <class Visitor>
bool visit_element(DataType type, const Visitor& visitor) {
    type.lanes = 1;
    const auto is = [&](DataType wanted, auto element) {
        if (type != wanted) {
            return false;
        }
        visitor(element);
        return true;
    };
    return is(bool_, Element<Boolean>{}) || is(uint8, Element<std::uint8_t>{}) ||
           is(uint16, Element<std::uint16_t>{}) || is(uint32, Element<std::uint32_t>{}) ||
           is(uint64, Element<std::uint64_t>{}) || is(int8, Element<std::int8_t>{}) ||
           is(int16, Element<std::int16_t>{}) || is(int32, Element<std::int32_t>{}) ||
           is(int64, Element<std::int64_t>{}) || is(float16, Element<Float16>{}) || is(bfloat16, Element<BFloat16>{}) ||
           is(float32, Element<float>{}) || is(float64, Element<double>{});
}

}  // namespace fastio::gpu
