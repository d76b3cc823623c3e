#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "device/device_memory.hpp"
#include "doctor/finding.hpp"

namespace fastio::doctor {

/// How this program is started again as the other process of share().
struct PeerProgram {
    std::string path{};
    std::vector<std::string> arguments{};  ///< after its name; the last becomes the number of the socket's descriptor
};

/// Really shares memory with another process: reserves a slab, exports it, has another process open it, compare what
/// lies there and answer in it, and compares the answer. On a GPU the other process then also opens the slab for each
/// further GPU it sees, through peer access. `limit` is for the other process, whose driver may hang. Never throws: an
/// error is the finding.
[[nodiscard]] Finding share(DeviceMemory& memory, const PeerProgram& program, std::chrono::seconds limit) noexcept;

/// The other process's part: answers one request on `socket`. Returns its exit status.
[[nodiscard]] int answer_share(int socket) noexcept;

}  // namespace fastio::doctor
