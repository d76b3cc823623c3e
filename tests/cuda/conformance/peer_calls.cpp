// The words of a peer, and the calls that they stand for. Memory, events and gates have names there.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "calls.hpp"
#include "kernels.hpp"
#include "peer.hpp"
#include "uuid.hpp"
#include "waits.hpp"
#include "words.hpp"

namespace fastio::conformance {
namespace {

using Words = std::istringstream;
using Verb = std::function<std::string(Words&)>;

template <class Value>
Value next(Words& words, Value otherwise = {}) {
    Value value{};
    return words >> value ? value : otherwise;
}

class Calls {
public:
    std::string answer(const test::Channel::Message& message) {
        Words words(message.text);
        const auto found = verbs_.find(next<std::string>(words));
        if (found == verbs_.end()) {
            return "unknown words '" + message.text + "'";
        }
        if (!message.descriptors.empty()) {
            shared_.emplace(message.descriptors.front().get());
        }
        return found->second(words);
    }

private:
    [[nodiscard]] std::map<std::string, Verb> memory_verbs();
    [[nodiscard]] std::map<std::string, Verb> event_verbs();
    [[nodiscard]] std::map<std::string, Verb> stream_verbs();
    [[nodiscard]] std::map<std::string, Verb> process_verbs();
    [[nodiscard]] std::map<std::string, Verb> all_verbs();
    std::string upload(Words& words);

    void*& memory(Words& words) { return memory_[next<std::string>(words)]; }
    std::byte* bytes(Words& words) { return static_cast<std::byte*>(memory(words)); }
    cudaEvent_t& event(Words& words) { return events_[next<std::string>(words)]; }
    cudaStream_t stream() {
        if (!stream_) {
            stream_ = std::make_unique<Stream>();
        }
        return stream_->get();
    }

