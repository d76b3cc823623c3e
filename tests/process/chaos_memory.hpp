#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <fastio/fastio.hpp>

namespace fastio::test {

/// How an operator touches memory: in place on the host; on a GPU in the order of a stream of its own, with work that
/// takes effect late. Which one is the program's: chaos_memory_host.cpp or cuda/process/chaos_memory.cpp.
class ChaosMemory {
public:
    ChaosMemory();
    ChaosMemory(const ChaosMemory&) = delete;
    ChaosMemory& operator=(const ChaosMemory&) = delete;
    ~ChaosMemory();

    /// None on the host.
    [[nodiscard]] Stream stream() const noexcept;
    /// Queues: two words, then pattern_word(head[1], i) to the end.
    void write(Allocation& to, std::array<std::uint64_t, 2> head);
    /// Whether what is mapped stays readable after the service's death.
    [[nodiscard]] static bool outlives_the_service() noexcept;
    /// What is there when the stream's work so far is done, which is waited for.
    [[nodiscard]] std::vector<std::uint64_t> read(const Allocation& from);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// splitmix64
[[nodiscard]] std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) noexcept;

}  // namespace fastio::test
