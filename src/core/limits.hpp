#pragma once

#include <cstddef>
#include <cstdint>

namespace fastio {

inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxDimensions = 8;
inline constexpr std::size_t kMaxAttributeBytes = 4096;
inline constexpr std::uint64_t kMinAlignment = 256;
inline constexpr std::uint64_t kMaxAlignment = std::uint64_t{2} << 20;
inline constexpr std::uint64_t kSlabGranularity = std::uint64_t{2} << 20;  ///< cuda-ipc rule 5: whole 2 MiB blocks
inline constexpr std::uint64_t kMaxGrownSlabBytes = std::uint64_t{4} << 30;

inline constexpr std::uint32_t kDefaultMaxAllocations = 65'536;
inline constexpr std::uint32_t kMostAllocations = 1'048'576;
inline constexpr std::uint32_t kDefaultMaxLeases = 65'536;
inline constexpr std::uint32_t kDefaultMaxClients = 1'024;
inline constexpr std::uint32_t kDefaultMaxContexts = 1'024;

}  // namespace fastio
