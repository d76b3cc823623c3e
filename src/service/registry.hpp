#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/eventfd.hpp"
#include "device/host_identity.hpp"
#include "service/accounts.hpp"
#include "service/context.hpp"
#include "service/device.hpp"
#include "service/foreign.hpp"
#include "service/options.hpp"
#include "service/poller.hpp"
#include "service/session.hpp"
#include "service/timers.hpp"
#include "service/troubles.hpp"
#include "service/unread.hpp"
#include "service/watchers.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// Everything that the control thread knows: who is connected, which contexts there are, what they use. The parts of
/// the service (Admission, RequestDispatcher, Growth, Teardown, Inspector) work on it; it decides nothing.
///
/// *Thread safety:* none; the control thread's own.
struct Registry {
    /// Errors: those of Devices, Poller and Timers; io_error.
    Registry(Options given, std::vector<std::shared_ptr<DeviceMemory>> memories);

    [[nodiscard]] Session* session(std::uint64_t id) noexcept;
    [[nodiscard]] Context* context(std::uint64_t id) noexcept;
    /// The open context of a job, or null.
    [[nodiscard]] Context* job(std::string_view name) noexcept;

    /// Root and the service's own user see everybody's.
    [[nodiscard]] bool sees_everything(const Session& session) const noexcept {
        return session.uid == 0 || session.uid == uid;
    }

    /// Of lines about this user's clients.
    [[nodiscard]] LineBudget& lines_of(uid_t user) noexcept {
        Account* const account = accounts.find(user);
        return account == nullptr ? of_anybody : account->lines;
    }

    /// Marks the session to be ended after the message in work; the first mark counts.
    void end(Session& session, Session::End how, std::string reason = {}) noexcept;
    void cut(Session& session, std::string_view reason) noexcept;
    /// Something that a quarantined session waited for has happened: it is looked at then, too.
    void look_again_at(const Session& session) noexcept;
    /// Has room for one session and one context more in what end() and Context::touch() fill.
    void make_room();

    /// Sends without waiting. A client that has left earlier replies unread is cut.
    template <class Message>
    void reply(Session& session, std::uint64_t request, Message& message, std::span<const int> descriptors = {}) {
        message.header.request = request;
        // Descriptors that nobody takes out of a queue count against all of this user's (design P11).
        if (!descriptors.empty() && has_unread(session.request)) {
            cut(session, "it asks for descriptors and does not read them");
            return;
        }
        if (session.was_sent_descriptors || !descriptors.empty()) {
            session.was_sent_descriptors = !descriptors.empty() || has_unread(session.request);
        }
        settle_send(session, session.request.send(message, descriptors, false));
    }
    void reply_ok(Session& session, std::uint64_t request);
    void reply_error(Session& session, std::uint64_t request, const Error& error) noexcept;
    void reply_error(Session& session, std::uint64_t request, Errc code, std::string_view text,
                     std::uint32_t flags = 0) noexcept;

    // One line for each request that changes something, and for each that is refused. They are formatted only where
    // they are wanted, and then all are there: no budget leaves one out.
    template <class... Args>
    void debug(fmt::format_string<Args...> format, const Args&... args) const noexcept {
        if (logs_debug()) {
            log(Level::debug, format, fmt::make_format_args(args...));
        }
    }
    /// Of what a session did: the line begins with its number, operator, process and job.
    template <class... Args>
    void debug(const Session& session, fmt::format_string<Args...> format, const Args&... args) const noexcept {
        if (logs_debug()) {
            log_of(session, format, fmt::make_format_args(args...));
        }
    }

    // Silent without a log. A line for which there is no memory is left out: what it speaks of goes on. A line is
    // printable as a whole: names and errors are the clients' text, and nobody who adds a line can forget that.
    template <class... Args>
    void info(fmt::format_string<Args...> format, const Args&... args) const noexcept {
        log(Level::info, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void warn(fmt::format_string<Args...> format, const Args&... args) const noexcept {
        log(Level::warning, format, fmt::make_format_args(args...));
    }
    // What clients can cause as often as they like, such as their coming and going.
    template <class... Args>
    void info(LineBudget& lines, fmt::format_string<Args...> format, const Args&... args) const noexcept {
        log(lines, Level::info, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void warn(LineBudget& lines, fmt::format_string<Args...> format, const Args&... args) const noexcept {
        log(lines, Level::warning, format, fmt::make_format_args(args...));
    }

    Options options;
    uid_t uid;
    std::array<std::uint8_t, 16> instance{};  ///< random, of this run
    HostIdentity host{};
    Poller poller{};
    Timers timers{};
    EventFd wake{};  ///< a device worker has done something
    Watchers watchers{poller};
    Devices devices;
    Accounts accounts{};
    ForeignDescriptors foreign{};
    UnreadReplies unread{poller, foreign};
    std::map<std::uint64_t, std::unique_ptr<Context>> contexts{};
    std::map<std::string, Context*, std::less<>> jobs{};
    std::map<std::uint64_t, std::unique_ptr<Session>> sessions{};
    std::vector<std::uint64_t> touched{};  ///< contexts to tidy at the end of the round
    std::vector<std::uint64_t> ending{};   ///< sessions that Teardown::leave is due for, each once
    std::uint64_t next_session = 1;
    std::uint64_t next_context = 1;
    std::uint64_t requests = 0;
    std::uint64_t sessions_cut = 0;
    std::uint64_t rests_given = 0;  ///< to sessions that asked for much
    Troubles troubles{};
    LineBudget of_anybody{};  ///< lines of which nobody knows whose clients caused them
    FairTime between_sessions{};
    FairTime between_users{};

private:
    void settle_send(Session& session, wire::SendResult result) noexcept;
    enum class Level : std::uint8_t { debug, info, warning };
    [[nodiscard]] bool logs_debug() const noexcept;
    void log(Level level, fmt::string_view format, fmt::format_args args) const noexcept;
    void log(LineBudget& lines, Level level, fmt::string_view format, fmt::format_args args) const noexcept;
    void log_of(const Session& session, fmt::string_view format, fmt::format_args args) const noexcept;
};

}  // namespace fastio::service
