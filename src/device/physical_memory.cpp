#include "device/physical_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>

namespace fastio {
namespace {

/// The smallest limit from `path` up to the hierarchy's root. A file that is missing or says "max" sets none. Inside a
/// container the path may be the host's; then only the root is found, which is the container's own group.
std::uint64_t smallest_limit(const std::string& mount, std::string path, const char* file_name, std::uint64_t limit) {
    for (;;) {
        std::ifstream file(mount + path + "/" + file_name);
        std::uint64_t bytes = 0;
        if (file >> bytes) {
            limit = std::min(limit, bytes);
        }
        if (path.empty()) {
            return limit;
        }
        path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
}

/// True when one of the comma-separated `controllers` is "memory".
bool has_memory(std::string_view controllers) {
    while (!controllers.empty()) {
        const std::size_t end = std::min(controllers.find(','), controllers.size());
        if (controllers.substr(0, end) == "memory") {
            return true;
        }
        controllers.remove_prefix(std::min(end + 1, controllers.size()));
    }
    return false;
}

}  // namespace

std::uint64_t physical_memory_bytes(const std::string& root) {
    std::uint64_t limit =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    // Lines are ID:CONTROLLERS:PATH; version 2 has the one with ID 0 and no controllers (cgroups(7)).
    std::ifstream groups(root + "/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (has_memory(controllers)) {
            limit = smallest_limit(root + "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", limit);
        } else if (controllers.empty()) {
            limit = smallest_limit(root + "/sys/fs/cgroup", path, "memory.max", limit);
        }
    }
    return limit;
}

}  // namespace fastio
