#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/data_type.hpp>

namespace fastio::cli {

/// A place in a pipeline file, for messages.
struct Place {
    int line = 0;  ///< from 1
};

/// One input or output of an operator.
struct Entry {
    std::string name{};
    std::string path{};  ///< not empty: a disk entry; as written in the file
    std::string type{};  ///< "array", "string" or a data type; empty: not declared
    std::optional<DataType> element_type{};
    std::optional<std::vector<std::int64_t>> shape{};  ///< 0 or -1: this dimension is known only at run time
    Place place{};

    [[nodiscard]] bool on_disk() const noexcept { return !path.empty(); }
};

struct Operator {
    std::string name{};
    std::vector<std::string> command{};  ///< program and arguments
    std::vector<Entry> inputs{};
    std::vector<Entry> outputs{};
    Place place{};
    Place command_place{};
};

struct Pipeline {
    std::filesystem::path file{};
    std::string name{};
    std::vector<Operator> operators{};  ///< in the order of the file
};

/// Reads a pipeline file and refuses what is wrong in it: unknown and repeated keys, bad types, names used twice, an
/// input that nobody outputs, two producers of one name, a cycle. Every message starts with "file:line:".
/// Errors: io_error (cannot be read), corrupt_input (not YAML), invalid_argument (all others).
[[nodiscard]] Pipeline load_pipeline(const std::filesystem::path& file);

/// The same for text that was read from `file`.
[[nodiscard]] Pipeline parse_pipeline(const std::string& text, const std::filesystem::path& file);

}  // namespace fastio::cli
