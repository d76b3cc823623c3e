#include "exports.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <fastio/dlpack.hpp>

#include "convert.hpp"
#include "errors.hpp"
#include "gil.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;

/// One array's share in a lease, as an object with the buffer protocol: NumPy keeps it as the array's base.
struct Export {
    LeasePtr lease;
    void* data = nullptr;
    std::uint64_t bytes = 0;
};

int get_export_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
    view->obj = nullptr;
    const Export* const shared = nb::inst_ready(self) ? nb::inst_ptr<Export>(self) : nullptr;
    if (shared == nullptr || shared->lease == nullptr) {
        PyErr_SetString(PyExc_BufferError, "it shares nothing: it was not made by an allocation");
        return -1;
    }
    return PyBuffer_FillInfo(view, self, shared->data, static_cast<Py_ssize_t>(shared->bytes),
                             static_cast<int>(shared->lease->read_only), flags);
}

PyType_Slot export_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_export_buffer)}, {0, nullptr}};

/// What an array is made of, read at once.
struct Snapshot {
    LeasePtr lease;
    void* data = nullptr;
    DataType type;
    std::vector<std::int64_t> dimensions;
    std::uint64_t bytes = 0;  ///< of the elements
    std::string device;
    OwnStream own;  ///< none for who takes the lease alone

    explicit Snapshot(const PyAllocation& self) : Snapshot(self.lease()) { own = self.own_stream(); }
    explicit Snapshot(LeasePtr held) : Snapshot(held, lock_with_gil(*held)) {}
    Snapshot(LeasePtr held, const std::unique_lock<std::timed_mutex>& /*of it*/) : lease(std::move(held)) {
        const Allocation& allocation = lease->allocation;
        data = allocation.data();
        type = allocation.type();
        dimensions.assign(allocation.dimensions().begin(), allocation.dimensions().end());
        bytes = allocation.count() * type.size_bytes();
        device = allocation.device();
    }
    [[nodiscard]] bool on_host() const { return device == "host"; }
};

std::vector<std::int64_t> c_order_strides(const Snapshot& snapshot, std::int64_t element) {
    std::vector<std::int64_t> strides(snapshot.dimensions.size());
    for (std::size_t i = strides.size(); i-- > 0;) {
        strides[i] = element;
        element *= snapshot.dimensions[i] > 0 ? snapshot.dimensions[i] : 1;
    }
    return strides;
}

/// What a Py_buffer points to.
struct View {
    Snapshot snapshot;
    std::vector<std::int64_t> strides;
};
static_assert(sizeof(Py_ssize_t) == sizeof(std::int64_t));

/// The buffer protocol is how NumPy looks at an object first, and memoryview at all. Each view has a share in the
/// lease.
int get_buffer(PyObject* self, Py_buffer* view, int flags) noexcept {
    view->obj = nullptr;
    if (!nb::inst_ready(self)) {
        PyErr_SetString(PyExc_BufferError, "the FastIOAllocation was not made by a FastIOContext");
        return -1;
    }
    try {
        const LeasePtr lease = nb::inst_ptr<PyAllocation>(self)->lease();
        std::unique_lock lock = lock_unless_interrupted(*lease);
        if (!lock) {
            // Not what a handler of the signal raises, which NumPy would drop, and look at the object in another way.
            // The handler runs there, or when the caller goes on.
            PyErr_SetString(PyExc_BufferError, "interrupted while another thread uses the FastIOAllocation");
            return -1;
        }
        auto made = std::make_unique<View>(View{Snapshot(lease, lock), {}});
        lock.unlock();
        Snapshot& snapshot = made->snapshot;
        const char* const format = buffer_format(snapshot.type);
        const bool read_only = snapshot.lease->read_only;
        if (!snapshot.on_host() || format == nullptr || (read_only && (flags & PyBUF_WRITABLE) != 0)) {
            PyErr_SetString(PyExc_BufferError, !snapshot.on_host() ? "the memory is a GPU's: .numpy() copies it"
                                               : format == nullptr ? "the buffer protocol has no such type"
                                                                   : "the memory is read-only");
            return -1;
        }
        const auto many = std::ranges::count_if(snapshot.dimensions, [](std::int64_t extent) { return extent > 1; });
        if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS && many > 1 && snapshot.bytes > 0) {
            PyErr_SetString(PyExc_BufferError, "the memory is in C order, not in Fortran's");
            return -1;
        }
        made->strides = c_order_strides(snapshot, static_cast<std::int64_t>(snapshot.type.size_bytes()));
        view->buf = snapshot.data;
        view->len = static_cast<Py_ssize_t>(snapshot.bytes);
        view->itemsize = static_cast<Py_ssize_t>(snapshot.type.size_bytes());
        view->readonly = static_cast<int>(read_only);
        view->ndim = static_cast<int>(snapshot.dimensions.size());
        view->format = (flags & PyBUF_FORMAT) != 0 ? const_cast<char*>(format) : nullptr;
        view->shape = (flags & PyBUF_ND) != 0 ? reinterpret_cast<Py_ssize_t*>(snapshot.dimensions.data()) : nullptr;
        view->strides =
            (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? reinterpret_cast<Py_ssize_t*>(made->strides.data()) : nullptr;
        view->suboffsets = nullptr;
        view->internal = made.release();
        view->obj = nb::handle(self).inc_ref().ptr();
        return 0;
    } catch (const Error& error) {
        set_error(error);
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    }
    return -1;
}

