// op-load: a NIfTI volume from disk, published as float32.
#include <fmt/format.h>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"
#include "input/nifti_volume.hpp"
#include "operators/attributes.hpp"
#include "operators/operator.hpp"
#include "operators/volumes.hpp"

int main(int argc, char** argv) {
    using namespace brain_mri;
    Operator op("op-load", "Publishes a NIfTI volume as float32, dimensions {z, y, x}, turned to RAS order.");
    std::string input;
    std::string output;
    op.input_path("--input", input, "the NIfTI file");
    op.output_name("--output", output, "the name to publish");

    return op.run(argc, argv, [&] {
        const NiftiVolume file = read_nifti(input);
        fastio::Context context = op.join();
        const auto processor = op.processor(context);
        NewVolume<float> volume(context, file.extents, *processor);
        processor->gather(file.values, file.order, file.slope, file.intercept, volume.view());

        fastio::Attributes attributes{{kSpacing, format_spacing(file.spacing)}};
        if (file.oriented) {
            attributes.emplace(kOrientation, "RAS");
        }
        volume.publish(output, attributes);
        processor->synchronise();
        op.say(fmt::format("{} x {} x {} voxels, spacing {} mm, from {}", file.extents.x, file.extents.y,
                           file.extents.z, format_spacing(file.spacing), input));
    });
}
