#include "allocation.hpp"

#include <fmt/ranges.h>

#include <chrono>
#include <utility>

#include "convert.hpp"
#include "errors.hpp"
#include "exports.hpp"
#include "gil.hpp"
#include "interrupts.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;

std::vector<std::int64_t> dimensions_of(const PyAllocation& self) {
    return self.with([](const Allocation& allocation) {
        return std::vector<std::int64_t>(allocation.dimensions().begin(), allocation.dimensions().end());
    });
}

std::string describe(const PyAllocation& self) {
    return self.with([](const Allocation& allocation) {
        const std::string name = allocation.name().empty()
                                     ? "without a name"
                                     : fmt::format("'{}' version {}", allocation.name(), allocation.version());
        return fmt::format("<fastio.FastIOAllocation {}: {} [{}] on {}>", name, to_string(allocation.type()),
                           fmt::join(allocation.dimensions(), ", "), allocation.device());
    });
}

std::string repr(const PyAllocation& self) {
    if (self.is_released()) {
        return "<fastio.FastIOAllocation, released>";
    }
    // Debuggers and tracebacks show objects, too, that cannot be used any more.
    try {
        return describe(self);
    } catch (const Error& error) {
        return fmt::format("<fastio.FastIOAllocation, {}>", to_string(error.errc()));
    }
}

nb::dict attributes_of(const PyAllocation& self) {
    return to_dict(self.with([](const Allocation& allocation) { return Attributes(allocation.attributes()); }));
}

/// Also where the memory is not given up behind that stream alone. Errors: unsupported for host memory, and for a
/// stream that is being captured: waiting for the device would spoil the capture.
void check_stream(const Allocation& allocation, Stream stream, const char* call) {
    if (!stream) {
        return;
    }
    if (allocation.device() == "host") {
        fail(Errc::unsupported, "{} was given a stream, and the memory is on the device 'host': leave it out", call);
    }
    try {
        allocation.order(stream, stream);  // queues nothing, and refuses what order refuses
    } catch (const Error& error) {
        if (error.errc() != Errc::device_error) {
            throw;  // else the stream is gone or broken, and the memory is given up all the same
        }
    }
}

void set_type_and_dimensions(PyAllocation& self, nb::handle type, nb::handle dimensions) {
    const DataType element = to_data_type(type, "set_type_and_dimensions");
    const auto extents = to_dimensions(dimensions, "set_type_and_dimensions");
    self.with([&](Allocation& allocation) { allocation.set_type_and_dimensions(element, extents); });
}

/// Asks `is_over` from time to time. The lock has nothing where that said so.
template <class IsOver>
std::unique_lock<std::timed_mutex> lock_unless(Lease& lease, IsOver&& is_over) {
    constexpr std::chrono::milliseconds kBetweenSignals{100};
    std::unique_lock lock(lease.mutex, std::try_to_lock);
    while (!lock && !is_over()) {
        if (!lease.is_of_this_process()) {
            fail(Errc::forked, "the FastIOAllocation was made before fork(): make a FastIOContext in this process");
        }
        {
            const WithoutGil unlocked;
            if (lock.try_lock_for(kBetweenSignals)) {
                lock.unlock();  // nobody waits for the GIL with it
            }
        }
        static_cast<void>(lock.try_lock());
    }
    return lock;
}

}  // namespace

std::unique_lock<std::timed_mutex> lock_with_gil(Lease& lease) {
    return lock_unless(lease, [] {
        if (PyErr_CheckSignals() != 0) {
            throw nb::python_error();
        }
        return false;
    });
}

std::unique_lock<std::timed_mutex> lock_unless_interrupted(Lease& lease) {
    return lock_unless(lease, has_interrupt);
}

PyAllocation::PyAllocation(Allocation&& allocation, OwnStream own_stream, Members& of_context)
    : Member(of_context), lease_(make_shared_ending_without_gil<Lease>(std::move(allocation))) {
    lease_->make_in(own_stream.stream);
    set_own_stream(std::move(own_stream));
}

OwnStream PyAllocation::own_stream() const {
    if (is_per_thread_default(own_stream_.stream) && own_thread_ != PyThreadState_GetID(PyThreadState_Get())) {
        return {Stream(nullptr), {}};
    }
    return own_stream_;
}

