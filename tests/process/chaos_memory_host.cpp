#include "process/chaos_memory.hpp"

#include <algorithm>

namespace fastio::test {

struct ChaosMemory::State {};

ChaosMemory::ChaosMemory() = default;
ChaosMemory::~ChaosMemory() = default;

Stream ChaosMemory::stream() const noexcept {
    return {};
}

bool ChaosMemory::outlives_the_service() noexcept {
    return true;
}

void ChaosMemory::write(Allocation& to, std::array<std::uint64_t, 2> head) {
    const auto words = to.as_span<std::uint64_t>();
    std::ranges::copy(head, words.begin());
    for (std::size_t i = head.size(); i < words.size(); ++i) {
        words[i] = pattern_word(head[1], i - head.size());
    }
}

std::vector<std::uint64_t> ChaosMemory::read(const Allocation& from) {
    const auto words = from.as_span<const std::uint64_t>();
    return {words.begin(), words.end()};
}

std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) noexcept {
    std::uint64_t x = seed + 0x9e37'79b9'7f4a'7c15 * (index + 1);
    x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
    x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
    return x ^ (x >> 31);
}

}  // namespace fastio::test
