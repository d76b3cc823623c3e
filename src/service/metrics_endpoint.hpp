#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "service/http_connection.hpp"
#include "service/inspector.hpp"
#include "service/registry.hpp"
#include "service/tcp_listener.hpp"

namespace fastio::service {

/// Shows the service's figures over HTTP to whoever reaches Options::metrics: GET and HEAD of /metrics, in Prometheus'
/// text format. Served by the control thread, which it never makes wait.
///
/// Who connects is not trusted. Connections are bounded, the oldest makes way for a new one; each ends after one
/// request, and after Options::metrics_patience at the latest; what it may send is bounded (HttpConnection); and the
/// figures, which take a scan of all leases, are gathered at most ten times a second.
class MetricsEndpoint {
public:
    /// Listens, unless Options::metrics is empty. Errors: those of TcpListener and Poller.
    MetricsEndpoint(Registry& registry, Inspector& inspector);

    /// Where it listens, "127.0.0.1:9464"; empty when it does not.
    [[nodiscard]] std::string address() const { return listener_ ? listener_->address() : std::string{}; }

    /// The listener is ready. Errors: those of Poller; the connection is then dropped.
    void on_connection();
    /// Connection `id` is ready.
    void on_ready(std::uint64_t id);
    /// Connection `id` has had its time.
    void on_deadline(std::uint64_t id);

private:
    struct Scrape {
        HttpConnection connection;
        Timers::Handle deadline;
    };
    using Scrapes = std::map<std::uint64_t, Scrape>;

    [[nodiscard]] std::string answer(const http::Head& head);
    [[nodiscard]] const std::string& figures();
    void end(Scrapes::iterator scrape) noexcept;

    Registry& registry_;
    Inspector& inspector_;
    std::optional<TcpListener> listener_{};
    Scrapes scrapes_{};  // in order of age
    std::uint64_t next_id_ = 1;
    std::string figures_{};
    std::optional<std::chrono::steady_clock::time_point> gathered_{};
};

}  // namespace fastio::service
