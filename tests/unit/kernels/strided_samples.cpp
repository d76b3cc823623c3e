#include "strided_samples.hpp"

#include <algorithm>
#include <numeric>

namespace fastio::gpu::test {

std::size_t StridedSample::count() const {
    return static_cast<std::size_t>(
        std::accumulate(dimensions.begin(), dimensions.end(), std::int64_t{1}, std::multiplies<>()));
}

std::vector<std::size_t> StridedSample::places() const {
    std::vector<std::size_t> places;
    std::vector<std::int64_t> index(dimensions.size(), 0);
    for (std::size_t n = 0; n < count(); ++n) {
        places.push_back(static_cast<std::size_t>(
            std::inner_product(index.begin(), index.end(), strides.begin(), static_cast<std::int64_t>(first))));
        for (std::size_t i = index.size(); i-- > 0 && ++index[i] == dimensions[i];) {
            index[i] = 0;
        }
    }
    return places;
}

std::string StridedSample::describe() const {
    std::string text = std::to_string(element_bytes) + " bytes at " + std::to_string(first) + ":";
    for (std::size_t i = 0; i < dimensions.size(); ++i) {
        text += " " + std::to_string(dimensions[i]) + " x " + std::to_string(strides[i]) + ",";
    }
    return text;
}

StridedSample random_sample(std::vector<std::int64_t> dimensions, std::size_t element_bytes, std::mt19937& random) {
    StridedSample sample{std::move(dimensions), {}, element_bytes, 16, 0};
    std::vector<std::size_t> order(sample.dimensions.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    sample.strides.resize(order.size());
    auto step = static_cast<std::int64_t>(element_bytes);
    for (const std::size_t axis : order) {
        // A gap between elements now and then, in whole elements or not.
        const std::int64_t gaps[]{0, 0, 0, static_cast<std::int64_t>(element_bytes), 16, 3};
        const std::int64_t stride = step + gaps[random() % std::size(gaps)];
        const std::int64_t extent = std::max<std::int64_t>(sample.dimensions[axis], 1);
        const bool backwards = random() % 4 == 0;
        sample.strides[axis] = backwards ? -stride : stride;
        sample.first += backwards ? static_cast<std::size_t>(stride * (extent - 1)) : 0;
        step = stride * extent;
    }
    sample.first += random() % 3 == 0 ? 1 : 0;
    sample.memory = 64 + static_cast<std::size_t>(step) + element_bytes;
    return sample;
}

std::vector<StridedSample> strided_samples(std::uint32_t seed) {
    const std::vector<std::vector<std::int64_t>> shapes{
        {},         {1},         {7},           {0},       {3, 0, 5},       {65, 33},
        {32, 32},   {8, 8},      {7, 40},       {1, 50},   {2, 3, 4},       {5, 33, 34},
        {33, 5, 9}, {9, 10, 35}, {4, 3, 17, 9}, {2, 1, 2}, {3, 2, 2, 9, 8}, {2, 2, 2, 2, 2, 2, 2, 2},
    };
    std::mt19937 random(seed);
    std::vector<StridedSample> samples;
    for (const auto& shape : shapes) {
        for (const std::size_t element_bytes : {1, 2, 3, 4, 8, 12, 16, 48}) {
            for (int i = 0; i < 4; ++i) {
                samples.push_back(random_sample(shape, element_bytes, random));
            }
        }
    }
    return samples;
}

std::vector<unsigned char> numbered_bytes(std::size_t size) {
    std::vector<unsigned char> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<unsigned char>(i % 251);
    }
    return bytes;
}

}  // namespace fastio::gpu::test
