#include "support/leak_check.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace fastio::test {
namespace {

// The thread sanitizer's runtime starts a thread of its own when the program starts its first.
#ifdef __SANITIZE_THREAD__
constexpr std::size_t kRuntimeThreads = 1;
#else
constexpr std::size_t kRuntimeThreads = 0;
#endif

std::map<int, std::string> read_descriptors() {
    std::map<int, std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        // The folder's own descriptor is in the listing, too.
        if (!gone && !target.ends_with("/fd")) {
            result.emplace(std::stoi(entry.path().filename().string()), target);
        }
    }
    return result;
}

std::map<std::string, std::size_t> read_memfd_mappings() {
    std::map<std::string, std::size_t> result;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (const std::size_t name = line.find("/memfd:"); name != std::string::npos) {
            ++result[line.substr(name + 1)];
        }
    }
    return result;
}

std::size_t count_threads() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        ++count;
    }
    return count;
}

template <class Key>
void compare(const std::map<Key, std::string>& before, const std::map<Key, std::string>& after, std::ostream& out) {
    for (const auto& [key, value] : after) {
        const auto old = before.find(key);
        if (old == before.end() || old->second != value) {
            out << "descriptor " << key << " is open: " << value << '\n';
        }
    }
    for (const auto& [key, value] : before) {
        if (!after.contains(key)) {
            out << "descriptor " << key << " was closed: " << value << '\n';
        }
    }
}

std::string compare(const Resources& before, const Resources& after) {
    std::ostringstream out;
    compare(before.descriptors, after.descriptors, out);
    std::map<std::string, long> mappings;
    for (const auto& [name, count] : after.memfd_mappings) {
        mappings[name] += static_cast<long>(count);
    }
    for (const auto& [name, count] : before.memfd_mappings) {
        mappings[name] -= static_cast<long>(count);
    }
    for (const auto& [name, more] : mappings) {
        if (more != 0) {
            out << "mappings of " << name << ": " << (more > 0 ? "+" : "") << more << '\n';
        }
    }
    // Fewer are none left over: a thread that was joined just before the first look may still have been counted by it.
    if (after.threads > before.threads && after.threads != before.threads + kRuntimeThreads) {
        out << "threads: " << after.threads << " instead of " << before.threads << '\n';
    }
    return out.str();
}

}  // namespace

Resources Resources::now() {
    return {read_descriptors(), read_memfd_mappings(), count_threads()};
}

std::string LeakCheck::difference() const {
    constexpr int kLooks = 20'000;
    std::string result = compare(before_, Resources::now());
    for (int look = 0; look < kLooks && !result.empty() && count_threads() > before_.threads; ++look) {
        std::this_thread::yield();
        result = compare(before_, Resources::now());
    }
    return result;
}

}  // namespace fastio::test
