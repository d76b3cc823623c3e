#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fastio::cli {

/// Values as people read them.
[[nodiscard]] std::string text_of_bytes(std::uint64_t bytes);                   ///< "0 B", "1.5 KiB", "134 MiB"
[[nodiscard]] std::string text_of_duration(std::chrono::nanoseconds duration);  ///< "0.42 s", "3 min 20 s", "2 h 5 min"
[[nodiscard]] std::string text_of_shape(std::span<const std::int64_t> dimensions);  ///< "[2, 3]", "[]" for a scalar

/// `text` with control characters as \xNN, so that a name cannot steer the reader's terminal: as the service's log has
/// it.
[[nodiscard]] std::string printable(std::string_view text);

/// What draws `text` over what was drawn before on a terminal of so many rows and columns, and cuts off what has no
/// room there; 0: the size is not known.
[[nodiscard]] std::string on_terminal(std::string_view text, std::size_t rows, std::size_t columns);

/// Columns of text under a heading, padded to their widest cell. Text is aligned left, numbers right.
class TextTable {
public:
    enum class Align { left, right };
    struct Column {
        std::string title;
        Align align = Align::left;
    };
    explicit TextTable(std::vector<Column> columns);

    /// `cells` are as many as the columns.
    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    /// The whole table, every line ending with a newline and none with a space.
    [[nodiscard]] std::string str() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace fastio::cli
