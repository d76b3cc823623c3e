#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "support/files.hpp"
#include "support/program.hpp"

namespace brain_mri {

struct PipelineDevice {
    std::string device;
    bool runs_kernels;  ///< otherwise operators say in one line that they compute on the host
};

/// So that the case's name in ctest has the device.
inline void PrintTo(const PipelineDevice& device, std::ostream* out) {
    *out << device.device;
}

/// The service is in the test's own process, the operators are in processes of their own.
class BrainMriPipeline : public ::testing::TestWithParam<PipelineDevice> {
protected:
    [[nodiscard]] testing::Program start(const std::string& name, const std::vector<std::string>& arguments,
                                         const std::string& inputs, const std::string& outputs) const;
    /// What was written to standard error, less the line that must be there where no kernels run.
    [[nodiscard]] static std::string errors_of(const testing::Outcome& outcome);
    static void expect_success(const testing::Outcome& outcome);

    testing::Folder folder_;
    fastio::Context context_{{.job = "brain-mri-test",
                              .socket = folder_.file("fastiod.sock"),
                              .device = GetParam().device,
                              .embedded = true}};
};

}  // namespace brain_mri
