#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>

#include "cuda/ordering/pattern_kernels.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"

namespace fastio::test {
namespace {

std::uint64_t* alias(const std::uint64_t* device) {
    return static_cast<std::uint64_t*>(cudart_emulator::find()->host_alias(device));
}

void queue(cudaStream_t stream, std::function<void()> work) {
    auto argument = std::make_unique<std::function<void()>>(std::move(work));
    const auto run = [](void* given) {
        const std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()>*>(given));
        (*owned)();
    };
    if (cudart_emulator::find()->launch(stream, run, argument.get()) != 0) {
        throw std::runtime_error("no host function could be queued");
    }
    static_cast<void>(argument.release());  // the function's, from here on
}

}  // namespace

void queue_late_fill(cudaStream_t stream, std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                     std::uint64_t microseconds) {
    queue(stream, [to = alias(words), count, value, microseconds] {
        const auto begin = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
        while (std::chrono::steady_clock::now() < begin) {
        }
        std::fill_n(to, count, value);
    });
}

void queue_count_wrong(cudaStream_t stream, const std::uint64_t* words, std::uint64_t count, std::uint64_t value,
                       std::uint64_t* wrong) {
    queue(stream, [from = alias(words), count, value, to = alias(wrong)] {
        *to += static_cast<std::uint64_t>(
            std::count_if(from, from + count, [value](std::uint64_t word) { return word != value; }));
    });
}

}  // namespace fastio::test