    std::map<std::string, void*> memory_{};
    std::map<std::string, cudaEvent_t> events_{};
    std::map<std::string, Gate> gates_{};
    std::unique_ptr<Stream> stream_{};
    std::optional<SharedWords> shared_{};
    std::map<std::string, Verb> verbs_ = all_verbs();
};

std::map<std::string, Verb> Calls::memory_verbs() {
    return {
        {"malloc",
         [this](Words& words) {
             void*& data = memory(words);
             return text(cudaMalloc(&data, next<std::size_t>(words)));
         }},
        {"free", [this](Words& words) { return text(cudaFree(memory(words))); }},
        {"address",
         [this](Words& words) { return "0 " + std::to_string(reinterpret_cast<std::uintptr_t>(memory(words))); }},
        {"export",
         [this](Words& words) {
             cudaIpcMemHandle_t handle{};
             const cudaError_t code = cudaIpcGetMemHandle(&handle, memory(words));
             return text(code, to_text(handle));
         }},
        {"open",
         [this](Words& words) {
             void*& data = memory(words);
             const auto handle = next<std::string>(words);
             return text(open_memory(&data, handle, next<unsigned>(words, cudaIpcMemLazyEnablePeerAccess)));
         }},
        {"close", [this](Words& words) { return text(cudaIpcCloseMemHandle(memory(words))); }},
        {"read",
         [this](Words& words) {
             const std::byte* const data = bytes(words);
             return read_byte(data + next<std::ptrdiff_t>(words));
         }},
        {"fill",
         [this](Words& words) {
             void* const data = memory(words);
             const int value = next<int>(words);
             return text(fill(data, value, next<std::size_t>(words)));
         }},
        {"upload", [this](Words& words) { return upload(words); }},
    };
}

/// From pageable memory: upload NAME VALUE BYTES SYNCHRONISE.
std::string Calls::upload(Words& words) {
    void* const data = memory(words);
    const int value = next<int>(words);
    const std::vector<char> bytes(next<std::size_t>(words), static_cast<char>(value));
    const cudaError_t code = cudaMemcpy(data, bytes.data(), bytes.size(), cudaMemcpyHostToDevice);
    return text(code == cudaSuccess && next<int>(words) == 1 ? cudaDeviceSynchronize() : code);
}

std::map<std::string, Verb> Calls::event_verbs() {
    return {
        {"make-event",
         [this](Words& words) {
             cudaEvent_t& made = event(words);
             return text(cudaEventCreateWithFlags(&made, cudaEventInterprocess | cudaEventDisableTiming));
         }},
        {"export-event",
         [this](Words& words) {
             cudaIpcEventHandle_t handle{};
             const cudaError_t code = cudaIpcGetEventHandle(&handle, event(words));
             return text(code, to_text(handle));
         }},
        {"record-event", [this](Words& words) { return text(cudaEventRecord(event(words), stream())); }},
        {"query-event", [this](Words& words) { return text(cudaEventQuery(event(words))); }},
        {"synchronise-event", [this](Words& words) { return text(cudaEventSynchronize(event(words))); }},
        {"destroy-event", [this](Words& words) { return text(cudaEventDestroy(event(words))); }},
    };
}

std::map<std::string, Verb> Calls::stream_verbs() {
    return {
        {"hold",
         [this](Words& words) {
             gates_[next<std::string>(words)].hold(stream());
             return std::string("0");
         }},
        {"let-go",
         [this](Words& words) {
             gates_[next<std::string>(words)].open();
             return std::string("0");
         }},
        {"synchronise-stream", [this](Words&) { return text(cudaStreamSynchronize(stream())); }},
        {"write-word",
         [this](Words& words) {
             void* const word = memory(words);
             return text(write_word(stream(), word, next<std::uint64_t>(words)));
         }},
        {"share", [this](Words&) { return std::string(shared_ ? "0" : "no descriptor came"); }},
        {"write-shared-word",
         [this](Words& words) { return text(write_word(stream(), shared_->on_device(), next<std::uint64_t>(words))); }},
        {"fill-later",
         [this](Words& words) {
             void* const data = memory(words);
             return text(cudaMemsetAsync(data, next<int>(words), kBlock, stream()));
         }},
        {"launch-under-a-wait",
         [this](Words&) {
             const Memory memory(kBlock);
             cudaStream_t const other = stream();
             return under_a_wait([&] { return launch_set_byte(other, memory.data()); });
         }},
        {"write-behind-waits", [](Words& words) { return written_behind_waits(next<int>(words)); }},
        {"count-up", [this](Words& words) { return text(launch_count_up(stream(), memory(words))); }},
    };
}

std::map<std::string, Verb> Calls::process_verbs() {
    return {
        {"context", [](Words&) { return text(cudaFree(nullptr)); }},
        {"undumpable", [](Words&) { return std::string(::prctl(PR_SET_DUMPABLE, 0) == 0 ? "0" : "it cannot be set"); }},
        {"device", [](Words& words) { return text(cudaSetDevice(next<int>(words))); }},
        {"count",
         [](Words&) {
             int count = 0;
             const cudaError_t code = cudaGetDeviceCount(&count);
             return text(code, std::to_string(count));
         }},
        {"uuid",
         [](Words& words) {
             std::string uuid;
             const cudaError_t code = device_uuid(next<int>(words), uuid);
             return text(code, uuid);
         }},
        {"pid", [](Words&) { return "0 " + std::to_string(::getpid()); }},
        {"errors",
         [](Words&) {
             // One after another: the last error is what is asked about.
             int count = 77;
             const int called = cudaGetDeviceCount(&count);
             const int first = cudaGetLastError();
             const int second = cudaGetLastError();
             return std::to_string(called) + " " + std::to_string(first) + " " + std::to_string(second) +
                    (count == 77 ? ", output untouched" : ", output " + std::to_string(count));
         }},
    };
}

std::map<std::string, Verb> Calls::all_verbs() {
    std::map<std::string, Verb> all = memory_verbs();
    all.merge(event_verbs());
    all.merge(stream_verbs());
    all.merge(process_verbs());
    return all;
}

}  // namespace

void serve_peer(test::Channel channel) {
    Calls calls;
    for (;;) {
        channel.say(calls.answer(channel.hear()));
    }
}

}  // namespace fastio::conformance
