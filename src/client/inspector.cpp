#include "client/inspector.hpp"

#include "client/watch_events.hpp"

namespace fastio::detail {

std::shared_ptr<Inspector> Inspector::connect(const std::string& socket, std::chrono::nanoseconds timeout) {
    return {new Inspector(socket, timeout), [](Inspector* inspector) {
                if (!inspector->connection().liveness().forked()) {
                    delete inspector;
                }
            }};
}

Inspector::Inspector(const std::string& socket, std::chrono::nanoseconds timeout)
    : connection_(wire::default_socket_path(socket), timeout),
      version_(wire::get_text(connection_.service().version).value_or("")),
      listener_(connection_, *this) {}

Inspector::~Inspector() {
    watches_.end_all(Ending::closed);
}

void Inspector::unwatch(std::uint32_t id) noexcept {
    watches_.remove(id);
    unwatch_at(connection_, id);
}

void Inspector::event(const wire::Event& event) noexcept {
    push_event(watches_, event);
}

void Inspector::events_lost() noexcept {
    watches_.lose_all();
}

void Inspector::session_lost() noexcept {
    connection_.liveness().end(Ending::lost);
    watches_.end_all(Ending::lost);
    connection_.shut_down();
}

}  // namespace fastio::detail
