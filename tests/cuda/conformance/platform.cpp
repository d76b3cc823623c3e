#include "platform.hpp"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace fastio::conformance {
namespace {

std::string driver_version() {
    int number = 0;
    static_cast<void>(cudaDriverGetVersion(&number));
    return std::to_string(number);
}

std::string module_version() {
    std::ifstream file("/sys/module/nvidia/version");
    std::string version;
    std::getline(file, version);
    return version;
}

}  // namespace

Platform ask_platform() {
    Platform platform;
    // The emulator says what it is; no GPU's library has this symbol.
    platform.library = ::dlsym(RTLD_DEFAULT, "cudaEmuVersion") != nullptr ? "emulator" : "cudart";
    platform.driver = driver_version();
    if (const std::string version = module_version(); !platform.is_emulator() && !version.empty()) {
        platform.driver += " (" + version + ")";
    }
    int count = 0;
    cudaDeviceProp properties{};
    cudaError_t code = cudaGetDeviceCount(&count);
    if (code == cudaSuccess) {
        code = count > 0 ? cudaGetDeviceProperties(&properties, 0) : cudaErrorNoDevice;
    }
    platform.gpu = properties.name;
    if (code != cudaSuccess) {
        platform.why_none = std::string("no GPU: ") + cudaGetErrorName(code);
    }
    return platform;
}

std::string to_text(const Platform& platform) {
    return nlohmann::json{platform.library, platform.driver, platform.gpu, platform.why_none}.dump();
}

Platform platform_from(const std::string& text) {
    const nlohmann::json parts = nlohmann::json::parse(text);
    return {parts.at(0), parts.at(1), parts.at(2), parts.at(3)};
}

}  // namespace fastio::conformance
