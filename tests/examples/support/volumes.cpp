#include "support/volumes.hpp"

namespace brain_mri::testing {

const Processor& host() {
    static const std::unique_ptr<Processor> processor = make_host_processor();
    return *processor;
}

OwnedVolume<float> random_volume(Extents extents, std::uint32_t seed) {
    OwnedVolume<float> volume(extents);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(0.0F, 1.0F);
    for (float& voxel : volume.values) {
        voxel = value(random);
    }
    return volume;
}

OwnedVolume<std::uint8_t> random_mask(Extents extents, double density, std::uint32_t seed) {
    OwnedVolume<std::uint8_t> mask(extents);
    std::mt19937 random(seed);
    std::bernoulli_distribution inside(density);
    for (std::uint8_t& voxel : mask.values) {
        voxel = inside(random) ? 1 : 0;
    }
    return mask;
}

OwnedVolume<std::uint8_t> ball(Extents extents, double radius, std::uint32_t seed) {
    OwnedVolume<std::uint8_t> volume(extents);
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> noise(-8, 8);
    for (Index z = 0; z < extents.z; ++z) {
        for (Index y = 0; y < extents.y; ++y) {
            for (Index x = 0; x < extents.x; ++x) {
                const double dz = z - (extents.z - 1) / 2.0;
                const double dy = y - (extents.y - 1) / 2.0;
                const double dx = x - (extents.x - 1) / 2.0;
                const bool inside = dz * dz + dy * dy + dx * dx <= radius * radius;
                volume.at(z, y, x) = static_cast<std::uint8_t>((inside ? 200 : 20) + noise(random));
            }
        }
    }
    return volume;
}

}  // namespace brain_mri::testing
