// op-render: projections of a volume with the outline of a mask, and a histogram, as a PNG.
#include <fmt/format.h>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"
#include "operators/attributes.hpp"
#include "operators/operator.hpp"
#include "operators/volumes.hpp"
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
        const auto processor = op.processor(context);
        InputVolume<float> volume(op.wait_for(context, volume_name, *processor), *processor);
        InputVolume<float> smoothed(op.wait_for(context, smoothed_name, *processor), *processor);
        InputVolume<std::uint8_t> mask(op.wait_for(context, mask_name, *processor), *processor);
        check_same_extents(volume.extents(), volume_name, mask.extents(), mask_name);

        const fastio::Attributes& attributes = volume.allocation().attributes();
        const auto orientation = attributes.find(kOrientation);
        const bool oriented = orientation != attributes.end() && orientation->second == "RAS";
        Report report =
            make_projections(*processor, volume.view(), mask.view(), spacing_of(volume.allocation()), oriented);
        report.histogram = processor->histogram(smoothed.view());
        report.threshold = static_cast<float>(number_of(mask.allocation(), kThreshold));
        report.volume_ml = number_of(mask.allocation(), kVolume);
        report.voxels = static_cast<std::int64_t>(number_of(mask.allocation(), kVoxels));
        mask.finish();
        smoothed.finish();
        volume.finish();

        save_png(draw_report(report), picture);
        op.say(fmt::format("wrote {}", picture));
    });
}
