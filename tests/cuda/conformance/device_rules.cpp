// Devices as processes see them, and two of them: rules 22 to 26, 44, 47.
#include <cstdlib>
#include <memory>
#include <vector>

#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"
#include "uuid.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);

int devices() {
    int count = 0;
    must(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    return count;
}

void need_devices(int least) {
    if (devices() < least) {
        throw Skipped(devices() == 1 ? "one GPU" : "only " + std::to_string(devices()) + " GPUs");
    }
}

int attribute(cudaDeviceAttr which) {
    int value = 0;
    must(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute");
    return value;
}

/// For a second GPU that another process can be shown, or not shown.
void need_all_devices_visible() {
    need_devices(2);
    if (std::getenv("CUDA_VISIBLE_DEVICES") != nullptr) {
        throw Skipped("CUDA_VISIBLE_DEVICES is set");
    }
}

/// Allocates on the second GPU.
std::string far_handle(Peer& owner) {
    owner.must("device 1");
    owner.must("malloc far " + kSize);
    owner.must("fill far 42 " + kSize);
    return owner.must("export far");
}

std::string on_another_gpu() {
    need_devices(2);
    Peer owner;
    int can = 0;
    must(cudaDeviceCanAccessPeer(&can, 0, 1), "cudaDeviceCanAccessPeer");
    void* data = nullptr;
    return (can == 1 ? "peers " : "no peers ") + text(open_memory(&data, far_handle(owner)));
}

// Every peer is another GPU, and 8 are what a GPU has slots for.
std::string on_too_many_gpus() {
    constexpr int kSlots = 8;
    need_devices(kSlots + 2);
    std::string code = "0";
    std::vector<std::unique_ptr<Peer>> owners;
    for (int ordinal = 1; ordinal < devices() && code == "0"; ++ordinal) {
        Peer& owner = *owners.emplace_back(std::make_unique<Peer>());
        owner.must("device " + std::to_string(ordinal));
        owner.must("malloc far " + kSize);
        void* data = nullptr;
        code = text(open_memory(&data, owner.must("export far")));
    }
    return code;
}

std::string of_an_invisible_gpu() {
    need_all_devices_visible();
    Peer owner;
    const std::string handle = far_handle(owner);
    Peer importer({.environment = {{"CUDA_VISIBLE_DEVICES", "0"}}, .launcher = {}});
    const std::string code = importer.ask("open b " + handle);
    return code == "0" ? importer.ask("read b 0") : code;
}

std::string uuid(int ordinal) {
    std::string found;
    must(device_uuid(ordinal, found), "cudaGetDeviceProperties");
    return found;
}

std::string ordinals() {
    need_all_devices_visible();
    Peer other({.environment = {{"CUDA_VISIBLE_DEVICES", "1"}}, .launcher = {}});
    const std::string there = other.must("uuid 0");
    return there == uuid(1) ? "ordinal 0 there is 1 here" : there == uuid(0) ? "same ordinals" : "something else";
}

std::string uuids() {
    Peer other;
    return other.must("uuid 0") == uuid(0) ? "same" : "differs";
}

std::string pci_bus_id() {
    char id[32]{};
    int ordinal = -1;
    must(cudaDeviceGetPCIBusId(id, sizeof(id), 0), "cudaDeviceGetPCIBusId");
    const cudaError_t code = cudaDeviceGetByPCIBusId(&ordinal, id);
    return text(code, std::to_string(ordinal));
}

std::string unknown_pci_bus_id() {
    int ordinal = -1;
    return text(cudaDeviceGetByPCIBusId(&ordinal, "ffff:fe:1f.0"));
}

std::string two_processes() {
    if (const int mode = attribute(cudaDevAttrComputeMode); mode != cudaComputeModeDefault) {
        throw Skipped("the compute mode is " + std::to_string(mode));
    }
    Peer other;
    return other.ask("malloc a " + kSize);
}

std::string event_attribute() {
    const Memory memory(kBlock);
    return std::to_string(attribute(cudaDevAttrIpcEventSupport)) + " " + text(try_export(memory.data()));
}

std::string unified_addressing() {
    return std::to_string(attribute(cudaDevAttrUnifiedAddressing));
}

constexpr Rule kRules[] = {
    {"22a", Grade::field, "opening while another GPU is current", "peers 0 | no peers 217", kSame, on_another_gpu},
    {"22b", Grade::documented, "opening for more peers than a GPU has slots for", "711", kSame, on_too_many_gpus},
    {"23", Grade::documented, "opening memory of a GPU that this process does not see", "0 42", kSame,
     of_an_invisible_gpu},
    {"24", Grade::documented, "ordinals with another CUDA_VISIBLE_DEVICES", "ordinal 0 there is 1 here", kSame,
     ordinals},
    {"25a", Grade::documented, "the UUID of a GPU in two processes", "same", kSame, uuids},
    {"25b", Grade::documented, "the GPU of a PCI bus id", "0 0", kSame, pci_bus_id},
    {"25c", Grade::documented, "the GPU of a PCI bus id that none has", "1 | 101", "101", unknown_pci_bus_id},
    {"26", Grade::documented, "two processes use a GPU in the default compute mode", "0", kSame, two_processes},
    {"44", Grade::documented, "attribute 125, of IPC events, and an export of 2 MiB", "1 0", kSame, event_attribute},
    {"47", Grade::documented, "unified addressing", "1", kSame, unified_addressing},
};

}  // namespace

std::span<const Rule> device_rules() {
    return kRules;
}

}  // namespace fastio::conformance
