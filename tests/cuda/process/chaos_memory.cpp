#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

#include "process/chaos_memory.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"

namespace fastio::test {
namespace {

void check(int code, const char* attempt) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(attempt) + " failed with " + std::to_string(code));
    }
}

}  // namespace

struct ChaosMemory::State {
    cudaStream_t stream = nullptr;
    const cudart_emulator::Api* emulator = nullptr;
};

ChaosMemory::ChaosMemory() : state_(std::make_unique<State>()) {
    state_->emulator = cudart_emulator::find();
    check(state_->emulator == nullptr ? cudaErrorNotSupported : cudaSuccess, "looking for the emulator");
    check(cudaStreamCreateWithFlags(&state_->stream, cudaStreamNonBlocking), "making a stream");
}

ChaosMemory::~ChaosMemory() {
    static_cast<void>(cudaStreamDestroy(state_->stream));
}

Stream ChaosMemory::stream() const noexcept {
    return Stream(state_->stream);
}

bool ChaosMemory::outlives_the_service() noexcept {
    return false;  // what a GPU's memory holds after its owner's death is not known
}

void ChaosMemory::write(Allocation& to, std::array<std::uint64_t, 2> head) {
    // More than one step, so that a kill meets contents that are half written.
    constexpr std::uint64_t kSteps = 2;
    to.copy_from(head.data(), sizeof head, {.stream = stream()});
    auto* const rest = to.data<std::uint64_t>() + head.size();
    check(state_->emulator->launch_pattern(state_->stream, rest, to.size() - sizeof head, head[1], kSteps),
          "queueing a pattern");
}

std::vector<std::uint64_t> ChaosMemory::read(const Allocation& from) {
    std::vector<std::uint64_t> words(from.size() / sizeof(std::uint64_t));
    from.copy_to(words.data(), from.size(), {.stream = stream()});
    check(cudaStreamSynchronize(state_->stream), "waiting for a stream");
    return words;
}

std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) noexcept {
    return cudart_emulator::pattern_word(seed, index);
}

}  // namespace fastio::test
