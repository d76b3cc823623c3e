// What a stream that waits for a word holds up: W1 to W10. The product's streams wait so for other processes, and an
// operator goes on meanwhile; only a GPU knows which of its calls may.
#include <sys/mman.h>

#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"
#include "waits.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);

/// Another process's memory.
struct Exported {
    Peer owner{};
    std::string handle{};

    Exported() {
        owner.must("malloc a " + kSize);
        handle = owner.must("export a");
    }
};

std::string open() {
    const Exported memory;
    void* data = nullptr;
    return under_a_wait([&] { return open_memory(&data, memory.handle); });
}
std::string close() {
    const Exported memory;
    std::byte* const data = opened(memory.handle);
    return under_a_wait([&] { return cudaIpcCloseMemHandle(data); });
}

std::string malloc_memory() {
    void* data = nullptr;
    return under_a_wait([&] { return cudaMalloc(&data, kBlock); });
}
std::string free_memory() {
    Memory memory(kBlock);
    return under_a_wait([&] { return memory.free(); });
}

/// Host memory that can be pinned.
class Pages {
public:
    Pages() {
        if (data_ == MAP_FAILED) {
            throw std::runtime_error("no host memory");
        }
    }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    ~Pages() { ::munmap(data_, kBlock); }
    [[nodiscard]] cudaError_t pin() const { return cudaHostRegister(data_, kBlock, cudaHostRegisterMapped); }
    [[nodiscard]] cudaError_t unpin() const { return cudaHostUnregister(data_); }

private:
    void* data_ = ::mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
};

std::string pin() {
    const Pages pages;
    std::string answer = under_a_wait([&] { return pages.pin(); });
    static_cast<void>(pages.unpin());
    return answer;
}
std::string unpin() {
    const Pages pages;
    must(pages.pin(), "cudaHostRegister");
    return under_a_wait([&] { return pages.unpin(); });
}

std::string make_event() {
    cudaEvent_t event = nullptr;
    return under_a_wait([&] { return cudaEventCreateWithFlags(&event, cudaEventDisableTiming); });
}
std::string make_stream() {
    cudaStream_t stream = nullptr;
    return under_a_wait([&] { return cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking); });
}

std::string with(const char* variable, const char* value, const std::string& words) {
    Peer other({.environment = {{variable, value}}, .launcher = {}});
    return other.ask(words);
}
std::string first_launch_lazy() {
    return with("CUDA_MODULE_LOADING", "LAZY", "launch-under-a-wait");
}
std::string first_launch_eager() {
    return with("CUDA_MODULE_LOADING", "EAGER", "launch-under-a-wait");
}
std::string streams_on_8_connections() {
    return with("CUDA_DEVICE_MAX_CONNECTIONS", "8", "write-behind-waits 32");
}
std::string streams_on_32_connections() {
    return with("CUDA_DEVICE_MAX_CONNECTIONS", "32", "write-behind-waits 32");
}

constexpr int kParts = 3;
/// Of these nothing is known. Alone: a driver that is busy with others' contexts makes calls wait as well.
constexpr Rule question(std::string_view id, std::string_view text, std::string_view emulated, std::string (*ask)()) {
    return {id, Grade::unknown, text, "", emulated, ask, true, true, kParts};
}

constexpr Rule kRules[] = {
    question("W1", "opening a handle while a stream waits for a word", "0 does not wait", open),
    question("W2", "closing an import meanwhile", "0 waits", close),
    question("W3", "cudaMalloc meanwhile", "0 does not wait", malloc_memory),
    question("W4", "cudaFree meanwhile", "0 waits", free_memory),
    question("W5", "cudaHostRegister meanwhile", "0 does not wait", pin),
    question("W6", "cudaHostUnregister meanwhile", "0 waits", unpin),
    question("W7", "making an event meanwhile", "0 does not wait", make_event),
    question("W8", "making a stream meanwhile", "0 does not wait", make_stream),
    question("W9a", "the first launch of a kernel meanwhile, with CUDA_MODULE_LOADING=LAZY", kNotModelled,
             first_launch_lazy),
    question("W9b", "the first launch of a kernel meanwhile, with CUDA_MODULE_LOADING=EAGER", kNotModelled,
             first_launch_eager),
    question("W10a", "the last of 32 streams writes what the others wait for, with 8 connections", "written",
             streams_on_8_connections),
    question("W10b", "the last of 32 streams writes what the others wait for, with 32 connections", "written",
             streams_on_32_connections),
};

}  // namespace

std::span<const Rule> waiting_rules() {
    return kRules;
}

}  // namespace fastio::conformance
