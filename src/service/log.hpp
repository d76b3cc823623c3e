#pragma once

#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace fastio::service {

/// A log that never makes its writer wait. What stands behind `descriptor` may be a pipe, a socket or a terminal that
/// nobody reads; it is others' too, so that its O_NONBLOCK is left as it is. A line that finds no room waits for the
/// next one; those that come meanwhile are lost, and how many is the first thing said once there is room. A line has at
/// most PIPE_BUF bytes, the rest is cut off. A reader that has gone (EPIPE) is treated like a full pipe, and raises no
/// SIGPIPE. `descriptor` outlives the log; it may be made another file's meanwhile (dup2). Errors: bad_alloc.
///
/// *Thread safety:* that of spdlog's loggers, but for what configures them.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_log(const std::string& name, int descriptor);

}  // namespace fastio::service
