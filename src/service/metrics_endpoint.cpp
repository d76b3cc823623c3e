#include "service/metrics_endpoint.hpp"

#include "service/metrics_text.hpp"

namespace fastio::service {
namespace {

constexpr std::size_t kMostConnections = 8;
/// Anybody who reaches the port can ask, as often as they like.
constexpr std::chrono::milliseconds kFreshness{100};

}  // namespace

MetricsEndpoint::MetricsEndpoint(Registry& registry, Inspector& inspector)
    : registry_(registry), inspector_(inspector) {
    if (!registry_.options.metrics.empty()) {
        listener_.emplace(registry_.options.metrics);
        registry_.poller.add(listener_->fd(), EPOLLIN, {Source::metrics, 0});
    }
}

void MetricsEndpoint::on_connection() {
    Descriptor socket = listener_->accept();
    if (!socket) {
        return;
    }
    if (scrapes_.size() >= kMostConnections) {
        end(scrapes_.begin());
    }
    const std::uint64_t id = next_id_++;
    registry_.poller.add(socket.get(), EPOLLIN, {Source::scrape, id});
    const Timers::Handle deadline =
        registry_.timers.add(registry_.options.metrics_patience, {Timers::Purpose::scrape, id});
    scrapes_.emplace(id, Scrape{HttpConnection(std::move(socket)), deadline});
}

void MetricsEndpoint::on_ready(std::uint64_t id) {
    const auto found = scrapes_.find(id);
    if (found == scrapes_.end()) {
        return;  // it ended earlier in this round
    }
    HttpConnection& connection = found->second.connection;
    switch (connection.step([this](const http::Head& head) { return answer(head); })) {
        case HttpConnection::Next::read:
            registry_.poller.modify(connection.fd(), EPOLLIN, {Source::scrape, id});
            break;
        case HttpConnection::Next::write:
            registry_.poller.modify(connection.fd(), EPOLLOUT, {Source::scrape, id});
            break;
        case HttpConnection::Next::end:
            end(found);
            break;
    }
}

void MetricsEndpoint::on_deadline(std::uint64_t id) {
    if (const auto found = scrapes_.find(id); found != scrapes_.end()) {
        registry_.poller.remove(found->second.connection.fd());
        scrapes_.erase(found);
    }
}

std::string MetricsEndpoint::answer(const http::Head& head) {
    using http::Status;
    switch (head.state) {
        case http::Head::State::too_long:
            return http::format_response(Status::head_too_long, http::kPlainText, "The request is too long.\n");
        case http::Head::State::incomplete:
        case http::Head::State::malformed:
            return http::format_response(Status::bad_request, http::kPlainText, "This is no HTTP/1.1 request.\n");
        case http::Head::State::complete:
            break;
    }
    const bool with_body = head.method != "HEAD";
    if (head.path != "/metrics") {
        return http::format_response(Status::not_found, http::kPlainText, "The metrics are at /metrics.\n", with_body);
    }
    if (with_body && head.method != "GET") {
        return http::format_response(Status::method_not_allowed, http::kPlainText, "Ask with GET or HEAD.\n");
    }
    return http::format_response(Status::ok, kMetricsType, figures(), with_body);
}

const std::string& MetricsEndpoint::figures() {
    const auto now = std::chrono::steady_clock::now();
    if (!gathered_ || now - *gathered_ >= kFreshness) {
        const wire::TotalsReply totals = inspector_.totals();  // first: it gives back what nobody holds any more
        figures_ = metrics_text(totals, usage(registry_), registry_.troubles, inspector_.oldest_pending(),
                                inspector_.devices());
        gathered_ = now;
    }
    return figures_;
}

void MetricsEndpoint::end(Scrapes::iterator scrape) noexcept {
    registry_.timers.cancel(scrape->second.deadline);
    registry_.poller.remove(scrape->second.connection.fd());
    scrapes_.erase(scrape);
}

}  // namespace fastio::service