void release_buffer(PyObject* /*self*/, Py_buffer* view) noexcept {
    delete static_cast<View*>(view->internal);
}

PyType_Slot slots_of_allocation[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                                     {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
                                     {Py_tp_traverse, reinterpret_cast<void*>(PyAllocation::traverse)},
                                     {Py_tp_clear, reinterpret_cast<void*>(PyAllocation::clear)},
                                     {0, nullptr}};

nb::object dtype_of(const Snapshot& snapshot) {
    nb::object dtype = numpy_dtype(snapshot.type);
    if (!dtype.is_valid()) {
        fail(Errc::unsupported,
             "NumPy has no {}: use torch.from_dlpack, or set_type_and_dimensions to an integer of that size",
             to_string(snapshot.type));
    }
    return dtype;
}

nb::object numpy_view(const Snapshot& snapshot) {
    const nb::object dtype = dtype_of(snapshot);
    static const nb::object* const ndarray = new nb::object(nb::module_::import_("numpy").attr("ndarray"));
    nb::object shared = nb::cast(Export{snapshot.lease, snapshot.data, snapshot.bytes});
    return (*ndarray)(to_tuple(snapshot.dimensions), dtype, shared);
}

nb::object to_numpy(const PyAllocation& self) {
    const Snapshot snapshot(self);
    if (snapshot.on_host()) {
        return numpy_view(snapshot);
    }
    const nb::object dtype = dtype_of(snapshot);
    nb::object array = nb::module_::import_("numpy").attr("empty")(to_tuple(snapshot.dimensions), dtype);
    void* const to =
        reinterpret_cast<void*>(nb::cast<std::uintptr_t>(nb::object(array.attr("__array_interface__")["data"][0])));
    if (snapshot.bytes > 0) {
        const LockedWithoutGil locked(*snapshot.lease);
        if (snapshot.own.stream) {
            // A copy without a stream goes through the legacy default stream.
            snapshot.lease->allocation.order(snapshot.own.stream, Stream(nullptr));
        }
        snapshot.lease->allocation.copy_to(to, snapshot.bytes);
    }
    return array;
}

nb::object to_array(const PyAllocation& self, nb::handle dtype, nb::handle copy) {
    const Snapshot snapshot(self);
    if (!snapshot.on_host()) {
        throw nb::type_error(fmt::format("a FastIOAllocation on {} is no array of the host: .numpy() copies it, "
                                         "torch.from_dlpack and cupy.from_dlpack take it as it is",
                                         snapshot.device)
                                 .c_str());
    }
    const nb::object view = numpy_view(snapshot);
    const bool other_type = !dtype.is_none() && !nb::object(view.attr("dtype")).equal(dtype);
    if (!copy.is_none() && !nb::cast<bool>(copy) && other_type) {
        throw nb::value_error("an array of another type needs a copy");
    }
    if (other_type) {
        return view.attr("astype")(dtype);
    }
    return !copy.is_none() && nb::cast<bool>(copy) ? nb::object(view.attr("copy")()) : view;
}

nb::dict array_interface(const PyAllocation& self) {
    const Snapshot snapshot(self);
    const char* const typestr = array_typestr(snapshot.type);
    if (!snapshot.on_host() || typestr == nullptr) {
        throw nb::attribute_error("__array_interface__");
    }
    nb::dict made;
    made["version"] = 3;
    made["shape"] = to_tuple(snapshot.dimensions);
    made["typestr"] = nb::str(typestr);
    made["data"] = nb::cast(Export{snapshot.lease, snapshot.data, snapshot.bytes});
    return made;
}

nb::dict cuda_array_interface(PyAllocation& self) {
    const Snapshot snapshot(self);
    const char* const typestr = array_typestr(snapshot.type);
    if (snapshot.on_host() || typestr == nullptr) {
        throw nb::attribute_error("__cuda_array_interface__");
    }
    self.lend_object();  // its consumer keeps the object that has the interface, and says not where it works
    {
        const std::unique_lock lock = lock_with_gil(*snapshot.lease);
        snapshot.lease->use_in({});
    }
    nb::dict made;
    made["version"] = 3;
    made["shape"] = to_tuple(snapshot.dimensions);
    made["typestr"] = nb::str(typestr);
    made["data"] = nb::make_tuple(snapshot.bytes > 0 ? reinterpret_cast<std::uintptr_t>(snapshot.data) : 0,
                                  snapshot.lease->read_only);
    made["strides"] = nb::none();
    made["stream"] = snapshot.own.stream ? nb::object(nb::int_(stream_number(snapshot.own.stream))) : nb::none();
    return made;
}

nb::tuple dlpack_device(const PyAllocation& self) {
    const auto device = dlpack::detail::to_device(self.with(&Allocation::device));
    return nb::make_tuple(static_cast<int>(device.device_type), device.device_id);
}

/// A tensor, what it points to, and its share in the lease.
template <class Tensor>
struct TensorExport {
    Tensor tensor{};
    LeasePtr lease;
    std::vector<std::int64_t> shape;
    std::vector<std::int64_t> strides;
};

template <class Tensor>
constexpr const char* kCapsuleName = "dltensor";
template <>
constexpr const char* kCapsuleName<dlpack::DLManagedTensorVersioned> = "dltensor_versioned";

template <class Tensor>
void destroy_capsule(PyObject* capsule) noexcept {
    // A consumer renames the capsule and owns the tensor then.
    if (PyCapsule_IsValid(capsule, kCapsuleName<Tensor>) != 0) {
        auto* const tensor = static_cast<Tensor*>(PyCapsule_GetPointer(capsule, kCapsuleName<Tensor>));
        tensor->deleter(tensor);
    }
}

template <class Tensor>
nb::object make_capsule(Snapshot&& snapshot) {
    auto made = std::make_unique<TensorExport<Tensor>>();
    made->strides = c_order_strides(snapshot, 1);
    made->lease = std::move(snapshot.lease);
    made->shape = std::move(snapshot.dimensions);
    dlpack::DLTensor& tensor = made->tensor.dl_tensor;
    tensor.data = snapshot.data;
    tensor.device = dlpack::detail::to_device(snapshot.device);
    tensor.ndim = static_cast<std::int32_t>(made->shape.size());
    tensor.dtype = {static_cast<std::uint8_t>(snapshot.type.code), snapshot.type.bits, snapshot.type.lanes};
    tensor.shape = made->shape.data();
    tensor.strides = made->strides.data();
    tensor.byte_offset = 0;
    made->tensor.manager_ctx = made.get();
    made->tensor.deleter = [](Tensor* self) { delete static_cast<TensorExport<Tensor>*>(self->manager_ctx); };
    if constexpr (std::is_same_v<Tensor, dlpack::DLManagedTensorVersioned>) {
        made->tensor.version = {1, 1};
        made->tensor.flags = made->lease->read_only ? dlpack::kFlagReadOnly : 0;
    }
    PyObject* const capsule = PyCapsule_New(&made->tensor, kCapsuleName<Tensor>, destroy_capsule<Tensor>);
    if (capsule == nullptr) {
        throw nb::python_error();
    }
    static_cast<void>(made.release());
    return nb::steal(capsule);
}

/// Where the consumer will work; none where it asks for no ordering. The numbers are those of the array API standard,
/// array.__dlpack__.
Stream consumer_stream(nb::handle stream) {
    if (stream.is_none()) {
        return {nullptr};  // the legacy default stream
    }
    if (PyLong_Check(stream.ptr()) != 0 && !PyBool_Check(stream.ptr())) {
        const long long number = PyLong_AsLongLong(stream.ptr());
        if (number == -1) {
            PyErr_Clear();
            return {};
        }
        if (number == 0) {
            fail(Errc::invalid_argument,
                 "__dlpack__ was given the stream 0, which could be the legacy or a thread's "
                 "default stream: give 1 or 2");
        }
        if (number == 1) {
            return {nullptr};
        }
    }
    return to_stream(stream, "__dlpack__");
}

void order_for_consumer(Snapshot& snapshot, nb::handle stream) {
    if (snapshot.on_host()) {
        if (!stream.is_none()) {
            fail(Errc::unsupported,
                 "__dlpack__ was given a stream, and the memory is on the device 'host': leave it out");
        }
        return;
    }
    const Stream consumer = consumer_stream(stream);
    const bool says_where = consumer && !stream.is_none();
    const Stream own = snapshot.own.stream;
    const LockedWithoutGil locked(*snapshot.lease);
    if (own && consumer && stream_number(own) != stream_number(consumer)) {
        snapshot.lease->allocation.order(own, consumer);
    }
    snapshot.lease->use_in(says_where ? consumer : Stream{});
}

nb::object to_dlpack(const PyAllocation& self, nb::handle stream, nb::handle max_version, nb::handle dl_device,
                     nb::handle copy) {
    Snapshot snapshot(self);
    if (!dl_device.is_none() && !dlpack_device(self).equal(dl_device)) {
        throw nb::buffer_error(fmt::format("the memory is on {} and is exported there only", snapshot.device).c_str());
    }
    if (!copy.is_none() && nb::cast<bool>(copy)) {
        throw nb::buffer_error("a FastIOAllocation is exported without a copy: copy in the library that takes it");
    }
    const bool versioned = !max_version.is_none() && nb::cast<int>(nb::object(max_version[0])) >= 1;
    if (snapshot.lease->read_only && !versioned) {
        throw nb::buffer_error(
            "the memory is read-only, which DLPack says since 1.0: the library that takes it is too old for that");
    }
    order_for_consumer(snapshot, stream);
    return versioned ? make_capsule<dlpack::DLManagedTensorVersioned>(std::move(snapshot))
                     : make_capsule<dlpack::DLManagedTensor>(std::move(snapshot));
}

}  // namespace

