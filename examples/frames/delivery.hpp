#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <fastio/fastio.hpp>

namespace frames {

/// How frames get from one operator to the next.
enum class Policy {
    latest,  ///< one name, which always has the newest: nobody waits, a slow consumer skips
    last_n,  ///< one name for each, "NAMEs/NUMBER": nothing is skipped, the producer waits while `keep` are unread
};

struct Delivery {
    Policy policy = Policy::latest;
    std::size_t keep = 4;  ///< names that a producer keeps alive, for last_n
};

/// Memory for the next frame. Where consumers hold so much that there is no room, the producer waits for them.
[[nodiscard]] fastio::CreateOptions room_on(fastio::Stream stream);

/// Where a producer publishes what it has made.
class Outlet {
public:
    /// The context outlives this.
    Outlet(fastio::Context& context, std::string name, const Delivery& delivery);

    /// last_n: waits until fewer than `keep` names are alive, or SIGINT or SIGTERM came. latest: returns.
    void wait_for_room();

    /// False where this number is published already: who published it died before it could say that it was done.
    bool publish(fastio::Allocation& allocation, std::uint64_t sequence, const fastio::PublishOptions& options);

    /// Takes back what turned out to be worth nothing, unless it was replaced or consumed.
    void withdraw(const std::string& name, std::uint64_t version);

    /// last_n: a number above those that an earlier producer has left. latest: 0.
    [[nodiscard]] std::uint64_t first_free_number();

private:
    fastio::Context& context_;
    std::string name_;
    std::string prefix_;
    Delivery delivery_;
    fastio::Watch changes_;
};

/// Where a consumer takes them from. One consumer for each name: with last_n it removes what it has used.
class Inlet {
public:
    /// `lost` counts what next() skips. It and the context outlive this.
    Inlet(fastio::Context& context, std::string name, const Delivery& delivery, std::uint64_t& lost);

    /// The next one, or none where none comes in time. Those whose producer died before they were complete are skipped.
    /// With a stream they may be found to be such only later, by Allocation::check. Throws Stopped.
    [[nodiscard]] std::optional<fastio::Allocation> next(fastio::Stream stream, std::chrono::nanoseconds timeout);

    /// Gives up what was used. The stream's work on it must be done.
    void drop(fastio::Allocation& allocation, fastio::Stream stream);

private:
    [[nodiscard]] std::optional<fastio::Allocation> next_latest(fastio::Stream stream,
                                                                std::chrono::nanoseconds timeout);
    [[nodiscard]] std::optional<fastio::Allocation> next_of_n(fastio::Stream stream, std::chrono::nanoseconds timeout);
    /// The publication with the smallest version that was not seen yet, of the names that next() takes.
    [[nodiscard]] std::optional<fastio::PublicationInfo> oldest_unseen();

    fastio::Context& context_;
    std::string name_;
    std::string prefix_;
    Delivery delivery_;
    fastio::Watch changes_;
    std::uint64_t seen_ = 0;  ///< the version that was got or lost last; those of a new context begin anew
    std::uint64_t& lost_;
};

}  // namespace frames
