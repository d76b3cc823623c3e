#include "gpu/slab_origin.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/fail.hpp"
#include "device/host_identity.hpp"
#include "gpu/error.hpp"

namespace fastio::gpu {
namespace {

struct Versions {
    int driver = 0;
    int runtime = 0;
};

Versions versions() {
    Versions found;
    check(cudaDriverGetVersion(&found.driver), "asking for the version of the CUDA driver");
    check(cudaRuntimeGetVersion(&found.runtime), "asking for the version of the CUDA runtime");
    return found;
}

}  // namespace

SlabOrigin make_origin(const SlabId& slab, const cudaUUID_t& device) {
    const HostIdentity host = host_identity();
    const Versions cuda = versions();
    SlabOrigin origin;
    std::memcpy(origin.slab, slab.data(), slab.size());
    std::ranges::copy(host.boot_id, std::begin(origin.boot_id));
    std::memcpy(origin.device, device.bytes, sizeof(origin.device));
    origin.pid = host.pid;
    origin.pid_namespace = host.pid_namespace;
    origin.driver_version = cuda.driver;
    origin.runtime_version = cuda.runtime;
    return origin;
}

SlabId slab_of(const SlabOrigin& origin) noexcept {
    SlabId slab{};
    std::memcpy(slab.data(), origin.slab, slab.size());
    return slab;
}

void check_origin(const SlabOrigin& origin) {
    const HostIdentity host = host_identity();
    if (!std::ranges::equal(origin.boot_id, host.boot_id)) {
        fail(Errc::incompatible_host,
             "a slab was exported before this machine's last boot, or on another machine: restart the service and its "
             "clients on one machine");
    }
    if (origin.pid == host.pid) {
        fail(Errc::unsupported,
             "a slab was exported by process {} of PID namespace {}, and this process has the same number in "
             "namespace {}: CUDA tells processes apart by that number only; start one of them again, or share one PID "
             "namespace (docker --pid=host)",
             origin.pid, origin.pid_namespace, host.pid_namespace);
    }
    const Versions cuda = versions();
    if (origin.driver_version != cuda.driver || origin.runtime_version / 1000 != cuda.runtime / 1000) {
        fail(Errc::version_mismatch,
             "a slab was exported with CUDA driver {} and runtime {}, and this process has loaded {} and {}: CUDA IPC "
             "needs the same driver and the same major version of the runtime on both sides",
             origin.driver_version, origin.runtime_version, cuda.driver, cuda.runtime);
    }
}

std::string namespace_hint(const SlabOrigin& origin) {
    const HostIdentity host = host_identity();
    if (origin.pid_namespace == host.pid_namespace) {
        return {};
    }
    return fmt::format(
        " (its owner, process {}, is in PID namespace {} and this process in {}: share one, docker "
        "--pid=host)",
        origin.pid, origin.pid_namespace, host.pid_namespace);
}

}  // namespace fastio::gpu
