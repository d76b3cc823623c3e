// A user's program with the headers for CUDA, in C++ and without a GPU: what they are for is refused on the host's
// memory, by name.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fastio/cuda/memory_resource.hpp>
#include <fastio/cuda/thrust.hpp>
#include <fastio/cuda/thrust_allocator.hpp>
#include <fastio/fastio.hpp>

namespace {

template <class Call>
bool is_unsupported(Call&& call) {
    try {
        call();
    } catch (const fastio::Error& error) {
        return error.errc() == fastio::Errc::unsupported;
    }
    return false;
}

bool refuses_host_memory(const std::string& socket) {
    fastio::Context context{{.job = "consumer", .socket = socket, .device = "host", .embedded = true}};
    const fastio::Allocation made = context.create(fastio::float32, {4});
    return is_unsupported([&] { static_cast<void>(fastio::cuda::begin<float>(made)); }) &&
           is_unsupported([&] { const fastio::cuda::memory_resource memory(context); });
}

}  // namespace

int main() {
    std::string folder = (std::filesystem::temp_directory_path() / "fastio-consumer-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) {
        std::perror("mkdtemp");
        return 1;
    }
    const bool passed = refuses_host_memory(folder + "/fastiod.sock");
    std::filesystem::remove_all(folder);
    int version = 0;
    const bool linked = cudaRuntimeGetVersion(&version) == cudaSuccess;
    std::printf("with CUDA runtime %d: %s\n", version, passed ? "refused" : "not refused");
    return passed && linked ? 0 : 1;
}
