#pragma once

#include <string>
#include <string_view>

#include "device/descriptor.hpp"
#include "service/spare_descriptor.hpp"

namespace fastio::service {

/// A TCP port that others can connect to. Peers are not authenticated.
class TcpListener {
public:
    /// `address` is "IPV4:PORT" or "[IPV6]:PORT", in numbers; port 0 takes one that is free. Errors: invalid_argument
    /// (no such address), already_exists (the port is in use), permission_denied, io_error.
    explicit TcpListener(std::string_view text);

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// Where it listens, with the port that was taken: in the form of the constructor's argument.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    /// One waiting connection; empty when there is none, or no descriptor for it: then it is closed, unserved.
    [[nodiscard]] Descriptor accept() noexcept;

private:
    Descriptor socket_;
    std::string address_;
    SpareDescriptor spare_;
};

}  // namespace fastio::service
