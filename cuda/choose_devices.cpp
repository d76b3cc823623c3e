#include "gpu/choose_devices.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "device/device_name.hpp"
#include "gpu/gpus.hpp"

namespace fastio::gpu {
namespace {

DeviceInfo names_of(const Gpu& gpu) {
    DeviceInfo info;
    info.name = fmt::format("cuda:{}", gpu.ordinal);
    info.uuid = gpu.uuid;
    return info;
}

std::shared_ptr<DeviceMemory> make(const std::string& text, const DeviceName& name, HugePages huge_pages) {
    if (name.kind == DeviceName::Kind::host) {
        return make_host_memory(huge_pages);
    }
    const Gpus& gpus = list_gpus();
    std::string seen;
    for (const Gpu& gpu : gpus.found) {
        const DeviceInfo info = names_of(gpu);
        if (matches(name, info)) {
            return make_cuda_memory(gpu.uuid);
        }
        seen += fmt::format("{}{} ({})", seen.empty() ? "" : ", ", info.name, info.uuid);
    }
    if (gpus.found.empty()) {
        fail(Errc::device_unavailable, "the device '{}' cannot be served: {}", text, gpus.why_none);
    }
    fail(Errc::device_unavailable, "the device '{}' cannot be served: this process sees {}", text, seen);
}

ChosenDevices choose_automatically(HugePages huge_pages) {
    ChosenDevices chosen;
    const Gpus& gpus = list_gpus();
    for (const Gpu& gpu : gpus.found) {
        if (gpu.exclusive) {
            chosen.left_out.push_back(
                fmt::format("the GPU cuda:{} ({}) is left out: it is in an exclusive or prohibited compute mode, which "
                            "`nvidia-smi -i {} -c DEFAULT` ends, as root",
                            gpu.ordinal, gpu.uuid, gpu.uuid));
        } else {
            chosen.memories.push_back(make_cuda_memory(gpu.uuid));
        }
    }
    if (chosen.memories.empty()) {
        chosen.memories.push_back(make_host_memory(huge_pages));
        chosen.why_host = gpus.found.empty() ? gpus.why_none : "every GPU is left out";
        chosen.may_have_gpus = !gpus.found.empty() || gpus.failed;
    }
    return chosen;
}

}  // namespace

ChosenDevices choose_devices(std::span<const std::string> names, HugePages huge_pages) {
    if (names.empty() || (names.size() == 1 && names.front() == "auto")) {
        return choose_automatically(huge_pages);
    }
    ChosenDevices chosen;
    for (const std::string& text : names) {
        const DeviceName name = parse_device_name(text);
        if (name.kind == DeviceName::Kind::automatic) {
            fail(Errc::invalid_argument, "the device 'auto' was given beside others: give it alone, or none");
        }
        auto memory = make(text, name, huge_pages);
        const auto is_same = [&](const auto& other) { return other->info().name == memory->info().name; };
        if (std::ranges::any_of(chosen.memories, is_same)) {
            fail(Errc::invalid_argument, "the device '{}' was given twice: give each once", text);
        }
        chosen.memories.push_back(std::move(memory));
    }
    return chosen;
}

}  // namespace fastio::gpu
