#include "support/test_devices.hpp"

#include <stdexcept>

#include "device/host_memory.hpp"
#include "gpu/gpus.hpp"
#include "support/faulty_memory.hpp"
#include "support/forwarding_memory.hpp"

namespace fastio::test {

std::shared_ptr<DeviceMemory> make_test_device(const std::string& name) {
    if (name == "host") {
        return make_host_memory();
    }
    if (name == "host_behind_forwarding") {
        return std::make_shared<ForwardingMemory>(make_host_memory());
    }
    if (name == "host_behind_faults") {
        return std::make_shared<FaultyMemory>(make_host_memory());
    }
    if (name == "cuda") {
        return gpu::make_cuda_memory(gpu::list_gpus().found.at(0).uuid);
    }
    throw std::invalid_argument("there is no test device '" + name + "'");
}

}  // namespace fastio::test
