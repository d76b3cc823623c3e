#include <poll.h>
#include <unistd.h>

#include <iostream>

#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/json.hpp"
#include "cli/stop_signals.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace {

bool is_about_a_name(WatchEvent::Kind kind) {
    return kind == WatchEvent::Kind::published || kind == WatchEvent::Kind::replaced ||
           kind == WatchEvent::Kind::unpublished;
}

bool is_wanted(const WatchEvent& event, const WatchOptions& options) {
    if (event.kind == WatchEvent::Kind::lost) {
        return true;
    }
    if (!options.common.job.empty() && event.job != options.common.job) {
        return false;
    }
    return options.prefix.empty() || (is_about_a_name(event.kind) && event.name.starts_with(options.prefix));
}

std::string text_of(const WatchEvent& event) {
    if (event.kind == WatchEvent::Kind::lost) {
        return "lost  (more happened than could be shown; `fastio ls` shows what there is)";
    }
    std::string text = fmt::format("{:<15}  {}", to_string(event.kind), printable(event.job));
    if (!event.name.empty()) {
        text += "  " + printable(event.name);
    }
    if (event.version != 0) {
        text += fmt::format("  version {}", event.version);
    }
    return text;
}

/// False: a signal waits. A reader that has stopped reading is no reason not to hear it: a line has room then in what
/// poll calls writable, at least 4 KiB.
bool wait_for_reader(const StopSignals& signals, const std::ostream& out) {
    const bool is_standard = out.rdbuf() == std::cout.rdbuf();
    pollfd polled[] = {{signals.fd(), POLLIN, 0}, {is_standard ? STDOUT_FILENO : -1, POLLOUT, 0}};
    while (::poll(polled, 2, is_standard ? -1 : 0) < 0) {
        if (errno != EINTR) {
            fail(Errc::io_error, "cannot wait for the reader: {}", os_error());
        }
    }
    return polled[0].revents == 0;
}

}  // namespace

void watch(const WatchOptions& options, std::ostream& out) {
    StopSignals signals;
    Service service(options.common.socket);
    Watch events = service.watch();
    while (out) {
        pollfd polled[] = {{signals.fd(), POLLIN, 0}, {events.fd(), POLLIN, 0}};
        if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
            fail(Errc::io_error, "cannot wait for changes: {}", os_error());
        }
        while (const auto event = events.next(std::chrono::nanoseconds(0))) {
            if (!wait_for_reader(signals, out)) {  // there may always be one more
                return;
            }
            if (is_wanted(*event, options)) {
                out << (options.json ? dump(json_of(*event), -1) : text_of(*event)) << '\n' << std::flush;
            }
        }
        if (signals.take() != 0) {
            return;
        }
    }
}

}  // namespace fastio::cli
