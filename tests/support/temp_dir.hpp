#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace fastio::test {

/// A fresh folder of mode 0700 with a path short enough for sockets; removed with all it contains.
class TempDir {
public:
    TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir();

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// The path of an entry; nothing is created.
    [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// Writes `text` into a file, making the folders above it.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace fastio::test