void PyAllocation::set_own_stream(OwnStream own) {
    own_thread_ = PyThreadState_GetID(PyThreadState_Get());
    std::swap(own_stream_, own);  // the earlier one's object ends with `own`, which may run anything
}

OwnStream PyAllocation::end_own_stream() {
    // Who holds this object may be working in the stream.
    return is_lent_ ? OwnStream{} : std::exchange(own_stream_, {});
}

int PyAllocation::traverse(PyObject* self, visitproc visit, void* arg) noexcept {
    Py_VISIT(Py_TYPE(self));
    if (nb::inst_ready(self)) {
        Py_VISIT(nb::inst_ptr<PyAllocation>(self)->own_stream_.given.ptr());
    }
    return 0;
}

int PyAllocation::clear(PyObject* self) noexcept {
    if (nb::inst_ready(self)) {
        const OwnStream ended = std::exchange(nb::inst_ptr<PyAllocation>(self)->own_stream_, {});
    }
    return 0;
}

const LeasePtr& PyAllocation::lease() const {
    if (lease_ == nullptr) [[unlikely]] {
        if (handler_ended_) {
            fail(Errc::context_closed,
                 "the allocation belonged to an execute handler that has returned: copy what is needed later");
        }
        fail(Errc::released, "the FastIOAllocation was released or freed: get it again");
    }
    return lease_;
}

void PyAllocation::publish(const std::string& name, const PublishOptions& options, nb::handle given_stream) {
    {
        const LeasePtr held = lease();
        const LockedWithoutGil locked(*held);
        held->allocation.publish(name, options);
        held->make_in(options.stream);
    }
    if (options.stream) {
        set_own_stream({options.stream, nb::borrow(given_stream)});
    }
}

bool PyAllocation::is_shared(const LeasePtr& held) const noexcept {
    constexpr long kOwnShares = 2;  // this object's and the caller's
    return is_lent_ || held.use_count() > kOwnShares;
}

void PyAllocation::release(Stream stream) {
    OwnStream ended;  // the last to go
    LeasePtr held = lease();
    bool is_last = false;
    if (stream) {
        {
            const LockedWithoutGil locked(*held);
            check_stream(held->allocation, stream, "release");
        }
        const std::unique_lock lock = lock_with_gil(*held);
        // Waiting lets other threads run: one of them may have released it meanwhile.
        static_cast<void>(lease());
        is_last = !is_shared(held);
        if (!is_last) {
            held->use_in(stream);
        }
    } else if (is_shared(held)) {
        held->use_anywhere();  // nobody says where this object was used
    }
    lease_.reset();
    ended = end_own_stream();
    if (is_lent_) {
        kept_ = std::move(held);
    } else if (is_last) {
        const LockedWithoutGil locked(*held);
        held->release(stream);
    }
}

void PyAllocation::release_completed() {
    OwnStream ended;  // the last to go
    const LeasePtr held = lease();
    {
        const std::unique_lock lock = lock_with_gil(*held);
        static_cast<void>(lease());  // as in release()
        if (is_shared(held)) {
            fail(Errc::invalid_argument,
                 "release(completed=True) of memory that arrays share: nobody knows what they are used for; delete "
                 "them first, or release without it");
        }
        lease_.reset();
        ended = end_own_stream();
    }
    const LockedWithoutGil locked(*held);
    held->allocation.release(completed);
}

void PyAllocation::free(Stream stream) {
    OwnStream ended;  // the last to go
    static_cast<void>(lease());
    // From here on nobody can begin to use it; who has begun, or holds an array, has a share.
    LeasePtr gone = std::exchange(lease_, nullptr);
    const bool is_shared = is_lent_ || gone.use_count() > 1;
    try {
        const LockedWithoutGil locked(*gone);
        check_stream(gone->allocation, stream, "free");
        if (!is_shared) {
            gone->allocation.free(gone->end_in(stream));
        } else {
            gone->allocation.unpublish();
            gone->use_in(stream);
        }
    } catch (...) {
        // The handler that it belonged to may have ended meanwhile, which released what it found. Where the call was
        // given up, the memory may become another's.
        if (!handler_ended_ && gone->allocation) {
            lease_ = std::move(gone);
        } else {
            ended = end_own_stream();
        }
        throw;
    }
    ended = end_own_stream();
    if (is_lent_) {
        kept_ = std::move(gone);
    }
}

