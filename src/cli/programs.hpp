#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fastio::cli {

/// The folder of the running program.
[[nodiscard]] std::filesystem::path own_folder();

/// The folders of $PATH; an empty part is the current folder.
[[nodiscard]] std::vector<std::filesystem::path> folders_of_path(std::string_view path);

/// Where a command's program is, as an absolute path. A name with a slash is taken as it is, relative to `base`; other
/// names are looked up in `folders`, in order. Empty: there is no such executable file.
[[nodiscard]] std::optional<std::filesystem::path> find_program(const std::string& name,
                                                                const std::filesystem::path& base,
                                                                const std::vector<std::filesystem::path>& folders);

}  // namespace fastio::cli
