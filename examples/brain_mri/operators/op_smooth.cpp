// op-smooth: a volume convolved with a Gaussian.
#include <fmt/format.h>

#include <algorithm>

#include <fastio/fastio.hpp>

#include "compute/gaussian.hpp"
#include "operators/operator.hpp"
#include "operators/typed_view.hpp"

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
        fastio::Allocation volume = op.wait_for(context, input);
        const auto in = typed_view<const float>(volume);
        const Spacing spacing = spacing_of(volume);
        const double finest = std::min({spacing.x, spacing.y, spacing.z});
        if (sigma_mm / finest > kLargestSigma) {
            throw fastio::Error(fastio::Errc::invalid_argument,
                                fmt::format("smoothing '{}' by {} mm at a spacing of {} mm: at most {} voxels", input,
                                            sigma_mm, finest, kLargestSigma));
        }
        fastio::Allocation smoothed = create_volume<float>(context, in.extents);
        fastio::Allocation scratch = create_volume<float>(context, in.extents);
        smooth(in, typed_view<float>(smoothed), typed_view<float>(scratch), spacing, sigma_mm);
        scratch.release();
        smoothed.publish(output, {.attributes = geometry_of(volume)});
        smoothed.release();
        volume.release();
        op.say(fmt::format("Gaussian of {} mm over '{}'", sigma_mm, input));
    });
}