void PyAllocation::end_with_handler() {
    handler_ended_ = true;
    if (lease_ != nullptr) {
        release({});
    }
}

void bind_allocation(nb::module_& module) {
    bind_exports(module);
    nb::class_<PyAllocation> bound(
        module, "FastIOAllocation", nb::type_slots(allocation_slots()), nb::is_weak_referenceable(),
        "A reference to memory that operators of one job share, with a type and dimensions of its own.\n\n"
        "Made by FastIOContext.create and FastIOContext.get, whose results differ in nothing but where the metadata "
        "comes from. The memory stays as long as an allocation object or an array made of one, in any process, or any "
        "name refers to it. Arrays share it without a copy: ``numpy.asarray(a)`` on the host, "
        "``torch.from_dlpack(a)``, ``cupy.from_dlpack(a)``; each keeps the memory until it is collected, also when the "
        "object is released first.\n\n"
        "Threads may share an object. When the process that published the memory dies, nothing changes here; when "
        "the service dies, the memory stays readable and calls that need the service raise ServiceLostError. In a "
        "child made by os.fork() what uses the memory or the service raises ForkedError; after release() or free() it "
        "raises ReleasedError, and after the execute handler that this belonged to ContextClosedError. repr(), "
        "``released`` and the end of a ``with`` block raise nothing.\n\n"
        "A context manager: leaving the block releases.");
    bound
        .def(
            "publish",
            [](PyAllocation& self, nb::handle name, bool replace, nb::handle stream, nb::handle attributes,
               nb::handle time_to_live) {
                self.publish(to_name(name, "publish"),
                             {.stream = to_stream(stream, "publish"),
                              .replace = replace,
                              .attributes = to_attributes(attributes, "publish"),
                              .time_to_live = to_time_to_live(time_to_live, "publish")},
                             stream);
            },
            "name"_a.none(), nb::kw_only(), "replace"_a = false, "stream"_a = nb::none(), "attributes"_a = nb::none(),
            "time_to_live"_a = nb::none(),
            nb::sig("def publish(self, name: str, *, replace: bool = False, stream: object = None, "
                    "attributes: Mapping[str, str] | None = None, time_to_live: float | None = None) -> None"),
            "Binds ``name`` (1 to 255 bytes of UTF-8) to this memory, with a copy of the present type, dimensions and "
            "``attributes`` (at most 4 KiB in all; None: those that this object has, {}: none). Every operator of the "
            "job can then get it. May be called again, "
            "under further names, by every holder.\n\n"
            "With a ``stream`` the call returns at once and the publication is complete when the stream's work so far "
            "is; without one it waits for the GPU first. ``replace`` moves a taken name to this memory. "
            "After ``time_to_live`` seconds (None: never) the service removes the name, if it still has this version, "
            "as unpublish() would; whoever holds the memory keeps it.\n\n"
            "Raises AlreadyExistsError, InvalidArgumentError, TableFullError, UnsupportedError (a stream with host "
            "memory), ReleasedError, ServiceLostError, ContextClosedError; nothing is published then.")
        .def(
            "release",
            [](PyAllocation& self, nb::handle stream, bool is_completed) {
                const Stream given = to_stream(stream, "release");
                if (!is_completed) {
                    self.release(given);
                } else if (given) {
                    fail(Errc::invalid_argument, "release was given a stream and completed=True: it takes one of them");
                } else {
                    self.release_completed();
                }
            },
            "stream"_a = nb::none(), nb::kw_only(), "completed"_a = false,
            nb::sig("def release(self, stream: object = None, *, completed: bool = False) -> None"),
            "Gives up this reference. The memory returns when the last one and the last name are gone; arrays that "
            "were made of this object stay valid until they are collected. With a ``stream``, the reference goes once "
            "the stream's work so far is done; without one, while arrays share the memory, it goes with the last of "
            "them, "
            "behind all of the device. On a GPU an object that was asked for __cuda_array_interface__ counts "
            "as such an array.\n\n"
            "With ``completed`` it goes at once, and nothing is asked of the GPU: for who has waited for an event or a "
            "stream, so that no work on this memory is left. InvalidArgumentError while arrays share it.\n\n"
            "Raises ReleasedError, UnsupportedError (a stream with host memory, or one that is being captured).")
        .def(
            "free", [](PyAllocation& self, nb::handle stream) { self.free(to_stream(stream, "free")); },
            "stream"_a = nb::none(), nb::sig("def free(self, stream: object = None) -> None"),
            "Removes every name of this memory, for all operators, and gives up this reference. References and arrays "
            "that others hold stay valid; the memory returns with the last. ``stream`` as for release(). Raises "
            "ReleasedError, ServiceLostError, ServiceUnreachableError, ContextClosedError, UnsupportedError (a stream "
            "with host memory, or one that is being captured). Where the call is given up, as when Ctrl-C ends a wait "
            "for a stopped service, this reference is gone all the same, unless arrays share it, because the service "
            "may serve the call later.")
        .def(
            "unpublish",
            [](PyAllocation& self) {
                const LeasePtr held = self.lease();
                const LockedWithoutGil locked(*held);
                held->allocation.unpublish();
            },
            nb::sig("def unpublish(self) -> None"),
            "Removes every name of this memory, for all operators, and keeps this reference: it may be published "
            "again. Raises LeaseLimitError, ReleasedError, ServiceLostError, ContextClosedError.")
        .def(
            "order",
            [](const PyAllocation& self, nb::handle first, nb::handle later) {
                const Stream before = to_stream(first, "order");
                const Stream after = to_stream(later, "order");
                const LeasePtr held = self.lease();
                const LockedWithoutGil locked(*held);
                held->use_in(after);
                held->allocation.order(before, after);
            },
            "first"_a.none(), "later"_a.none(), nb::sig("def order(self, first: object, later: object) -> None"),
            "Makes what is queued in the stream ``later`` from now on wait for what ``first`` was given so far; the "
            "host does not wait. For a library that works on this memory in a stream of its own. Raises TypeError, "
            "InvalidArgumentError (None), UnsupportedError (host memory, a stream that is being captured), "
            "DeviceError, ReleasedError.")
        .def("set_type_and_dimensions", set_type_and_dimensions, "type"_a.none(), "dimensions"_a.none(),
             nb::sig("def set_type_and_dimensions(self, type: object, dimensions: Sequence[int] | int) -> None"),
             "Changes this object's metadata, neither the memory nor what is already published. ``type`` is a "
             "numpy.dtype or what makes one, a fastio.DataType, a torch.dtype, or a name; ``dimensions`` are elements, "
             "outermost first, at most 8. Raises InvalidArgumentError where they need more than ``size`` bytes, "
             "TypeError for what is no type or no dimensions, ReleasedError.")
        .def(
            "copy_from",
            [](PyAllocation& self, nb::handle array, nb::handle stream) {
                const Stream copied_in = to_stream(stream, "copy_from");
                copy_array(self, array, copied_in);
                if (copied_in) {
                    self.set_own_stream({copied_in, nb::borrow(stream)});
                }
            },
            "array"_a.none(), nb::kw_only(), "stream"_a = nb::none(),
            nb::sig("def copy_from(self, array: Any, *, stream: object = None) -> None"),
            "Copies ``array``, of this object's type and dimensions, into the memory: what publish_array takes, on the "
            "host or on this memory's GPU. With a ``stream`` the copy is enqueued there, and the array must stay as it "
            "is until the stream is done; without one it is done when the call returns. Raises TypeError, "
            "InvalidArgumentError, ReadOnlyError (an operator's input), UnsupportedError (a stream with host memory, "
            "an "
            "array of another device), ReleasedError.")
        .def(
            "_copy_bytes",
            [](PyAllocation& self, nb::handle buffer, std::uint64_t offset) { copy_bytes(self, buffer, offset); },
            "buffer"_a, "offset"_a, nb::sig("def _copy_bytes(self, buffer: Any, offset: int) -> None"),
            "For fastio.safetensors: the bytes of ``buffer`` to those of the memory from ``offset`` on.")
        .def(
            "check", [](const PyAllocation& self) { self.with(&Allocation::check); },
            "After the stream given to get() was synchronised: raises ProducerLostError if the contents that this get "
            "gave were never completed.")
        .def_prop_ro(
            "type", [](const PyAllocation& self) { return to_python(self.with(&Allocation::type)); },
            nb::sig("def type(self) -> numpy.dtype[Any] | DataType"),
            "The elements' numpy.dtype, or a fastio.DataType where NumPy has none.")
        .def_prop_ro("_data_type", [](const PyAllocation& self) { return self.with(&Allocation::type); })
        .def_prop_ro(
            "dtype", [](const PyAllocation& self) { return to_python(self.with(&Allocation::type)); },
            nb::sig("def dtype(self) -> numpy.dtype[Any] | DataType"), "The same as ``type``.")
        .def_prop_ro(
            "dimensions", [](const PyAllocation& self) { return to_tuple(dimensions_of(self)); },
            nb::sig("def dimensions(self) -> tuple[int, ...]"), "Elements per dimension, outermost first.")
        .def_prop_ro(
            "shape", [](const PyAllocation& self) { return to_tuple(dimensions_of(self)); },
            nb::sig("def shape(self) -> tuple[int, ...]"), "The same as ``dimensions``.")
        .def_prop_ro(
            "size", [](const PyAllocation& self) { return self.with(&Allocation::size); },
            "Bytes, as asked for at create. (NumPy's ``size`` counts elements: see ``count``.)")
        .def_prop_ro(
            "nbytes", [](const PyAllocation& self) { return self.with(&Allocation::size); }, "The same as ``size``.")
        .def_prop_ro(
            "count", [](const PyAllocation& self) { return self.with(&Allocation::count); },
            "Elements: the product of ``dimensions``.")
        .def_prop_ro(
            "device", [](const PyAllocation& self) { return to_str(self.with(&Allocation::device)); },
            nb::sig("def device(self) -> str"), "\"host\" or \"cuda:N\", as this process numbers its GPUs.")
        .def_prop_ro(
            "name",
            [](const PyAllocation& self) {
                return to_str(self.with([](const Allocation& held) { return std::string(held.name()); }));
            },
            nb::sig("def name(self) -> str"),
            "The name that this was got by or last published under; \"\" before the first publish.")
        .def_prop_ro(
            "version", [](const PyAllocation& self) { return self.with(&Allocation::version); },
            "The version of that publication, from one counter per context; 0 before the first publish.")
        .def_prop_ro("attributes", attributes_of, nb::sig("def attributes(self) -> dict[str, str]"),
                     "As they were got, or last published by this object; empty for what was created.")
        .def_prop_ro(
            "data_ptr",
            [](const PyAllocation& self) {
                self.lease()->use_anywhere();  // who works at an address says not where
                return reinterpret_cast<std::uintptr_t>(self.with([](const Allocation& held) { return held.data(); }));
            },
            "The address in this process, of host or of device memory. It keeps nothing: hold the object. Of a GPU's "
            "memory that was asked for it, nobody knows in which streams it is used: it is given up behind all of the "
            "device.")
        .def_prop_ro(
            "read_only", [](const PyAllocation& self) { return self.lease()->read_only; },
            "Whether arrays made of this may not be written: so for an operator's inputs, and after "
            "``get(read_only=True)``.")
        .def_prop_ro("released", &PyAllocation::is_released, "Whether release() or free() was called.")
        .def(
            "__enter__", [](nb::handle self) { return nb::borrow(self); },
            nb::sig("def __enter__(self) -> FastIOAllocation"))
        .def(
            "__exit__",
            [](PyAllocation& self, nb::handle /*type*/, nb::handle /*value*/, nb::handle /*traceback*/) {
                if (!self.is_released()) {
                    self.release({});
                }
            },
            "type"_a.none(), "value"_a.none(), "traceback"_a.none(),
            nb::sig("def __exit__(self, type: object, value: object, traceback: object) -> None"))
        .def(
            "__reduce__",
            [](nb::handle) -> nb::object {
                throw nb::type_error(
                    "a FastIOAllocation cannot be pickled: publish it, pass its name, and get() that in the other "
                    "process");
            },
            nb::sig("def __reduce__(self) -> tuple[Any, ...]"), "Raises TypeError: it belongs to its process.")
        .def(
            "__repr__", [](const PyAllocation& self) { return to_str(repr(self)); },
            nb::sig("def __repr__(self) -> str"))
        .def(
            "_set_read_only", [](PyAllocation& self) { self.lease()->read_only = true; },
            "For FastIOEntry: arrays made from now on may not be written.");
    bind_array_protocols(bound);
}

}  // namespace fastio::python
