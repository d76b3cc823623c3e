#include "service/registry.hpp"

#include <sys/random.h>

#include <spdlog/logger.h>

#include <algorithm>
#include <array>

#include "core/fail.hpp"
#include "core/utf8.hpp"

namespace fastio::service {

Registry::Registry(Options given, std::vector<std::shared_ptr<DeviceMemory>> memories)
    : options(std::move(given)),
      uid(::geteuid()),
      host(host_identity()),
      devices(std::move(memories), options.pool_max, wake) {
    if (::getrandom(instance.data(), instance.size(), 0) != static_cast<ssize_t>(instance.size())) {
        fail(Errc::io_error, "could not get {} random bytes for this run's identity", instance.size());
    }
}

Session* Registry::session(std::uint64_t id) noexcept {
    const auto found = sessions.find(id);
    return found == sessions.end() ? nullptr : found->second.get();
}

Context* Registry::context(std::uint64_t id) noexcept {
    const auto found = contexts.find(id);
    return found == contexts.end() ? nullptr : found->second.get();
}

Context* Registry::job(std::string_view name) noexcept {
    const auto found = jobs.find(name);
    return found == jobs.end() ? nullptr : found->second;
}

void Registry::make_room() {
    ending.reserve(sessions.size() + 1);
    touched.reserve(contexts.size() + 1);
}

void Registry::end(Session& session, Session::End how, std::string reason) noexcept {
    if (session.end != Session::End::none || !session.connected()) {
        return;
    }
    session.end = how;
    session.end_reason = std::move(reason);
    ending.push_back(session.id);
    sessions_cut += how == Session::End::cut ? 1 : 0;
}

void Registry::cut(Session& session, std::string_view reason) noexcept {
    std::string text;
    try {
        text = reason;
    } catch (const std::bad_alloc&) {  // then it is cut without a word
    }
    end(session, Session::End::cut, std::move(text));
}

void Registry::look_again_at(const Session& session) noexcept {
    if (!session.connected() && std::ranges::find(ending, session.id) == ending.end()) {
        ending.push_back(session.id);
    }
}

void Registry::reply_ok(Session& session, std::uint64_t request) {
    wire::Ok ok{};
    reply(session, request, ok);
}

void Registry::reply_error(Session& session, std::uint64_t request, const Error& error) noexcept {
    reply_error(session, request, error.errc(), error.what());
}

void Registry::reply_error(Session& session, std::uint64_t request, Errc code, std::string_view text,
                           std::uint32_t flags) noexcept {
    troubles.count_refusal(code);
    debug(session, "was refused: {}: {}", to_string(code), text);
    wire::Failure failure{};
    failure.code = static_cast<std::int32_t>(code);
    failure.flags = flags;
    wire::set_text(failure.message, text);
    reply(session, request, failure);
}

bool Registry::logs_debug() const noexcept {
    return options.log && options.log->should_log(spdlog::level::debug);
}

void Registry::log(Level level, fmt::string_view format, fmt::format_args args) const noexcept {
    if (!options.log) {
        return;
    }
    try {
        constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn};
        options.log->log(kLevels[static_cast<std::size_t>(level)], printable(fmt::vformat(format, args)));
    } catch (const std::exception&) {
        return;
    }
}

void Registry::log_of(const Session& session, fmt::string_view format, fmt::format_args args) const noexcept {
    try {
        const std::string of = session.context == nullptr ? "" : fmt::format(" of '{}'", session.context->job());
        const std::string what = fmt::vformat(format, args);
        debug("session {} ({}[{}]){} {}", session.id, session.name, session.pid, of, what);
    } catch (const std::exception&) {
        return;
    }
}

void Registry::log(LineBudget& lines, Level level, fmt::string_view format, fmt::format_args args) const noexcept {
    const std::optional<std::uint64_t> left_out = lines.take(LineBudget::Clock::now());
    if (!left_out) {
        return;
    }
    if (*left_out != 0) {
        warn("{} lines like the next were left out: the clients of one user caused more than one in {} ms", *left_out,
             LineBudget::kForEach.count());
    }
    log(level, format, args);
}

void Registry::settle_send(Session& session, wire::SendResult result) noexcept {
    switch (result) {
        case wire::SendResult::sent:
            break;
        case wire::SendResult::would_block:
            cut(session, "it does not read its replies, or the kernel has no room for more");
            break;
        case wire::SendResult::closed:
            end(session, Session::End::hang_up);
            break;
    }
}

}  // namespace fastio::service
