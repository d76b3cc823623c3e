#include "context.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "convert.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "interrupts.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;

/// Handlers of signals have run, or may have: KeyboardInterrupt and what else they raise ends the wait.
void look_for_signals() {
    const WithGil locked;
    if (PyErr_CheckSignals() != 0) {
        throw nb::python_error();
    }
}

std::string text_or_empty(nb::handle value, const char* what) {
    if (value.is_none()) {
        return {};
    }
    if (!nb::isinstance<nb::str>(value)) {
        fail_type("FastIOContext", what, value, "give a str");
    }
    return to_name(value, "FastIOContext");
}

/// Of what runs: every program is called python. Empty where $FASTIO_STAGE says a name, or there is no script.
std::string script_name() {
    const char* const stage = std::getenv("FASTIO_STAGE");
    if (stage != nullptr && *stage != '\0') {
        return {};
    }
    const nb::handle arguments(PySys_GetObject("argv"));  // borrowed, null where somebody took it away
    if (!arguments.is_valid() || !nb::isinstance<nb::list>(arguments) || nb::len(arguments) == 0) {
        return {};
    }
    const nb::object first = nb::borrow<nb::list>(arguments)[0];
    const char* const path = nb::isinstance<nb::str>(first) ? PyUnicode_AsUTF8(first.ptr()) : nullptr;
    if (path == nullptr) {  // no UTF-8
        PyErr_Clear();
        return {};
    }
    const std::filesystem::path script(path);
    const std::filesystem::path name =
        script.filename() == "__main__.py" ? script.parent_path().filename() : script.stem();
    constexpr std::size_t kMostBytes = 255;
    return name.native().starts_with('-') || name.native().size() > kMostBytes ? std::string() : name.native();
}

void construct(PyContext* self, nb::handle job, nb::handle socket, nb::handle device, bool embedded, nb::handle quota,
               bool persistent, nb::handle connect_timeout, nb::handle request_timeout, nb::handle name) {
    ContextOptions options;
    options.job = text_or_empty(job, "a job");
    options.socket = text_or_empty(socket, "a socket");
    options.device = text_or_empty(device, "a device");
    options.name = name.is_none() ? script_name() : text_or_empty(name, "a name");
    options.embedded = embedded;
    options.quota = static_cast<std::uint64_t>(to_int64(quota, "FastIOContext", "the quota", 0));
    options.persistent = persistent;
    options.request_timeout = to_duration(request_timeout, "FastIOContext", "request_timeout");
    options.give_up = has_interrupt;
    const std::chrono::nanoseconds timeout = to_duration(connect_timeout, "FastIOContext", "connect_timeout");
    // In parts, between which Ctrl-C is seen.
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
        const auto left = timeout - (std::chrono::steady_clock::now() - start);
        options.connect_timeout = std::clamp<std::chrono::nanoseconds>(left, {}, std::chrono::seconds(1));
        try {
            new (self) PyContext(options);
            return;
        } catch (const Error& error) {
            if (error.errc() != Errc::service_unreachable || left <= options.connect_timeout) {
                throw;
            }
        }
        if (PyErr_CheckSignals() != 0) {
            throw nb::python_error();
        }
    }
}

template <class Call>
auto call_without_gil(const PyContext& self, const char* name, Call&& call) {
    const std::shared_ptr<Context> context = self.use(name);
    const WithoutGil unlocked;
    return call(*context);
}

CreateOptions create_options(nb::handle device, nb::handle alignment, bool zero, nb::handle stream, nb::handle timeout,
                             const char* call) {
    CreateOptions options;
    options.stream = to_stream(stream, call);
    if (!device.is_none()) {
        if (!nb::isinstance<nb::str>(device)) {
            fail_type(call, "a device", device, "give a str");
        }
        options.device = to_name(device, call);
    }
    options.alignment = static_cast<std::uint64_t>(to_int64(alignment, call, "the alignment", 0));
    options.zero = zero;
    options.timeout = to_duration(timeout, call, "timeout");
    options.on_wake = look_for_signals;
    return options;
}

