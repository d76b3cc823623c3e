#include "client/devices.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <span>
#include <utility>

#include "client/streams.hpp"
#include "core/fail.hpp"
#include "device/device_name.hpp"
#include "device/host_memory.hpp"
#include "gpu/choose_devices.hpp"
#include "gpu/gpus.hpp"

namespace fastio::detail {
namespace {

template <std::size_t Capacity>
std::string to_string(const char (&text)[Capacity]) {
    return {text, ::strnlen(text, Capacity)};
}

std::string local_name(const std::string& uuid) {
    if (uuid.empty()) {
        return "host";
    }
    const auto& gpus = gpu::list_gpus().found;
    const auto gpu = std::ranges::find(gpus, uuid, &gpu::Gpu::uuid);
    return gpu == gpus.end() ? "cuda:" + uuid : fmt::format("cuda:{}", gpu->ordinal);
}

}  // namespace

void check_device_available(std::string_view name) {
    const DeviceName device = parse_device_name(name);
    if (device.kind != DeviceName::Kind::cuda_index && device.kind != DeviceName::Kind::cuda_uuid) {
        return;
    }
    if (const gpu::Gpus& gpus = gpu::list_gpus(); gpus.found.empty()) {
        fail(Errc::device_unavailable, "the device '{}' was asked for: {}; or use the device 'host'", name,
             gpus.why_none);
    }
}

std::string device_for_service(std::string_view name) {
    const DeviceName device = parse_device_name(name);
    if (device.kind != DeviceName::Kind::cuda_index) {
        return std::string(name);
    }
    const auto& gpus = gpu::list_gpus().found;
    if (device.index >= gpus.size()) {
        fail(Errc::device_unavailable,
             "the device '{}' was asked for, and this process sees {} GPUs: see `fastio doctor`, or check "
             "CUDA_VISIBLE_DEVICES",
             name, gpus.size());
    }
    return "cuda:" + gpus[device.index].uuid;
}

bool wait_until_done(DeviceMemory& device) noexcept {
    try {
        device.synchronise({});
        return true;
    } catch (const std::exception&) {
        return device.is_lost();
    }
}

std::unique_ptr<wire::EmbeddedService> start_service(const std::string& socket, const std::string& device) {
    gpu::ChosenDevices chosen = gpu::choose_devices(std::span(&device, 1));
    if (chosen.may_have_gpus) {
        chosen.left_out.push_back("serving host memory: " + chosen.why_host);
    }
    return wire::start_embedded_service(socket, std::move(chosen.memories), chosen.left_out);
}

Devices::Devices(const table::TableHeader& header, std::uint32_t compute) : compute_(compute) {
    const std::uint32_t count = std::min(header.device_count, table::kMaxDevices);
    for (std::uint32_t device = 0; device < count; ++device) {
        std::string uuid = to_string(header.devices[device].uuid);
        entries_.push_back({local_name(uuid), std::move(uuid)});
    }
    memories_.resize(entries_.size());
    static_cast<void>(name(compute));
    compute_uuid_ = entries_[compute].uuid;
}

const std::string& Devices::name(std::uint32_t device) const {
    if (device >= entries_.size()) {
        fail(Errc::protocol_error, "the service speaks of device number {} of a context that has {}", device,
             entries_.size());
    }
    return entries_[device].name;
}

std::string Devices::seen_instead() const {
    if (compute_uuid_.empty()) {
        return {};  // the host: no driver is asked
    }
    const auto& gpus = gpu::list_gpus().found;
    const auto is_seen = [&](const std::string& uuid) {
        return std::ranges::find(gpus, uuid, &gpu::Gpu::uuid) != gpus.end();
    };
    if (gpus.empty() || is_seen(compute_uuid_)) {
        return {};
    }
    std::string served;
    for (const Entry& entry : entries_) {
        if (!entry.uuid.empty() && is_seen(entry.uuid)) {
            return entry.uuid;
        }
        served += (served.empty() ? "" : ", ") + entry.name;
    }
    fail(Errc::device_unavailable,
         "the device 'auto' was asked for: the service has {}, and none of the {} GPUs that this process sees: check "
         "CUDA_VISIBLE_DEVICES, or ask for the device 'host'",
         served, gpus.size());
}

DeviceMemory& Devices::memory(std::uint32_t device) {
    static_cast<void>(name(device));
    const std::lock_guard lock(mutex_);
    if (!memories_[device]) {
        const std::string& uuid = entries_[device].uuid;
        memories_[device] = uuid.empty() ? make_host_memory() : gpu::make_cuda_memory(uuid, compute_uuid_);
    }
    return *memories_[device];
}

bool Devices::any_has_streams() noexcept {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(memories_, [](const auto& memory) { return memory && has_streams(*memory); });
}

bool Devices::synchronise() noexcept {
    std::array<std::shared_ptr<DeviceMemory>, table::kMaxDevices> needed;
    {
        const std::lock_guard lock(mutex_);  // not while waiting: other threads go on
        std::ranges::copy(memories_, needed.begin());
    }
    bool is_done = true;
    for (const std::shared_ptr<DeviceMemory>& memory : needed) {
        if (memory && has_streams(*memory)) {
            is_done = wait_until_done(*memory) && is_done;
        }
    }
    return is_done;
}

}  // namespace fastio::detail
