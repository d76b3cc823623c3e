#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/descriptor.hpp"
#include "service/accounts.hpp"
#include "service/event_channel.hpp"
#include "service/operators.hpp"
#include "service/time_share.hpp"
#include "service/timers.hpp"
#include "table/leases.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

class Context;

/// One connection, as the service sees it: from accept until nothing of it counts any more.
struct Session {
    enum class Stage : std::uint8_t {
        greeting,     ///< connected; has not said hello
        visitor,      ///< said hello; may join, list and administer
        member,       ///< joined a context
        quarantined,  ///< was a member and ended without a bye: its leases and holds count until design P3's gate
    };

    std::uint64_t id = 0;
    Stage stage = Stage::greeting;
    uid_t uid = 0;  ///< from the socket, like pid
    pid_t pid = 0;
    std::string name{};  ///< what the client calls itself: for people only
    wire::Socket request{};
    EventChannel events{};
    std::chrono::steady_clock::time_point since{};
    std::uint64_t queue_bytes = 0;  ///< what may be queued for it: its sockets' buffers, and attributes

    Account* account = nullptr;         ///< of its user
    TimeShare time{8};                  ///< of the control thread's
    bool was_sent_descriptors = false;  ///< and may not have read them
    bool is_resting = false;            ///< nothing is read from it for some time

    /// A create of this session waits for a slab: its reply is outstanding.
    bool waiting = false;
    /// Set once the session is to end; the loop does it after the message that it is working on.
    enum class End : std::uint8_t { none, bye, hang_up, cut } end = End::none;
    std::string end_reason{};  ///< of a cut

    // Members and quarantined sessions only.
    Context* context = nullptr;
    std::unique_ptr<table::LeaseBook> leases{};
    std::uint32_t default_device = 0;
    std::vector<std::uint32_t> holds{};   ///< slots; each record knows its position here
    std::vector<std::byte> attributes{};  ///< collected for the next publish
    std::uint32_t watches = 0;
    std::uint32_t operator_number = Operators::kUncounted;  ///< in its context

    // Design P3: when may its memory be used again.
    Descriptor pidfd{};
    Descriptor lifeline{};
    std::uint64_t lifeline_inode = 0;
    bool exited = false;            ///< pidfd fired
    std::int64_t left_at_exit = 0;  ///< bytes that were queued then and are not served yet
    bool lifeline_ended = false;
    std::optional<Timers::Handle> grace{};
    bool grace_is_over = false;

    [[nodiscard]] bool connected() const noexcept { return stage != Stage::quarantined; }
    [[nodiscard]] bool joined() const noexcept { return stage == Stage::member || stage == Stage::quarantined; }
};

}  // namespace fastio::service
