#include "kernels/convert.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "cuda/support/gpu.hpp"
#include "kernels/element_types.hpp"

namespace fastio::gpu {
namespace {

using ConvertOnGpu = test::GpuTest;
using test::DeviceBuffer;

constexpr DataType kTypes[]{bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                            uint32, uint64, float16, bfloat16, float32, float64};

template <class T>
void append(std::vector<unsigned char>& bytes, const std::vector<T>& values, DataType from, DataType to) {
    const std::size_t first = bytes.size();
    bytes.resize(first + values.size() * to.size_bytes());
    convert_on_host(&bytes[first], to, values.data(), from, values.size());
}

/// Numbers at and around the ends of every type, and random bits.
std::vector<unsigned char> samples_of(DataType type, std::mt19937_64& random) {
    std::vector<double> floats{0.0, -0.0, 0.5, -0.5, 1.0, 1e-8, 6e-8, 1e-40, 1e300, -1e300, INFINITY, -INFINITY, NAN};
    std::vector<std::int64_t> integers{std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()};
    std::vector<std::uint64_t> naturals{std::numeric_limits<std::uint64_t>::max()};
    for (int bits = 0; bits < 64; ++bits) {
        for (const double sign : {1.0, -1.0}) {
            const double power = sign * std::ldexp(1.0, bits);
            floats.insert(floats.end(), {power, std::nextafter(power, 0.0), power * (1 + 0x1p-11), power - 1.5});
        }
        const std::uint64_t power = std::uint64_t{1} << bits;
        naturals.insert(naturals.end(), {power - 1, power, power + 1, power + (power >> 8), power + (power >> 8) + 1});
        for (const std::uint64_t natural : {power - 1, power, power + (power >> 8) + 1}) {
            integers.push_back(static_cast<std::int64_t>(natural));
            integers.push_back(static_cast<std::int64_t>(0 - natural));
        }
    }
    std::vector<unsigned char> bytes;
    append(bytes, floats, float64, type);
    append(bytes, integers, int64, type);
    append(bytes, naturals, uint64, type);
    while (bytes.size() % type.size_bytes() != 0 || bytes.size() < 40'000) {
        bytes.push_back(static_cast<unsigned char>(random()));
    }
    return bytes;
}

/// The values in `bytes`, where all NaN are one: the GPU and the host keep different payloads.
std::vector<std::uint64_t> comparable(DataType type, const std::vector<unsigned char>& bytes) {
    std::vector<std::uint64_t> values;
    visit_element(type, [&]<class T>(Element<T>) {
        for (std::size_t i = 0; i < bytes.size(); i += sizeof(T)) {
            T value{};
            std::memcpy(&value, &bytes[i], sizeof(value));
            std::uint64_t bits = 0;
            std::memcpy(&bits, &value, sizeof(value));
            if constexpr (kIsSmallFloat<T>) {
                bits = std::isnan(value.to_double()) ? UINT64_MAX : bits;
            } else if constexpr (std::is_floating_point_v<T>) {
                bits = std::isnan(value) ? UINT64_MAX : bits;
            }
            values.push_back(bits);
        }
    });
    return values;
}

TEST_F(ConvertOnGpu, EqualsTheHostsBetweenAllTypes) {
    const std::uint64_t seed = 20260119;
    std::mt19937_64 random(seed);
    for (const DataType from : kTypes) {
        const std::vector<unsigned char> source = samples_of(from, random);
        const std::uint64_t count = source.size() / from.size_bytes();
        const DeviceBuffer on_gpu(source);
        for (const DataType to : kTypes) {
            std::vector<unsigned char> expected(count * to.size_bytes());
            convert_on_host(expected.data(), to, source.data(), from, count);
            const DeviceBuffer converted(expected.size());
            convert(converted.data(), to, on_gpu.data(), from, count);
            ASSERT_EQ(comparable(to, converted.contents()), comparable(to, expected))
                << to_string(from) << " to " << to_string(to) << ", seed " << seed;
        }
    }
}

}  // namespace
}  // namespace fastio::gpu
