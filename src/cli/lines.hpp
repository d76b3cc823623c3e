#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace fastio::cli {

/// Cuts a stream of bytes into lines, whatever pieces it arrives in, and remembers the last ones.
class Lines {
public:
    /// A longer line is given in pieces of this length.
    static constexpr std::size_t kMostLineBytes = std::size_t{64} << 10;
    static constexpr std::size_t kRemembered = 5;

    /// `on_line` gets each line without its newline.
    explicit Lines(std::function<void(std::string_view)> on_line) : on_line_(std::move(on_line)) {}

    void add(std::string_view bytes);
    /// Gives what has no newline at its end.
    void finish();
    [[nodiscard]] const std::deque<std::string>& last() const noexcept { return last_; }

private:
    void give(std::string_view line);

    std::function<void(std::string_view)> on_line_;
    std::string unfinished_;
    std::deque<std::string> last_;
};

}  // namespace fastio::cli
