#include "client/lifeline_holders.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "device/pipe_number.hpp"

namespace fastio::detail {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) noexcept {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// The service has the read end open, which keeps nothing alive.
bool is_write_end(const fs::path& process, const fs::path& descriptor) {
    std::ifstream info(process / "fdinfo" / descriptor);
    for (std::string key, value; info >> key >> value;) {
        if (key == "flags:") {
            return (parse_number<unsigned>(value, 8).value_or(0) & O_ACCMODE) == O_WRONLY;
        }
    }
    return false;
}

}  // namespace

std::map<std::uint64_t, std::vector<std::int64_t>> lifeline_holders(const std::set<std::uint64_t>& pipes) {
    std::map<std::uint64_t, std::vector<std::int64_t>> holders;
    if (pipes.empty()) {
        return holders;
    }
    // Processes end and others may not be looked into: both are passed over.
    std::error_code ignored;
    for (fs::directory_iterator process("/proc", ignored), no_more; process != no_more; process.increment(ignored)) {
        const auto pid = parse_number<std::int64_t>(process->path().filename().native());
        if (!pid) {
            continue;
        }
        std::error_code unreadable;
        for (fs::directory_iterator entry(process->path() / "fd", unreadable); entry != no_more;
             entry.increment(unreadable)) {
            const auto inode = pipe_number(entry->path().c_str());
            if (!inode || !pipes.contains(*inode)) {
                continue;
            }
            std::vector<std::int64_t>& found = holders[*inode];
            if (std::ranges::find(found, *pid) == found.end() &&
                is_write_end(process->path(), entry->path().filename())) {
                found.push_back(*pid);
            }
        }
    }
    for (auto& [inode, found] : holders) {
        std::ranges::sort(found);
    }
    return holders;
}

}  // namespace fastio::detail
