#include "client/system_folder.hpp"

#include <sys/stat.h>

#include <system_error>

namespace fastio::detail {
namespace {

bool is_folder_of(const std::filesystem::path& path, uid_t first, uid_t second) noexcept {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
           (status.st_uid == first || status.st_uid == second) && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

bool is_of_the_system(const std::filesystem::path& socket, uid_t user, const std::filesystem::path& system) {
    constexpr uid_t kRoot = 0;
    std::error_code error;
    const std::filesystem::path top = std::filesystem::canonical(system, error);
    if (error) {
        return false;
    }
    const std::filesystem::path folder =
        std::filesystem::canonical(std::filesystem::absolute(socket).parent_path(), error);
    if (error) {
        return false;
    }
    const std::filesystem::path below = folder.lexically_relative(top);
    if (below.empty() || below == "." || *below.begin() == ".." || *below.begin() == "user") {
        return false;
    }
    std::filesystem::path at = top;
    for (const std::filesystem::path& name : below) {
        if (!is_folder_of(at, kRoot, kRoot)) {
            return false;
        }
        at /= name;
    }
    return is_folder_of(at, kRoot, user);
}

}  // namespace fastio::detail
