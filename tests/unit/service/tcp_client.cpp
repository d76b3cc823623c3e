#include "tcp_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace fastio::test {
namespace {

[[noreturn]] void fail_os(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

TcpClient::TcpClient(std::string_view address) {
    const std::size_t colon = address.rfind(':');
    const in_port_t port = htons(static_cast<in_port_t>(std::atoi(std::string(address.substr(colon + 1)).c_str())));
    const bool v6 = address.front() == '[';
    socket_ = Descriptor{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int result = -1;
    if (v6) {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = port;
        to.sin6_addr = in6addr_loopback;
        result = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    } else {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = port;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        result = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    }
    if (result != 0) {
        fail_os("connect to " + std::string(address));
    }
}

void TcpClient::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            fail_os("send to the service");
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void TcpClient::finish() const {
    ::shutdown(fd(), SHUT_WR);
}

std::string TcpClient::receive_all() const {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t got = ::recv(fd(), part.data(), part.size(), 0);
        if (got < 0 && errno != ECONNRESET) {
            fail_os("receive from the service");
        }
        if (got <= 0) {
            return text;
        }
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

HttpResponse parse_response(std::string_view text) {
    HttpResponse response;
    const std::size_t end = text.find("\r\n\r\n");
    if (text.starts_with("HTTP/1.1 ") && end != std::string_view::npos) {
        response.status = std::atoi(std::string(text.substr(9, 3)).c_str());
        response.head = text.substr(0, end + 2);
        response.body = text.substr(end + 4);
    }
    return response;
}

HttpResponse ask_http(std::string_view address, std::string_view method, std::string_view path) {
    const TcpClient client(address);
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(address) +
                "\r\n\r\n");
    return parse_response(client.receive_all());
}

bool has_ipv6() {
    const Descriptor socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 any_port{};
    any_port.sin6_family = AF_INET6;
    any_port.sin6_addr = in6addr_loopback;
    return socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any_port), sizeof(any_port)) == 0;
}

}  // namespace fastio::test
