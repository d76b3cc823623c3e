// op-smooth: a volume convolved with a Gaussian.
#include <fmt/format.h>

#include <algorithm>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"
#include "operators/attributes.hpp"
#include "operators/operator.hpp"
#include "operators/volumes.hpp"

int main(int argc, char** argv) {
    using namespace brain_mri;
    constexpr double kLargestSigma = 250;  // voxels: a kernel of 2001 weights per axis
    Operator op("op-smooth", "Smooths a float32 volume with a Gaussian of --sigma-mm millimetres.");
    std::string input;
    std::string output;
    double sigma_mm = 1.5;
    op.input_name("--input", input, "the name of the volume");
    op.output_name("--output", output, "the name to publish");
    op.options()
        .add_option("--sigma-mm", sigma_mm, "standard deviation in millimetres")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e6));

    return op.run(argc, argv, [&] {
        fastio::Context context = op.join();
        const auto processor = op.processor(context);
        InputVolume<float> volume(op.wait_for(context, input, *processor), *processor);
        const Spacing spacing = spacing_of(volume.allocation());
        const double finest = std::min({spacing.x, spacing.y, spacing.z});
        if (sigma_mm / finest > kLargestSigma) {
            throw fastio::Error(fastio::Errc::invalid_argument,
                                fmt::format("smoothing '{}' by {} mm at a spacing of {} mm: at most {} voxels", input,
                                            sigma_mm, finest, kLargestSigma));
        }
        NewVolume<float> smoothed(context, volume.extents(), *processor);
        NewVolume<float> scratch(context, volume.extents(), *processor);
        processor->smooth(volume.view(), smoothed.view(), scratch.view(), spacing, sigma_mm);
        scratch.release();
        smoothed.publish(output, geometry_of(volume.allocation()));
        volume.finish();
        op.say(fmt::format("Gaussian of {} mm over '{}'", sigma_mm, input));
    });
}
