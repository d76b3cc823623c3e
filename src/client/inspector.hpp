#pragma once

#include <memory>
#include <string>

#include <fastio/service.hpp>

#include "client/connection.hpp"
#include "client/listener.hpp"
#include "client/watch_queue.hpp"

namespace fastio::detail {

/// A connection that joins no context: what Service stands on.
/// *Thread safety:* every member, from any thread. *In a forked child* it is never destroyed, as Client.
class Inspector final : public EventSink, public WatchSource {
public:
    [[nodiscard]] static std::shared_ptr<Inspector> connect(const std::string& socket,
                                                            std::chrono::nanoseconds timeout);
    virtual ~Inspector();

    [[nodiscard]] Connection& connection() noexcept { return connection_; }
    [[nodiscard]] WatchRegistry& watches() noexcept { return watches_; }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }

    void unwatch(std::uint32_t id) noexcept override;

private:
    Inspector(const std::string& socket, std::chrono::nanoseconds timeout);

    // EventSink, called by the helper thread
    [[nodiscard]] bool slab_closing(table::SlabRef /*slab*/) noexcept override { return true; }  // it has no slabs
    void event(const wire::Event& event) noexcept override;
    void events_lost() noexcept override;
    void context_ended(Errc /*reason*/) noexcept override {}  // it is in none
    void session_lost() noexcept override;
    void service_lost() noexcept override {}

    Connection connection_;
    std::string version_;
    WatchRegistry watches_;
    Listener listener_;
};

}  // namespace fastio::detail
