#include <fastio/watch.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "gil.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;
using Clock = std::chrono::steady_clock;

// A signal that arrives just before a sleep begins does not end it, and is seen before the next one: the first sleeps
// are short, as those of get.
constexpr std::chrono::milliseconds kFirstSleep{1};
constexpr std::chrono::milliseconds kLongestSleep{256};

/// Sleeps until there is something to read, a signal came, or it is time. Lets go of the GIL.
void sleep_until_readable(int fd, Clock::time_point deadline, std::chrono::milliseconds longest) {
    const WithoutGil unlocked;
    const auto left =
        std::clamp<std::chrono::nanoseconds>(deadline - Clock::now(), std::chrono::nanoseconds::zero(), longest);
    pollfd entry{fd, POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

std::optional<WatchEvent> wait_for_event(Watch& watch, std::chrono::nanoseconds timeout) {
    const Clock::time_point now = Clock::now();
    const auto deadline = timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
    for (std::chrono::milliseconds longest = kFirstSleep;; longest = std::min(2 * longest, kLongestSleep)) {
        if (auto event = watch.next(std::chrono::nanoseconds::zero())) {
            return event;
        }
        if (Clock::now() >= deadline) {
            return std::nullopt;
        }
        sleep_until_readable(watch.fd(), deadline, longest);
        if (PyErr_CheckSignals() != 0) {
            throw nb::python_error();
        }
    }
}

nb::object to_object(std::optional<WatchEvent>&& event) {
    return event ? nb::cast(std::move(*event)) : nb::none();
}

/// Its end may be the last of its context, which says goodbye to the service.
struct PyWatch {
    explicit PyWatch(Watch&& made) : watch(make_shared_ending_without_gil<Watch>(std::move(made))) {}
    std::shared_ptr<Watch> watch;  // null: closed

    /// A share of it, so that another thread may close it meanwhile. Errors: context_closed.
    [[nodiscard]] std::shared_ptr<Watch> use() const {
        if (watch == nullptr) {
            fail(Errc::context_closed, "the Watch was closed: make another one");
        }
        return watch;
    }
};

nb::object next(const PyWatch& self, std::chrono::nanoseconds timeout) {
    const std::shared_ptr<Watch> watch = self.use();
    return to_object(wait_for_event(*watch, timeout));
}

}  // namespace

nb::object adopt_watch(Watch&& watch) {
    return nb::cast(PyWatch(std::move(watch)));
}

void bind_watch(nb::module_& module) {
    nb::class_<WatchEvent>(module, "WatchEvent", "One change, as Watch gives it.")
        .def_prop_ro(
            "kind", [](const WatchEvent& event) { return nb::str(to_string(event.kind)); },
            nb::sig("def kind(self) -> str"),
            "\"published\", \"replaced\", \"unpublished\", or \"lost\": events were dropped because this "
            "watcher was slow, so list again.")
        .def_prop_ro(
            "job", [](const WatchEvent& event) { return to_str(event.job); }, nb::sig("def job(self) -> str"),
            "Whose name it is.")
        .def_prop_ro(
            "name", [](const WatchEvent& event) { return to_str(event.name); }, nb::sig("def name(self) -> str"),
            "What was published or unpublished; empty for \"lost\".")
        .def_ro("version", &WatchEvent::version, "Of the publication; 0 for events that have none.")
        .def("__repr__", [](const WatchEvent& event) {
            return fmt::format("<fastio.WatchEvent {} '{}' version {}>", to_string(event.kind), event.name,
                               event.version);
        });
    nb::class_<PyWatch>(
        module, "Watch",
        "A subscription to changes of names, from FastIOContext.watch. Iterating waits for each event. A "
        "slow watcher delays nobody: past 1,024 unread events it gets \"lost\" and the newest. Ends with "
        "close(), or when it is collected. A context manager: leaving the block closes.")
        .def(
            "next",
            [](PyWatch& self, nb::handle timeout) { return next(self, to_duration(timeout, "next", "timeout")); },
            "timeout"_a = nb::none(), nb::sig("def next(self, timeout: float | None = None) -> WatchEvent | None"),
            "The next event, or None after ``timeout`` seconds (None: waits without a bound; 0: not at all). Ctrl-C "
            "ends the wait. Raises ServiceLostError, ContextClosedError, ForkedError.")
        .def(
            "fileno", [](const PyWatch& self) { return self.use()->fd(); }, nb::sig("def fileno(self) -> int"),
            "A descriptor that polls readable while next() would return or raise at once; for select and asyncio.")
        .def(
            "close", [](PyWatch& self) { self.watch.reset(); }, nb::sig("def close(self) -> None"),
            "Ends the subscription; a next() of another thread goes on until its event or timeout. Later calls raise "
            "ContextClosedError. May be called again.")
        .def(
            "__enter__", [](nb::handle self) { return nb::borrow(self); }, nb::sig("def __enter__(self) -> Watch"))
        .def(
            "__exit__",
            [](PyWatch& self, nb::handle /*type*/, nb::handle /*value*/, nb::handle /*traceback*/) {
                self.watch.reset();
            },
            "type"_a.none(), "value"_a.none(), "traceback"_a.none(),
            nb::sig("def __exit__(self, type: object, value: object, traceback: object) -> None"))
        .def(
            "__iter__", [](nb::handle self) { return nb::borrow(self); }, nb::sig("def __iter__(self) -> Watch"))
        .def(
            "__next__", [](PyWatch& self) { return next(self, std::chrono::nanoseconds::max()); },
            nb::sig("def __next__(self) -> WatchEvent"));
}

}  // namespace fastio::python
