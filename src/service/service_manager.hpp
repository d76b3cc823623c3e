#pragma once

#include <string_view>

namespace fastio::service {

/// Tells the service manager that started this process what it is about to do, as sd_notify(3) documents: `state`,
/// lines of NAME=VALUE, goes as one datagram to the socket that $NOTIFY_SOCKET names, a path or, after '@', an abstract
/// name. Does nothing without that variable. Waits for at most five seconds where the manager is busy. Errors:
/// invalid_argument (no such name can be), io_error.
void tell_service_manager(std::string_view state);

}  // namespace fastio::service
