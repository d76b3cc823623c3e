// The emulator runs no kernels: the operators find that out and compute on the host.
#include "pipeline_test.hpp"

namespace brain_mri {

INSTANTIATE_TEST_SUITE_P(EmulatedGpu, BrainMriPipeline, ::testing::Values(PipelineDevice{"cuda:0", false}));

}  // namespace brain_mri
