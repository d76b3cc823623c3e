#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The little of HTTP/1.1 (RFC 9112) that answers a scrape: one request's head in, one response out, and then the
/// connection ends. Values only.
namespace fastio::service::http {

inline constexpr std::size_t kMostHeadBytes = 8192;

/// The head of a request: its first line, and its fields up to the empty line. The views are into what was parsed.
struct Head {
    enum class State {
        incomplete,  ///< more has to come
        too_long,    ///< kMostHeadBytes came, and it is still incomplete
        malformed,
        complete,
    };
    State state = State::incomplete;
    std::string_view method{};  ///< of a complete one, like `path`
    std::string_view path{};    ///< without a query
};
/// Looks at everything that was received of a request so far; what follows the head is not looked at.
[[nodiscard]] Head parse_head(std::string_view received) noexcept;

enum class Status { ok = 200, bad_request = 400, not_found = 404, method_not_allowed = 405, head_too_long = 431 };

inline constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

/// A whole response that says that the connection ends after it. Without `with_body` it is what HEAD asks for: the same
/// head, the body's length included, and no body.
[[nodiscard]] std::string format_response(Status status, std::string_view type, std::string_view body,
                                          bool with_body = true);

}  // namespace fastio::service::http
