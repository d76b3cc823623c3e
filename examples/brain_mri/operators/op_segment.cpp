// op-segment: the largest bright component of a volume, and how big it is.
#include <fmt/format.h>

#include <cmath>

#include <fastio/fastio.hpp>

#include "compute/components.hpp"
#include "compute/histogram.hpp"
#include "compute/otsu.hpp"
#include "operators/operator.hpp"
#include "operators/typed_view.hpp"

int main(int argc, char** argv) {
    using namespace brain_mri;
    Operator op("op-segment", "Publishes a uint8 mask: Otsu's threshold, then the largest component.");
    std::string input;
    std::string output;
    op.input_name("--input", input, "the name of the volume");
    op.output_name("--output", output, "the name to publish");

    return op.run(argc, argv, [&] {
        fastio::Context context = op.join();
        fastio::Allocation volume = op.wait_for(context, input);
        const auto in = typed_view<const float>(volume);
        const Spacing spacing = spacing_of(volume);
        const Histogram bins = histogram(in);
        if (!std::isfinite(bins.width()) || !(bins.width() > 0)) {
            throw fastio::Error(fastio::Errc::invalid_argument,
                                fmt::format("segmenting '{}': its values go from {} to {}, so no threshold can split "
                                            "them; give a volume with at least two finite values",
                                            input, bins.low, bins.high));
        }
        const float threshold = otsu_threshold(bins);

        fastio::Allocation mask = create_volume<std::uint8_t>(context, in.extents);
        fastio::Allocation labels = create_volume<Index>(context, in.extents);
        const auto out = typed_view<std::uint8_t>(mask);
        apply_threshold(in, threshold, out);
        const LargestComponent largest = keep_largest_component(out, typed_view<Index>(labels));
        labels.release();

        const double volume_ml = millilitres(largest.voxels, spacing);
        fastio::Attributes attributes = geometry_of(volume);
        attributes[kThreshold] = fmt::format("{}", threshold);
        attributes[kVolume] = fmt::format("{}", volume_ml);
        attributes[kVoxels] = fmt::format("{}", largest.voxels);
        mask.publish(output, {.attributes = attributes});
        mask.release();
        volume.release();
        op.say(fmt::format("threshold {:.2f}, largest of {} components: {} voxels, {:.1f} ml", threshold,
                           largest.components, largest.voxels, volume_ml));
    });
}
