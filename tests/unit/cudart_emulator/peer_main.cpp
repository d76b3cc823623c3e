// The other process of peer.hpp: makes the CUDA calls that it is asked for, with its channel at descriptor 3. Answers
// are the call's code, and what it gave if it succeeded.

#include <cuda.h>
#include <cuda_profiler_api.h>
#include <cuda_runtime_api.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include "peer.hpp"
#include "support/channel.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kPage = 4096;

template <class Function>
Function driver_function(const char* name) {
    void* function = nullptr;
    cudaGetDriverEntryPointByVersion(name, &function, 12'000, cudaEnableDefault, nullptr);
    return reinterpret_cast<Function>(function);
}

class Calls {
public:
    std::string answer(const Channel::Message& message) {
        std::istringstream words(message.text);
        std::string verb;
        words >> verb;
        const auto found = verbs_.find(verb);
        if (found == verbs_.end()) {
            throw std::invalid_argument("unknown words '" + message.text + "'");
        }
        if (!message.descriptors.empty()) {
            descriptor_ = message.descriptors.front().get();
        }
        return found->second(words);
    }

private:
    using Words = std::istringstream;

    template <class Value>
    static Value next(Words& words, Value otherwise = {}) {
        Value value{};
        return words >> value ? value : otherwise;
    }
    static std::string text(cudaError_t code) { return std::to_string(static_cast<int>(code)); }
    template <class Value>
    static std::string text(cudaError_t code, Value value) {
        return code == cudaSuccess ? "0 " + std::to_string(value) : text(code);
    }
    void*& pointer(Words& words) { return pointers_[next<std::string>(words)]; }
    cudaEvent_t& event(Words& words) { return events_[next<std::string>(words)]; }
    cudaStream_t stream() {
        if (stream_ == nullptr) {
            cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking);
        }
        return stream_;
    }

    std::string allocate(Words& words) {
        void*& data = pointer(words);
        return text(cudaMalloc(&data, next<std::size_t>(words)));
    }
    std::string export_memory(Words& words) {
        cudaIpcMemHandle_t handle{};
        const cudaError_t code = cudaIpcGetMemHandle(&handle, pointer(words));
        return code == cudaSuccess ? "0 " + to_text(handle) : text(code);
    }
    std::string open(Words& words) {
        void*& data = pointer(words);
        const cudaIpcMemHandle_t handle = memory_handle(next<std::string>(words));
        return text(cudaIpcOpenMemHandle(&data, handle, next<unsigned>(words, cudaIpcMemLazyEnablePeerAccess)));
    }
    std::string read(Words& words) {
        const auto* const data = static_cast<const unsigned char*>(pointer(words));
        unsigned char byte = 0;
        const cudaError_t code = cudaMemcpy(&byte, data + next<std::ptrdiff_t>(words), 1, cudaMemcpyDeviceToHost);
        return text(code, static_cast<unsigned>(byte));
    }
    std::string fill(Words& words) {
        void* const data = pointer(words);
        const int value = next<int>(words);
        const cudaError_t code = cudaMemset(data, value, next<std::size_t>(words));
        return text(code == cudaSuccess ? cudaDeviceSynchronize() : code);
    }
    std::string memory(Words&) {
        std::size_t free = 0;
        std::size_t total = 0;
        const cudaError_t code = cudaMemGetInfo(&free, &total);
        return text(code, free);
    }
    std::string pattern(Words& words) {
        void* const data = pointer(words);
        const auto bytes = next<std::size_t>(words);
        const auto seed = next<std::uint64_t>(words);
        return std::to_string(
            cudart_emulator::find()->launch_pattern(stream(), data, bytes, seed, next<std::uint64_t>(words)));
    }
    std::string map_words(Words&) {
        void* const mapped = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
        words_ = static_cast<std::uint64_t*>(mapped);
        return text(cudaHostRegister(mapped, kPage, cudaHostRegisterMapped));
    }
    std::string operate(const char* function, Words& words) {
        const auto index = next<std::size_t>(words);
        const auto value = next<cuuint64_t>(words);
        const auto call = driver_function<CUresult (*)(CUstream, CUdeviceptr, cuuint64_t, unsigned)>(function);
        return std::to_string(call(stream(), reinterpret_cast<CUdeviceptr>(words_ + index), value, 0));
    }
    std::string export_event(Words& words) {
        cudaIpcEventHandle_t handle{};
        const cudaError_t code = cudaIpcGetEventHandle(&handle, event(words));
        return code == cudaSuccess ? "0 " + to_text(handle) : text(code);
    }
    std::string open_event(Words& words) {
        cudaEvent_t& opened = event(words);
        return text(cudaIpcOpenEventHandle(&opened, event_handle(next<std::string>(words))));
    }
    std::string make_event(Words& words) {
        cudaEvent_t& made = event(words);
        return text(cudaEventCreateWithFlags(&made, next<unsigned>(words)));
    }
    std::string forked(Words&) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(static_cast<int>(cudaFree(nullptr)));
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return std::to_string(WEXITSTATUS(status));
    }
    /// A child that keeps what it inherited until it is killed; the answer is its process id.
    std::string leave_child(Words&) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(3);
            for (;;) {
                ::pause();
            }
        }
        return std::to_string(child);
    }
    std::string touch(Words& words) { return std::to_string(*static_cast<volatile unsigned char*>(pointer(words))); }
    std::string count(Words&) {
        int count = 0;
        const cudaError_t code = cudaGetDeviceCount(&count);
        return text(code, count);
    }
    std::string versions(Words&) {
        int driver = -1;
        const cudaError_t code = cudaDriverGetVersion(&driver);
        return text(code, driver);
    }

    std::map<std::string, void*> pointers_{};
    std::map<std::string, cudaEvent_t> events_{};
    cudaStream_t stream_ = nullptr;
    std::uint64_t* words_ = nullptr;
    int descriptor_ = -1;
    const std::map<std::string, std::function<std::string(Words&)>> verbs_{
        {"malloc", [this](Words& w) { return allocate(w); }},
        {"free", [this](Words& w) { return text(cudaFree(pointer(w))); }},
        {"export", [this](Words& w) { return export_memory(w); }},
        {"open", [this](Words& w) { return open(w); }},
        {"close", [this](Words& w) { return text(cudaIpcCloseMemHandle(pointer(w))); }},
        {"address", [this](Words& w) { return text(cudaSuccess, reinterpret_cast<std::uintptr_t>(pointer(w))); }},
        {"read", [this](Words& w) { return read(w); }},
        {"fill", [this](Words& w) { return fill(w); }},
        {"memory", [this](Words& w) { return memory(w); }},
        {"device", [](Words& w) { return text(cudaSetDevice(next<int>(w))); }},
        {"synchronise", [](Words&) { return text(cudaDeviceSynchronize()); }},
        {"last-error", [](Words&) { return text(cudaGetLastError()); }},
        {"count", [this](Words& w) { return count(w); }},
        {"driver-version", [this](Words& w) { return versions(w); }},
        {"pattern", [this](Words& w) { return pattern(w); }},
        {"map-words", [this](Words& w) { return map_words(w); }},
        {"write-word", [this](Words& w) { return operate("cuStreamWriteValue64", w); }},
        {"wait-word", [this](Words& w) { return operate("cuStreamWaitValue64", w); }},
        {"make-event", [this](Words& w) { return make_event(w); }},
        {"export-event", [this](Words& w) { return export_event(w); }},
        {"open-event", [this](Words& w) { return open_event(w); }},
        {"record-event", [this](Words& w) { return text(cudaEventRecord(event(w), stream())); }},
        {"wait-event", [this](Words& w) { return text(cudaStreamWaitEvent(stream(), event(w), 0)); }},
        {"query-event", [this](Words& w) { return text(cudaEventQuery(event(w))); }},
        {"destroy-event", [this](Words& w) { return text(cudaEventDestroy(event(w))); }},
        {"synchronise-stream", [this](Words&) { return text(cudaStreamSynchronize(stream())); }},
        {"query-stream", [this](Words&) { return text(cudaStreamQuery(stream())); }},
        {"engine", [](Words&) { return std::to_string(cudart_emulator::find()->engine_process()); }},
        {"fork", [this](Words& w) { return forked(w); }},
        {"leave-child", [this](Words& w) { return leave_child(w); }},
        {"touch", [this](Words& w) { return touch(w); }},
        {"unmodelled", [](Words&) { return text(cudaProfilerStart()); }},
    };
};

}  // namespace
}  // namespace fastio::test

int main() {
    try {
        fastio::test::Channel channel(fastio::wire::Socket(fastio::Descriptor(3)));
        fastio::test::Calls calls;
        for (;;) {
            const fastio::test::Channel::Message message = channel.hear();
            channel.say(calls.answer(message));
        }
    } catch (const std::runtime_error&) {
        return 0;  // the test closed its end
    } catch (const std::exception& error) {
        std::fprintf(stderr, "emulator peer: %s\n", error.what());
        return 1;
    }
}
