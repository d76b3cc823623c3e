#include "doctor/gpus.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace fastio::doctor {
namespace {

// As CUDA counts: 13000 is 13.0.
std::string describe_version(int version) {
    return version == 0 ? "none" : fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

Finding judge_gpu(const gpu::Gpu& gpu) {
    Finding finding{fmt::format("cuda:{}", gpu.ordinal), Verdict::good, {}, {}};
    finding.found =
        fmt::format("{}, {}, {:.1f} GiB", gpu.product, gpu.uuid, static_cast<double>(gpu.total_bytes) / (1 << 30));
    if (gpu.exclusive) {
        finding.verdict = Verdict::problem;
        finding.found += ", in an exclusive compute mode: one process only can use it";
        finding.remedy = fmt::format("nvidia-smi -i {} -c DEFAULT, as root", gpu.uuid);
    } else if (gpu.stream_order == StreamOrder::memory_operations) {
        finding.found += ", ordered between processes by its streams";
    } else {
        finding.verdict = Verdict::warning;
        finding.found += ", whose streams cannot wait for memory: publish waits on the host instead";
        finding.remedy = "works, slower; a newer driver may know 64-bit stream memory operations";
    }
    return finding;
}

}  // namespace

std::string describe(const gpu::CudaVersions& versions) {
    return fmt::format("CUDA driver {}, runtime {}", describe_version(versions.driver),
                       describe_version(versions.runtime));
}

CudaFacts find_cuda() {
    const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return {gpu::list_gpus(), gpu::cuda_versions(), gpu::runtime_substitute(), visible == nullptr ? "" : visible};
}

std::vector<Finding> judge(const CudaFacts& cuda) {
    Finding about{"CUDA", Verdict::good, describe(cuda.versions), {}};
    if (!cuda.substitute.empty()) {
        about.verdict = Verdict::warning;
        about.found += fmt::format("; the runtime is not NVIDIA's but a substitute: {}", cuda.substitute);
        about.remedy = "nothing here says anything about a GPU; unset LD_LIBRARY_PATH to use NVIDIA's runtime";
    }
    if (!cuda.visible_devices.empty()) {
        about.found +=
            fmt::format("; CUDA_VISIBLE_DEVICES is {}: other GPUs are hidden from this process", cuda.visible_devices);
    }
    if (cuda.gpus.found.empty()) {
        about.verdict = Verdict::warning;
        about.found = "no GPU";
        about.remedy = cuda.gpus.why_none;
        return {about};
    }
    std::vector<Finding> findings{about};
    for (const gpu::Gpu& gpu : cuda.gpus.found) {
        findings.push_back(judge_gpu(gpu));
    }
    return findings;
}

}  // namespace fastio::doctor
