#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fastio/watch.hpp>

#include "service/poller.hpp"
#include "service/session.hpp"
#include "wire/messages.hpp"

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
    static constexpr std::uint32_t kMostPerSession = wire::Event::kMaxWatches;

    explicit Watchers(Poller& poller) : poller_(poller) {}

    /// `everything`: the watcher may see every user's contexts. Errors: invalid_argument (an id in use), quota_exceeded
    /// (kMostPerSession).
    void add_for_context(Session& session, std::uint32_t id, std::string_view prefix, std::uint64_t context);
    void add_for_all(Session& session, std::uint32_t id, std::string_view prefix, bool everything);
    /// Does nothing where there is none of this id.
    void remove(Session& session, std::uint32_t id) noexcept;
    void remove_all(Session& session) noexcept;

    void tell(const Change& change);

private:
    struct Watch {
        Session* session = nullptr;
        std::uint32_t id = 0;
        std::string prefix{};
    };
    using Watches = std::vector<Watch>;  ///< in order of sessions: one message tells all of a session's
    static void add(Watches& watches, Watch watch);
    /// A list in a map, made for the watch if it is the first.
    template <class Lists>
    static void add(Lists& lists, const typename Lists::key_type& key, Watch watch);
    /// Removes those for which it is true, from all lists; how many.
    template <class Matches>
    std::size_t remove_if(Matches&& matches) noexcept;
    void check_new(const Session& session, std::uint32_t id) const;
    void tell(const Watches& watches, const Change& change);
    [[nodiscard]] static bool concerns(const Watch& watch, const Change& change) noexcept;

    Poller& poller_;
    std::map<std::uint64_t, Watches> by_context_;
    std::map<uid_t, Watches> by_user_;  ///< of all contexts of one user: others' changes do not look at them
    Watches of_everything_;             ///< of those who may see every user's
};

}  // namespace fastio::service
