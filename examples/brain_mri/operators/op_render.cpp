// op-render: projections of a volume with the outline of a mask, and a histogram, as a PNG.
#include <fmt/format.h>

#include <fastio/fastio.hpp>

#include "compute/histogram.hpp"
#include "operators/operator.hpp"
#include "operators/typed_view.hpp"
#include "picture/png_file.hpp"
#include "picture/report.hpp"

int main(int argc, char** argv) {
    using namespace brain_mri;
    Operator op("op-render", "Draws a volume, the mask over it and the histogram the mask came from.");
    std::string volume_name;
    std::string smoothed_name;
    std::string mask_name;
    std::string picture;
    op.input_name("--volume", volume_name, "the name of the volume to project");
    op.input_name("--smoothed", smoothed_name, "the name of the volume whose histogram is shown");
    op.input_name("--mask", mask_name, "the name of the mask");
    op.output_path("--picture", picture, "the PNG file to write");

    return op.run(argc, argv, [&] {
        fastio::Context context = op.join();
        fastio::Allocation volume = op.wait_for(context, volume_name);
        fastio::Allocation smoothed = op.wait_for(context, smoothed_name);
        fastio::Allocation mask = op.wait_for(context, mask_name);
        const auto intensities = typed_view<const float>(volume);
        const auto inside = typed_view<const std::uint8_t>(mask);
        check_same_extents(intensities.extents, volume_name, inside.extents, mask_name);

        const auto orientation = volume.attributes().find(kOrientation);
        const bool oriented = orientation != volume.attributes().end() && orientation->second == "RAS";
        Report report = make_projections(intensities, inside, spacing_of(volume), oriented);
        report.histogram = histogram(typed_view<const float>(smoothed));
        report.threshold = static_cast<float>(number_of(mask, kThreshold));
        report.volume_ml = number_of(mask, kVolume);
        report.voxels = static_cast<std::int64_t>(number_of(mask, kVoxels));
        mask.release();
        smoothed.release();
        volume.release();

        save_png(draw_report(report), picture);
        op.say(fmt::format("wrote {}", picture));
    });
}
