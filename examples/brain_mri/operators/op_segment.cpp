// op-segment: the largest bright component of a volume, and how big it is.
#include <fmt/format.h>

#include <cmath>

#include <fastio/fastio.hpp>

#include "compute/otsu.hpp"
#include "compute/processor.hpp"
#include "operators/attributes.hpp"
#include "operators/operator.hpp"
#include "operators/volumes.hpp"

int main(int argc, char** argv) {
    using namespace brain_mri;
    Operator op("op-segment", "Publishes a uint8 mask: Otsu's threshold, then the largest component.");
    std::string input;
    std::string output;
    op.input_name("--input", input, "the name of the volume");
    op.output_name("--output", output, "the name to publish");

    return op.run(argc, argv, [&] {
        fastio::Context context = op.join();
        const auto processor = op.processor(context);
        InputVolume<float> volume(op.wait_for(context, input, *processor), *processor);
        const Spacing spacing = spacing_of(volume.allocation());
        const Histogram bins = processor->histogram(volume.view());
        if (!std::isfinite(bins.width()) || !(bins.width() > 0)) {
            throw fastio::Error(fastio::Errc::invalid_argument,
                                fmt::format("segmenting '{}': its values go from {} to {}, so no threshold can split "
                                            "them; give a volume with at least two finite values",
                                            input, bins.low, bins.high));
        }
        const float threshold = otsu_threshold(bins);

        NewVolume<std::uint8_t> mask(context, volume.extents(), *processor);
        NewVolume<Index> labels(context, volume.extents(), *processor);
        processor->apply_threshold(volume.view(), threshold, mask.view());
        const LargestComponent largest = processor->keep_largest_component(mask.view(), labels.view());
        labels.release();

        const double volume_ml = millilitres(largest.voxels, spacing);
        fastio::Attributes attributes = geometry_of(volume.allocation());
        attributes[kThreshold] = fmt::format("{}", threshold);
        attributes[kVolume] = fmt::format("{}", volume_ml);
        attributes[kVoxels] = fmt::format("{}", largest.voxels);
        mask.publish(output, attributes);
        volume.finish();
        op.say(fmt::format("threshold {:.2f}, largest of {} components: {} voxels, {:.1f} ml", threshold,
                           largest.components, largest.voxels, volume_ml));
    });
}
