#include "client/lifeline_holders.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fastio::detail {
namespace {

namespace fs = std::filesystem;

template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// The inode number of a socket to which /proc/PID/fd/N leads.
std::optional<std::uint64_t> socket_number(const fs::path& link) {
    std::error_code unreadable;
    const std::string target = fs::read_symlink(link, unreadable).native();
    constexpr std::string_view kBegin = "socket:[";  // paths begin with a slash
    if (!target.starts_with(kBegin) || !target.ends_with(']')) {
        return std::nullopt;
    }
    return parse_number<std::uint64_t>(
        std::string_view(target).substr(kBegin.size(), target.size() - kBegin.size() - 1));
}

}  // namespace

std::map<std::uint64_t, std::vector<std::int64_t>> lifeline_holders(const std::set<std::uint64_t>& lifelines) {
    std::map<std::uint64_t, std::vector<std::int64_t>> holders;
    if (lifelines.empty()) {
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
            const auto inode = socket_number(entry->path());
            if (!inode || !lifelines.contains(*inode)) {
                continue;
            }
            std::vector<std::int64_t>& found = holders[*inode];
            if (std::ranges::find(found, *pid) == found.end()) {
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
