#include <fastio/watch.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "convert.hpp"
#include "errors.hpp"
#include "gil.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;
using Clock = std::chrono::steady_clock;

// A signal that arrives just before a sleep begins does not end it; then the next one is the last.
constexpr std::chrono::milliseconds kLongestSleep{500};

/// Sleeps until there is something to read, a signal came, or it is time. Lets go of the GIL.
void sleep_until_readable(int fd, Clock::time_point deadline) {
    const WithoutGil unlocked;
    const auto left =
        std::clamp<std::chrono::nanoseconds>(deadline - Clock::now(), std::chrono::nanoseconds::zero(), kLongestSleep);
    pollfd entry{fd, POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

std::optional<WatchEvent> wait_for_event(Watch& watch, std::chrono::nanoseconds timeout) {
    const Clock::time_point now = Clock::now();
    const auto deadline = timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
    for (;;) {
        if (auto event = watch.next(std::chrono::nanoseconds::zero())) {
            return event;
        }
        if (Clock::now() >= deadline) {
            return std::nullopt;
        }
        sleep_until_readable(watch.fd(), deadline);
        if (PyErr_CheckSignals() != 0) {
            throw nb::python_error();
        }
    }
}

nb::object to_object(std::optional<WatchEvent>&& event) {
    return event ? nb::cast(std::move(*event)) : nb::none();
}

}  // namespace

void bind_watch(nb::module_& module) {
    nb::class_<WatchEvent>(module, "WatchEvent", "One change, as Watch gives it.")
        .def_prop_ro(
            "kind", [](const WatchEvent& event) { return nb::str(to_string(event.kind)); },
            nb::sig("def kind(self) -> str"),
            "\"published\", \"replaced\", \"unpublished\", or \"lost\": events were dropped because this "
            "watcher was slow, so list again.")
        .def_prop_ro(
            "job", [](const WatchEvent& event) { return to_str(event.job); }, nb::sig("def job(self) -> str"))
        .def_prop_ro(
            "name", [](const WatchEvent& event) { return to_str(event.name); }, nb::sig("def name(self) -> str"))
        .def_ro("version", &WatchEvent::version, "Of the publication; 0 for events that have none.")
        .def("__repr__", [](const WatchEvent& event) {
            return fmt::format("<fastio.WatchEvent {} '{}' version {}>", to_string(event.kind), event.name,
                               event.version);
        });
    nb::class_<Watch>(module, "Watch",
                      "A subscription to changes of names, from FastIOContext.watch. Iterating waits for each event. A "
                      "slow watcher delays nobody: past 1,024 unread events it gets \"lost\" and the newest. Ends when "
                      "it is collected.")
        .def(
            "next",
            [](Watch& self, nb::handle timeout) {
                return to_object(wait_for_event(self, to_duration(timeout, "next", "timeout")));
            },
            "timeout"_a = nb::none(), nb::sig("def next(self, timeout: float | None = None) -> WatchEvent | None"),
            "The next event, or None after ``timeout`` seconds (None: waits without a bound; 0: not at all). Ctrl-C "
            "ends the wait. Raises ServiceLostError, ContextClosedError, ForkedError.")
        .def("fileno", &Watch::fd,
             "A descriptor that polls readable while next() would return or raise at once; for select and asyncio.")
        .def(
            "__iter__", [](nb::handle self) { return nb::borrow(self); }, nb::sig("def __iter__(self) -> Watch"))
        .def(
            "__next__", [](Watch& self) { return to_object(wait_for_event(self, std::chrono::nanoseconds::max())); },
            nb::sig("def __next__(self) -> WatchEvent"));
}

}  // namespace fastio::python
