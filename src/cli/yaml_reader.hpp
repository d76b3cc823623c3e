#pragma once

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "cli/fail.hpp"
#include "cli/pipeline.hpp"

namespace fastio::cli {

[[nodiscard]] inline Place place_of(const YAML::Node& node) {
    return {node.Mark().is_null() ? 1 : node.Mark().line + 1};
}

/// Throws invalid_argument with "file:line: message".
template <class... Args>
[[noreturn]] void refuse(const std::filesystem::path& file, Place place, fmt::format_string<Args...> format,
                         Args&&... args) {
    fail(Errc::invalid_argument, "{}:{}: {}", file.string(), place.line,
         fmt::format(format, std::forward<Args>(args)...));
}

/// YAML nodes as the pipeline file wants them; everything else is refused with its place.
class YamlReader {
public:
    explicit YamlReader(std::filesystem::path file) : file_(std::move(file)) {}

    /// `what` names the node in messages, such as "operator 'load'".
    void expect_map(const YAML::Node& node, std::string_view what, std::initializer_list<std::string_view> keys) const;
    void expect_list(const YAML::Node& node, std::string_view what) const;
    /// The value of a key that must be there; `owner` is the node's place in messages.
    [[nodiscard]] YAML::Node required(const YAML::Node& map, const char* key, std::string_view owner) const;
    [[nodiscard]] Place place_of_key(const YAML::Node& map, std::string_view key) const;
    [[nodiscard]] std::string text(const YAML::Node& node, std::string_view what) const;
    [[nodiscard]] std::int64_t integer(const YAML::Node& node, std::string_view what) const;

    [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

private:
    std::filesystem::path file_;
};

}  // namespace fastio::cli