PyAllocation create(PyContext& self, nb::handle size, nb::handle device, nb::handle alignment, bool zero,
                    nb::handle stream, nb::handle timeout) {
    const auto bytes = static_cast<std::uint64_t>(to_int64(size, "create", "the size", 1));
    const CreateOptions options = create_options(device, alignment, zero, stream, timeout, "create");
    return self.adopt(
        "create", call_without_gil(self, "create", [&](Context& context) { return context.create(bytes, options); }),
        {options.stream, nb::borrow(stream)});
}

PyAllocation create_array(PyContext& self, nb::handle type, nb::handle dimensions, nb::handle device,
                          nb::handle alignment, bool zero, nb::handle stream, nb::handle timeout) {
    const DataType element = to_data_type(type, "create_array");
    const auto extents = to_dimensions(dimensions, "create_array");
    const CreateOptions options = create_options(device, alignment, zero, stream, timeout, "create_array");
    return self.adopt(
        "create",
        call_without_gil(self, "create",
                         [&](Context& context) { return context.create(element, std::span(extents), options); }),
        {options.stream, nb::borrow(stream)});
}

GetOptions get_options(const char* call, nb::handle timeout, nb::handle newer_than, nb::handle stream,
                       nb::handle contents_timeout) {
    GetOptions options;
    options.stream = to_stream(stream, call);
    options.timeout = to_duration(timeout, call, "timeout");
    options.newer_than = static_cast<std::uint64_t>(to_int64(newer_than, call, "newer_than", 0));
    options.contents_timeout = to_duration(contents_timeout, call, "contents_timeout");
    options.on_wake = look_for_signals;
    return options;
}

PyAllocation adopt_got(PyContext& self, const char* call, Allocation&& allocation, OwnStream stream, bool read_only) {
    PyAllocation got = self.adopt(call, std::move(allocation), std::move(stream));
    got.lease()->read_only = read_only;
    return got;
}

PyAllocation get(PyContext& self, nb::handle name, nb::handle timeout, nb::handle newer_than, nb::handle stream,
                 nb::handle contents_timeout, bool read_only) {
    const std::string key = to_name(name, "get");
    const GetOptions options = get_options("get", timeout, newer_than, stream, contents_timeout);
    return adopt_got(self, "get",
                     call_without_gil(self, "get", [&](Context& context) { return context.get(key, options); }),
                     {options.stream, nb::borrow(stream)}, read_only);
}

nb::object find(PyContext& self, nb::handle name, nb::handle timeout, nb::handle newer_than, nb::handle stream,
                nb::handle contents_timeout, bool read_only) {
    const std::string key = to_name(name, "find");
    const GetOptions options = get_options("find", timeout, newer_than, stream, contents_timeout);
    std::optional<Allocation> found =
        call_without_gil(self, "find", [&](Context& context) { return context.find(key, options); });
    return found ? nb::cast(adopt_got(self, "find", std::move(*found), {options.stream, nb::borrow(stream)}, read_only))
                 : nb::none();
}

nb::list find_many(PyContext& self, nb::handle names, nb::handle timeout, nb::handle newer_than, nb::handle stream,
                   nb::handle contents_timeout, bool read_only) {
    if (nb::isinstance<nb::str>(names) || !nb::isinstance<nb::iterable>(names)) {
        fail_type("find_many", "names", names, "give a sequence of str");
    }
    std::vector<std::string> keys;
    for (const nb::handle name : names) {
        keys.push_back(to_name(name, "find_many"));
    }
    const GetOptions options = get_options("find_many", timeout, newer_than, stream, contents_timeout);
    std::vector<std::optional<Allocation>> found =
        call_without_gil(self, "find_many", [&](Context& context) { return context.find_many(keys, options); });
    nb::list made;
    for (std::optional<Allocation>& allocation : found) {
        made.append(allocation ? nb::cast(adopt_got(self, "find_many", std::move(*allocation),
                                                    {options.stream, nb::borrow(stream)}, read_only))
                               : nb::none());
    }
    return made;
}

}  // namespace

