#include "cli/programs.hpp"

#include <unistd.h>

namespace fastio::cli {
namespace fs = std::filesystem;
namespace {

bool is_program(const fs::path& file) {
    std::error_code ignored;
    return fs::is_regular_file(file, ignored) && ::access(file.c_str(), X_OK) == 0;
}

}  // namespace

fs::path own_folder() {
    return fs::read_symlink("/proc/self/exe").parent_path();
}

std::vector<fs::path> folders_of_path(std::string_view path) {
    std::vector<fs::path> folders;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find(':'), path.size());
        folders.emplace_back(end == 0 ? std::string_view(".") : path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return folders;
}

std::optional<fs::path> find_program(const std::string& name, const fs::path& base,
                                     const std::vector<fs::path>& folders) {
    if (name.find('/') != std::string::npos) {
        const fs::path file = fs::absolute(base / name);
        return is_program(file) ? std::optional(file.lexically_normal()) : std::nullopt;
    }
    for (const fs::path& folder : folders) {
        if (const fs::path file = fs::absolute(folder / name); is_program(file)) {
            return file.lexically_normal();
        }
    }
    return std::nullopt;
}

}  // namespace fastio::cli
