#include "pipeline_test.hpp"

namespace brain_mri {

INSTANTIATE_TEST_SUITE_P(Host, BrainMriPipeline, ::testing::Values(PipelineDevice{"host", true}));

}  // namespace brain_mri