PyContext::PyContext(const ContextOptions& options) {
    const WithoutGil unlocked;
    context_ = make_shared_ending_without_gil<Context>(options);
    job_ = context_->job();
    socket_ = context_->socket();
    device_ = context_->device();
}

std::shared_ptr<Context> PyContext::use(const char* call) const {
    if (context_ == nullptr) {
        fail(Errc::context_closed, "{}: the FastIOContext of job '{}' was closed: make a new one", call, job_);
    }
    return context_;
}

PyContext::~PyContext() {
    members_.reset();
    close();
}

void PyContext::close() {
    std::shared_ptr<Context> closing = std::exchange(context_, nullptr);
    const WithoutGil unlocked;
    if (closing != nullptr) {
        closing->close();
    }
}

PyAllocation PyContext::adopt(const char* call, Allocation&& allocation, OwnStream own_stream) {
    // Of a call that returned while the handler was ending: nobody would end what it got.
    if (handler_ended_) {
        {
            const WithoutGil unlocked;
            static_cast<void>(Allocation(std::move(allocation)));
        }
        fail(Errc::context_closed, "{}: the execute handler has returned", call);
    }
    return {std::move(allocation), std::move(own_stream), *members_};
}

void PyContext::end_with_handler() {
    handler_ended_ = true;
    while (Member* const member = members_->first()) {
        member->leave();
        static_cast<PyAllocation*>(member)->end_with_handler();
    }
    close();
}

