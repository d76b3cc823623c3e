#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/watch.hpp>

#include "service/poller.hpp"
#include "service/session.hpp"

namespace fastio::service {

/// Something that happened in a context.
struct Change {
    WatchEvent::Kind kind = WatchEvent::Kind::published;
    std::uint64_t context = 0;
    uid_t uid = 0;  ///< the context's owner
    std::string_view job{};
    std::string_view name{};
    std::uint64_t version = 0;
};

/// Who wants to hear of which changes. A member watches names of its own context; a visitor watches every context that
/// it may see.
class Watchers {
public:
    static constexpr std::uint32_t kMostPerSession = 64;

    explicit Watchers(Poller& poller) : poller_(poller) {}

    /// `everything`: the watcher may see every user's contexts. Errors: invalid_argument (an id in use), quota_exceeded
    /// (kMostPerSession).
    void add_for_context(Session& session, std::uint32_t id, std::string_view prefix, std::uint64_t context);
    void add_for_all(Session& session, std::uint32_t id, std::string_view prefix, bool everything);
    /// Errors: not_found.
    void remove(Session& session, std::uint32_t id);
    void remove_all(Session& session) noexcept;

    void tell(const Change& change);

private:
    struct Watch {
        Session* session = nullptr;
        std::uint32_t id = 0;
        std::string prefix{};
        bool everything = false;
    };
    void check_new(const Session& session, std::uint32_t id) const;
    void send(const Watch& watch, const Change& change);

    Poller& poller_;
    std::map<std::uint64_t, std::vector<Watch>> by_context_;
    std::vector<Watch> all_;
};

}  // namespace fastio::service