PyType_Slot* allocation_slots() noexcept {
    return slots_of_allocation;
}

void bind_exports(nb::module_& module) {
    nb::class_<Export>(module, "_Export", nb::type_slots(export_slots), nb::is_final(),
                       "An array's share in an allocation: the array keeps it, and it keeps the memory.");
}

void bind_array_protocols(nb::class_<PyAllocation>& allocation) {
    allocation
        .def("numpy", to_numpy, nb::sig("def numpy(self) -> NDArray[Any]"),
             "On the host an array over this memory, without a copy; from a GPU a copy. Raises UnsupportedError for "
             "types that NumPy lacks, ReleasedError.")
        .def(
            "map",
            [](nb::handle self) {
                const Snapshot snapshot(nb::cast<const PyAllocation&>(self));
                return snapshot.on_host() ? numpy_view(snapshot) : nb::borrow(self);
            },
            nb::sig("def map(self) -> Any"),
            "What array libraries take: on the host a numpy.ndarray over this memory, on a GPU this object. "
            "Raises UnsupportedError for types that NumPy lacks, ReleasedError.")
        .def(
            "unmap", [](const PyAllocation& self) { static_cast<void>(self.lease()); },
            "The end of a use that map() began. Arrays that are still held stay valid. Raises ReleasedError.")
        .def("__array__", to_array, "dtype"_a = nb::none(), "copy"_a = nb::none(),
             nb::sig("def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]"),
             "As NumPy asks for it. Raises TypeError for memory of a GPU.")
        .def_prop_ro("__array_interface__", array_interface, nb::sig("def __array_interface__(self) -> dict[str, Any]"),
                     "Of memory on the host; else there is no such attribute.")
        .def_prop_ro("__cuda_array_interface__", cuda_array_interface,
                     nb::sig("def __cuda_array_interface__(self) -> dict[str, Any]"),
                     "Version 3, of memory on a GPU; else there is no such attribute.")
        .def("__dlpack_device__", dlpack_device, nb::sig("def __dlpack_device__(self) -> tuple[int, int]"),
             "DLPack's device type (1: host, 2: CUDA) and number.")
        .def("__dlpack__", to_dlpack, nb::kw_only(), "stream"_a = nb::none(), "max_version"_a = nb::none(),
             "dl_device"_a = nb::none(), "copy"_a = nb::none(),
             nb::sig("def __dlpack__(self, *, stream: Any = None, max_version: tuple[int, int] | None = None, "
                     "dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any"),
             "A capsule with a DLPack tensor over this memory, of version 1.1 if ``max_version`` allows. The tensor "
             "keeps the memory. On a GPU the consumer's ``stream`` is made to wait for the contents. The memory is "
             "given up behind the work of that stream: in it where it is the legacy default stream, else behind all "
             "of the device, because the stream may be destroyed by then, or be another thread's. Raises BufferError "
             "for another device, a copy, or read-only memory "
             "without a version.");
}

}  // namespace fastio::python
