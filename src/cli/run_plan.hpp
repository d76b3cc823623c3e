#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/child.hpp"
#include "cli/pipeline.hpp"

namespace fastio::cli {

/// A job name that no other run has: the pipeline's and random letters.
[[nodiscard]] std::string unique_job(const std::string& pipeline_name);

/// What is started for a pipeline, with everything looked up and resolved, so that nothing is started when something is
/// missing. Programs are looked up as the pipeline file's documentation says; input paths are relative to the file's
/// folder, output paths to `workdir`, which the operators run in. `device` is what they are told by $FASTIO_DEVICE;
/// where it is empty, nothing. Errors, with file and line: not_found (a program, an input file).
[[nodiscard]] std::vector<ChildSpec> plan_run(const Pipeline& pipeline, const std::filesystem::path& workdir,
                                              const std::string& job, const std::string& socket,
                                              const std::string& device);

/// For operators that compute on a GPU, unless their environment has these variables: a stream that waits for what an
/// operator has not published yet is not to hold up the operator's other work. `device` is what the job's context says.
/// - CUDA_DEVICE_MAX_CONNECTIONS=32: with the default of 8 more streams share a queue of the GPU, in which one that
///   waits may be before another.
/// - CUDA_MODULE_LOADING=EAGER: by default CUDA loads a kernel when it is launched for the first time, and may wait for
///   the GPU then. Not for Python, whose frameworks have more kernels than a GPU is to hold.
void let_streams_wait(std::vector<ChildSpec>& specs, const std::string& device);

}  // namespace fastio::cli
