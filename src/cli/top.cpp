#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string_view>

#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/picture.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace {

// Changes that come together share a picture: a busy service is asked no more than ten times a second.
constexpr std::chrono::milliseconds kTogether{100};

/// There is nothing to put in order, so SIGINT, SIGTERM and SIGHUP end the program wherever it is: also where nobody
/// reads what it prints, or the service does not answer. Those that the caller ignores stay ignored.
void end_at_signals() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        struct sigaction ending {};
        ending.sa_handler = [](int /*number*/) { ::_exit(0); };
        if (::sigaction(number, nullptr, &before) != 0 ||
            (before.sa_handler != SIG_IGN && ::sigaction(number, &ending, nullptr) != 0)) {
            fail(Errc::io_error, "cannot listen for signals: {}", os_error());
        }
    }
}

/// A job may come and go while it is looked at.
Picture look_again(Service& service, const std::string& job) {
    try {
        return look(service, job);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found) {
            throw;
        }
        return Picture{service.totals(), {}, {}, {}};
    }
}

/// Waits for a change, and for those that come with it.
void wait_for_change(Watch& changes, const std::string& job) {
    const auto is_shown = [&](const WatchEvent& event) {
        return job.empty() || event.job == job || event.kind == WatchEvent::Kind::lost;
    };
    for (auto event = changes.next(forever); !event || !is_shown(*event); event = changes.next(forever)) {
    }
    const auto end = std::chrono::steady_clock::now() + kTogether;
    for (auto left = std::chrono::nanoseconds(kTogether); left.count() > 0;
         left = end - std::chrono::steady_clock::now()) {
        static_cast<void>(changes.next(left));
    }
}

void show(std::ostream& out, const std::string& text) {
    winsize window{};
    const bool is_terminal = out.rdbuf() == std::cout.rdbuf() && ::isatty(STDOUT_FILENO) != 0 &&
                             ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
    if (is_terminal) {
        out << on_terminal(text, window.ws_row, window.ws_col) << std::flush;
    } else {
        out << text << '\n' << std::flush;
    }
}

}  // namespace

void top(const TopOptions& options, std::ostream& out) {
    end_at_signals();
    Service service(options.common.socket);
    const std::string& job = options.common.job;
    Watch changes = service.watch();  // before the first picture, so that no change is missed
    while (out) {
        const Picture picture = look_again(service, job);
        if (options.json) {
            out << dump(json_of(picture, !job.empty()), -1) << '\n' << std::flush;
        } else {
            show(out, text_of(picture, service, !job.empty()));
        }
        wait_for_change(changes, job);
    }
}

}  // namespace fastio::cli
