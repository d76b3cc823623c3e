#include "service/http.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fastio::service::http {
namespace {

constexpr Head kMalformed{Head::State::malformed, {}, {}};

/// A method or the name of a field.
bool is_token(std::string_view text) noexcept {
    static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
    });
}

/// No control characters: a lone CR or LF among them, which others might take for the end of a line.
bool is_field_value(std::string_view text) noexcept {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_visible(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_host(std::string_view field) noexcept {
    return field.size() == 4 && (field[0] | 0x20) == 'h' && (field[1] | 0x20) == 'o' && (field[2] | 0x20) == 's' &&
           (field[3] | 0x20) == 't';
}

/// "HTTP/1.0" and the like; a later minor version asks for nothing that this cannot ignore.
bool is_version_1(std::string_view text) noexcept {
    return text.size() == 8 && text.starts_with("HTTP/1.") && text[7] >= '0' && text[7] <= '9';
}

/// Up to `separator`, which is taken off too; all of it where there is none.
std::string_view take_until(std::string_view& text, std::string_view separator) noexcept {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + separator.size(), text.size()));
    return part;
}

/// The path of "/path?query" and of "http://host/path?query"; empty for a target of another form.
std::string_view path_of(std::string_view target) noexcept {
    if (target.starts_with("http://")) {
        target.remove_prefix(std::min(target.find('/', 7), target.size()));
    }
    const std::string_view path = target.substr(0, target.find('?'));
    return path.starts_with('/') ? path : std::string_view{};
}

std::string_view reason_of(Status status) noexcept {
    switch (status) {
        case Status::ok:
            return "OK";
        case Status::bad_request:
            return "Bad Request";
        case Status::not_found:
            return "Not Found";
        case Status::method_not_allowed:
            return "Method Not Allowed";
        case Status::head_too_long:
            return "Request Header Fields Too Large";
    }
    return "";
}

}  // namespace

Head parse_head(std::string_view received) noexcept {
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return {received.size() < kMostHeadBytes ? Head::State::incomplete : Head::State::too_long, {}, {}};
    }
    std::string_view rest = received.substr(0, end);
    std::string_view first = take_until(rest, "\r\n");
    Head head;
    head.state = Head::State::complete;
    head.method = take_until(first, " ");
    const std::string_view target = take_until(first, " ");
    const std::string_view version = first;
    if (!is_token(head.method) || !is_visible(target) || !is_version_1(version)) {
        return kMalformed;
    }
    head.path = path_of(target);
    int hosts = 0;
    while (!rest.empty()) {
        std::string_view value = take_until(rest, "\r\n");
        const bool has_colon = value.find(':') != std::string_view::npos;
        const std::string_view name = take_until(value, ":");
        if (!has_colon || !is_token(name) || !is_field_value(value)) {
            return kMalformed;
        }
        hosts += is_host(name) ? 1 : 0;
    }
    // RFC 9112, 3.2: a request of HTTP/1.1 without a host, or with two, must be refused.
    if (hosts > 1 || (hosts == 0 && version != "HTTP/1.0")) {
        return kMalformed;
    }
    return head;
}

std::string format_response(Status status, std::string_view type, std::string_view body, bool with_body) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{}Connection: "
        "close\r\n\r\n{}",
        static_cast<int>(status), reason_of(status), type, body.size(),
        status == Status::method_not_allowed ? "Allow: GET, HEAD\r\n" : "", with_body ? body : std::string_view{});
}

}  // namespace fastio::service::http
