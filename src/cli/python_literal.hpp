#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fastio::cli {

/// Reads the few Python literals that the header of a .npy file is made of, token by token, and nothing else. Every
/// call skips the white space before its token and throws corrupt_input, with the place, when something else is there.
class PythonLiteral {
public:
    /// `text` must outlive this; `file` is for messages.
    PythonLiteral(std::string_view text, std::string_view file) noexcept : text_(text), file_(file) {}

    [[nodiscard]] bool at(char c);
    bool accept(char c);
    void expect(char c);
    void expect_end();

    /// Quoted with ' or ", without escapes: no header needs any.
    [[nodiscard]] std::string string();
    [[nodiscard]] bool boolean();
    /// "()", "(3,)", "(2, 3)", "(2, 3,)"; "(3)" is a number in Python and not a tuple. "3L", as Python 2 wrote, is 3.
    [[nodiscard]] std::vector<std::int64_t> tuple_of_extents();

private:
    void skip_space();
    [[nodiscard]] std::int64_t extent();
    [[noreturn]] void refuse(std::string_view wanted) const;

    std::string_view text_;
    std::string_view file_;
    std::size_t place_ = 0;
};

}  // namespace fastio::cli