void bind_context(nb::module_& module) {
    nb::class_<PyContext>(
        module, "FastIOContext", nb::is_weak_referenceable(),
        "The shared memory of one job: operators that name the same job at the same service share one context, made by "
        "the first of them, which ends with the last (unless ``persistent``).\n\n"
        "``job`` defaults to $FASTIO_JOB, else \"default\"; ``socket`` to $FASTIO_SOCKET, else the user's, else the "
        "system's; ``device`` (\"auto\", \"host\", \"cuda:N\" or \"cuda:UUID\") to $FASTIO_DEVICE, else the service's "
        "first, or the first of its GPUs that this process sees. ``embedded`` hosts the service in this process, so "
        "that no fastiod is needed; others join through its "
        "socket. ``quota`` is the most bytes that the context may hold (0: the service's), of the process that makes "
        "it: whoever "
        "joins later changes nothing. ``connect_timeout`` in "
        "seconds is for a service that is starting. ``name`` is this operator's, as `fastio stat` shows it: by default "
        "$FASTIO_STAGE, else the script's.\n\n"
        "All methods may be called from any thread; all that can wait let other threads run. When another operator "
        "dies nothing changes here; when the service dies every call raises ServiceLostError, also those that wait. "
        "In a child made by os.fork() every call but close() and ``alive`` raises ForkedError: make a FastIOContext "
        "there.\n\n"
        "Calls other than get(), find() and find_many() of mapped memory, and release(), ask the service, and wait "
        "until it answers. Where it is stopped (SIGSTOP) ``request_timeout`` in seconds ends that, and so does Ctrl-C, "
        "two seconds later: nobody knows then what was served, so that this FastIOContext is over, as if the service "
        "had died, and the call raises ServiceUnreachableError, or what the handler of SIGINT raises: "
        "KeyboardInterrupt. "
        "Handlers of other signals run when the call has returned.\n\n"
        "A context manager: leaving the block closes.\n\n"
        "Raises ServiceUnreachableError, PermissionDeniedError, VersionMismatchError, IncompatibleHostError, "
        "DeviceUnavailableError, InvalidArgumentError, QuotaExceededError (too many clients).")
        .def("__init__", construct, "job"_a = nb::none(), "socket"_a = nb::none(), "device"_a = nb::none(),
             "embedded"_a = false, "quota"_a.none() = 0, "persistent"_a = false, "connect_timeout"_a.none() = 1.0,
             "request_timeout"_a = nb::none(), "name"_a = nb::none(),
             nb::sig("def __init__(self, job: str | None = None, socket: str | None = None, device: str | None = None, "
                     "embedded: bool = False, quota: int = 0, persistent: bool = False, "
                     "connect_timeout: float | None = 1.0, request_timeout: float | None = None, "
                     "name: str | None = None) -> None"))
        .def(
            "create", create, "size"_a.none(), nb::kw_only(), "device"_a = nb::none(), "alignment"_a.none() = 256,
            "zero"_a = false, "stream"_a = nb::none(), "timeout"_a.none() = 0,
            nb::sig("def create(self, size: int, *, device: str | None = None, alignment: int = 256, "
                    "zero: bool = False, stream: object = None, timeout: float | None = 0) -> FastIOAllocation"),
            "``size`` bytes of memory of type uint8 and dimensions (size,), which only this process can reach until "
            "it is published. ``device`` is \"host\" or \"cuda:N\", None the context's. ``alignment`` is a power of "
            "two, "
            "256 bytes to 2 MiB; ``zero`` clears, on ``stream`` if there is one; otherwise the contents are "
            "undefined. ``stream`` is that of the first use: an int, or an object of CuPy, PyTorch or cuda.core. "
            "Default streams (0, 1, 2, or a library's) mean those of the context's GPU, whatever device is current.\n\n"
            "Where there is no room, ``timeout`` in seconds bounds the wait for others to give some back; 0 does not "
            "wait, None waits without a bound, and what is too much for the pool or a quota is refused at once. "
            "Ctrl-C ends the wait.\n\n"
            "Raises InvalidArgumentError (0 or a negative number of bytes), OutOfMemoryError, QuotaExceededError, "
            "TableFullError, DeviceUnavailableError, UnsupportedError (a stream with host memory), ServiceLostError, "
            "ContextClosedError.")
        .def("create_array", create_array, "type"_a.none(), "dimensions"_a.none(), nb::kw_only(),
             "device"_a = nb::none(), "alignment"_a.none() = 256, "zero"_a = false, "stream"_a = nb::none(),
             "timeout"_a.none() = 0,
             nb::sig("def create_array(self, type: object, dimensions: Sequence[int] | int, *, "
                     "device: str | None = None, alignment: int = 256, zero: bool = False, stream: object = None, "
                     "timeout: float | None = 0) -> FastIOAllocation"),
             "The same for an array: elements of ``type`` in ``dimensions``, outermost first, at most 8. () is a "
             "scalar, and a 0 among them an empty array. Raises what create() does (InvalidArgumentError for "
             "types that cannot be shared), and TypeError for what is no type.")
        .def("get", get, "name"_a.none(), nb::kw_only(), "timeout"_a.none() = 0, "newer_than"_a.none() = 0,
             "stream"_a = nb::none(), "contents_timeout"_a.none() = 30.0, "read_only"_a = false,
             nb::sig("def get(self, name: str, *, timeout: float | None = 0, newer_than: int = 0, "
                     "stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) "
                     "-> FastIOAllocation"),
             "A new reference to what is published as ``name``, with a copy of its metadata. What is returned acts as "
             "what create() returns.\n\n"
             "``timeout`` in seconds bounds the wait for the name, or for a version above ``newer_than``; 0 does not "
             "wait, None waits without a bound. For the contents the GPU waits in ``stream``; without one this call "
             "waits, at most ``contents_timeout`` seconds. Ctrl-C ends either wait. With ``read_only`` arrays made of "
             "the "
             "result cannot be written, nor can copy_from(): a courtesy, the memory is shared for writing.\n\n"
             "Raises NotFoundError (no timeout given), TimedOutError, ProducerLostError, LeaseLimitError, "
             "DeviceError, UnsupportedError (a stream with host memory), ServiceLostError, ContextClosedError.")
        .def("find", find, "name"_a.none(), nb::kw_only(), "timeout"_a.none() = 0, "newer_than"_a.none() = 0,
             "stream"_a = nb::none(), "contents_timeout"_a.none() = 30.0, "read_only"_a = false,
             nb::sig("def find(self, name: str, *, timeout: float | None = 0, newer_than: int = 0, "
                     "stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) "
                     "-> FastIOAllocation | None"),
             "get(), with None where the name, or a version above ``newer_than``, is not there, or does not come "
             "within ``timeout``. Raises get()'s other errors; contents that are not complete within "
             "``contents_timeout`` are a TimedOutError here too.")
        .def("find_many", find_many, "names"_a.none(), nb::kw_only(), "timeout"_a.none() = 0, "newer_than"_a.none() = 0,
             "stream"_a = nb::none(), "contents_timeout"_a.none() = 30.0, "read_only"_a = false,
             nb::sig("def find_many(self, names: Iterable[str], *, timeout: float | None = 0, newer_than: int = 0, "
                     "stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) "
                     "-> list[FastIOAllocation | None]"),
             "find() for each of ``names``, in their order. ``timeout`` seconds are for all of them together, "
             "``contents_timeout`` for each one's contents. Ctrl-C ends either wait. Raises what find() does, and "
             "nothing is held then.")
        .def(
            "publish_array",
            [](PyContext& self, nb::handle array, nb::handle name, bool replace, nb::handle stream,
               nb::handle attributes, nb::handle timeout, nb::handle time_to_live) {
                publish_array(
                    self, array, to_name(name, "publish_array"),
                    {.stream = to_stream(stream, "publish_array"),
                     .replace = replace,
                     .attributes = to_attributes(attributes, "publish_array"),
                     .time_to_live = to_time_to_live(time_to_live, "publish_array")},
                    {.timeout = to_duration(timeout, "publish_array", "timeout"), .on_wake = look_for_signals});
            },
            "array"_a.none(), "name"_a.none(), nb::kw_only(), "replace"_a = false, "stream"_a = nb::none(),
            "attributes"_a = nb::none(), "timeout"_a.none() = 0, "time_to_live"_a = nb::none(),
            nb::sig("def publish_array(self, array: Any, name: str, *, replace: bool = False, stream: object = None, "
                    "attributes: Mapping[str, str] | None = None, timeout: float | None = 0, "
                    "time_to_live: float | None = None) -> None"),
            "Allocates memory for ``array``, sets its type and dimensions, copies its elements in C order, and "
            "publishes it as ``name``.\n\n"
            "``array`` is a numpy.ndarray with any strides and byte order, or anything with __dlpack__, "
            "__cuda_array_interface__, __array_interface__ or the buffer protocol. Arrays of a GPU, which "
            "must be the context's, are copied within it, after their own stream's work, and must be in C order; "
            "with a ``stream``, the array stays until the stream is done. ``timeout`` is as create()'s, "
            "``time_to_live`` as "
            "FastIOAllocation.publish()'s.\n\n"
            "Raises TypeError for what is no array; InvalidArgumentError for objects, texts, dates, structures, masked "
            "arrays; UnsupportedError for an array of a GPU in a context of the host; and as create and publish.")
        .def(
            "unpublish",
            [](PyContext& self, nb::handle name, nb::handle version) {
                const std::string key = to_name(name, "unpublish");
                const auto only = static_cast<std::uint64_t>(to_int64(version, "unpublish", "the version", 0));
                call_without_gil(self, "unpublish", [&](Context& context) { context.unpublish(key, only); });
            },
            "name"_a.none(), nb::kw_only(), "version"_a.none() = 0,
            nb::sig("def unpublish(self, name: str, *, version: int = 0) -> None"),
            "Removes one name; the memory stays while references or other names hold it. With a ``version`` only if "
            "that is what the name has: so that nobody removes what another process has put in its place.\n\n"
            "Raises NotFoundError, also where the name has another version; ServiceLostError, ContextClosedError.")
        .def(
            "list",
            [](PyContext& self, nb::handle prefix) {
                const std::string start = to_name(prefix, "list");
                nb::list made;
                for (PublicationInfo& info :
                     call_without_gil(self, "list", [&](Context& context) { return context.list(start); })) {
                    made.append(nb::cast(std::move(info)));
                }
                return made;
            },
            "prefix"_a.none() = "", nb::sig("def list(self, prefix: str = '') -> list[PublicationInfo]"),
            "The publications whose name starts with ``prefix``, in order of their names. Raises ServiceLostError, "
            "ContextClosedError.")
        .def(
            "watch",
            [](PyContext& self, nb::handle prefix) {
                const std::string start = to_name(prefix, "watch");
                return adopt_watch(
                    call_without_gil(self, "watch", [&](Context& context) { return context.watch(start); }));
            },
            "prefix"_a.none() = "", nb::sig("def watch(self, prefix: str = '') -> Watch"),
            "Changes from now on to names that start with ``prefix``. Raises ServiceLostError, ContextClosedError.")
        .def(
            "stats",
            [](PyContext& self) {
                return call_without_gil(self, "stats", [&](Context& context) { return context.stats(); });
            },
            "Counters of the context and of this client. Raises ServiceLostError, ContextClosedError.")
        .def_prop_ro(
            "alive", [](PyContext& self) { return self.is_alive(); },
            "False once a call would raise ServiceLostError, ContextClosedError or ForkedError.")
        .def("close", &PyContext::close,
             "Ends this context here: calls and waits, also those of other threads, raise ContextClosedError. "
             "Allocations and arrays stay usable until they are released.")
        .def_prop_ro(
            "job", [](PyContext& self) { return to_str(self.job()); }, nb::sig("def job(self) -> str"),
            "The job's name.")
        .def_prop_ro(
            "socket", [](PyContext& self) { return to_str(self.socket()); }, nb::sig("def socket(self) -> str"),
            "The service's socket, for others to join an embedded one.")
        .def_prop_ro(
            "device", [](PyContext& self) { return to_str(self.device()); }, nb::sig("def device(self) -> str"),
            "Where create() allocates by default: \"host\" or \"cuda:N\".")
        .def(
            "__enter__", [](nb::handle self) { return nb::borrow(self); },
            nb::sig("def __enter__(self) -> FastIOContext"))
        .def(
            "__exit__",
            [](PyContext& self, nb::handle /*type*/, nb::handle /*value*/, nb::handle /*traceback*/) { self.close(); },
            "type"_a.none(), "value"_a.none(), "traceback"_a.none(),
            nb::sig("def __exit__(self, type: object, value: object, traceback: object) -> None"))
        .def(
            "__reduce__",
            [](nb::handle) -> nb::object {
                throw nb::type_error("a FastIOContext cannot be pickled: make one in each process, of the same job");
            },
            nb::sig("def __reduce__(self) -> tuple[Any, ...]"), "Raises TypeError: it belongs to its process.")
        .def(
            "__repr__",
            [](PyContext& self) {
                return to_str(fmt::format("<fastio.FastIOContext of job '{}' on {} at {}{}>", self.job(), self.device(),
                                          self.socket(), self.is_alive() ? "" : ", closed"));
            },
            nb::sig("def __repr__(self) -> str"))
        .def("_end_with_handler", &PyContext::end_with_handler,
             "For Payload: releases what was not released, and closes.");
}

}  // namespace fastio::python
