#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fastio/array_view.hpp>
#include <fastio/dlpack.hpp>

#include "context.hpp"
#include "convert.hpp"
#include "errors.hpp"
#include "exports.hpp"
#include "gil.hpp"

/// What publish_array takes: arrays of other libraries.
namespace fastio::python {
namespace {

// DLDeviceType of dlpack.h: what the host can read, and what CUDA's copies can.
constexpr int kDLCudaHost = 3;
constexpr int kDLCudaManaged = 13;

/// Elements somewhere, and what keeps them there.
struct Source {
    ArrayView view;  ///< strides in bytes; none: C order
    bool on_gpu = false;
    Stream ready_in{};  ///< on a GPU: what was queued here so far makes the contents
    nb::object keeper{};
};

/// Where the elements go.
struct Destination {
    const char* call;
    std::string device;
};

[[nodiscard]] bool in_c_order(const ArrayView& view) {
    auto step = static_cast<std::int64_t>(view.type.size_bytes());
    for (std::size_t i = view.strides.size(); i-- > 0;) {
        if (view.dimensions[i] == 0) {
            return true;
        }
        if (view.dimensions[i] != 1 && view.strides[i] != step) {
            return false;
        }
        step *= view.dimensions[i];
    }
    return true;
}

/// The same elements in C order, one after the other. For types that NumPy lacks.
Source gathered(const Source& source) {
    const ArrayView& from = source.view;
    const std::size_t rank = from.dimensions.size();
    const std::size_t element = from.type.size_bytes();
    std::size_t count = 1;
    for (const std::int64_t extent : from.dimensions) {
        count *= static_cast<std::size_t>(extent);
    }
    nb::object bytes = nb::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(count * element)));
    if (!bytes.is_valid()) {
        throw nb::python_error();
    }
    char* to = PyByteArray_AS_STRING(bytes.ptr());
    const char* at = static_cast<const char*>(from.data);
    std::vector<std::int64_t> position(rank, 0);
    for (std::size_t i = 0; i < count; ++i, to += element) {
        std::memcpy(to, at, element);
        for (std::size_t axis = rank; axis-- > 0;) {
            at += from.strides[axis];
            if (++position[axis] < from.dimensions[axis]) {
                break;
            }
            at -= from.strides[axis] * from.dimensions[axis];
            position[axis] = 0;
        }
    }
    Source result;
    result.view = {.data = PyByteArray_AS_STRING(bytes.ptr()), .type = from.type, .dimensions = from.dimensions};
    result.keeper = std::move(bytes);
    return result;
}

nb::object numpy_attribute(const char* name) {
    static const nb::object* const numpy = new nb::object(nb::module_::import_("numpy"));
    return numpy->attr(name);
}

Source from_numpy(nb::object array, const char* call) {
    static const nb::handle masked = nb::object(numpy_attribute("ma").attr("MaskedArray")).release();
    if (nb::isinstance(array, masked)) {
        fail(Errc::invalid_argument, "{} was given a masked array, whose mask would be lost: fill it first", call);
    }
    array = numpy_attribute("asarray")(array);  // without what a subclass may say of itself
    nb::object dtype = array.attr("dtype");
    if (!nb::cast<bool>(dtype.attr("isnative")) && dtype.attr("names").is_none()) {
        dtype = dtype.attr("newbyteorder")("=");
        array = array.attr("astype")(dtype);
    }
    Source source;
    source.view.type = to_data_type(dtype, call);
    source.view.data = reinterpret_cast<const void*>(
        nb::cast<std::uintptr_t>(nb::object(array.attr("__array_interface__")["data"][0])));
    for (const nb::handle extent : nb::object(array.attr("shape"))) {
        source.view.dimensions.push_back(nb::cast<std::int64_t>(extent));
    }
    for (const nb::handle stride : nb::object(array.attr("strides"))) {
        source.view.strides.push_back(nb::cast<std::int64_t>(stride));
    }
    source.keeper = std::move(array);
    return source;
}

template <class Tensor>
Source from_tensor(nb::object capsule, const char* name, int device_type, const char* call) {
    auto* const managed = static_cast<Tensor*>(PyCapsule_GetPointer(capsule.ptr(), name));
    if constexpr (std::is_same_v<Tensor, dlpack::DLManagedTensorVersioned>) {
        if (managed->version.major != 1) {
            fail(Errc::unsupported, "{} was given a tensor of DLPack {}: it takes those of version 1 and before", call,
                 managed->version.major);
        }
    }
    const dlpack::DLTensor& tensor = managed->dl_tensor;
    if (tensor.device.device_type != device_type) {
        fail(Errc::invalid_argument, "{} was given a tensor on DLPack's device type {} by an object that says {}", call,
             static_cast<int>(tensor.device.device_type), device_type);
    }
    Source source;
    source.view.type = {static_cast<TypeCode>(tensor.dtype.code), tensor.dtype.bits, tensor.dtype.lanes};
    if (!is_valid(source.view.type)) {
        fail(Errc::invalid_argument,
             "{} was given elements of DLPack's type {} with {} bits: there is no such type here", call,
             tensor.dtype.code, tensor.dtype.bits);
    }
    source.view.data = static_cast<const std::byte*>(tensor.data) + tensor.byte_offset;
    source.view.dimensions.assign(tensor.shape, tensor.shape + tensor.ndim);
    if (tensor.strides != nullptr) {
        const auto bytes = static_cast<std::int64_t>(source.view.type.size_bytes());
        for (std::int32_t i = 0; i < tensor.ndim; ++i) {
            source.view.strides.push_back(tensor.strides[i] * bytes);
        }
    }
    // The capsule is not renamed: it keeps the tensor, and ends it.
    source.keeper = std::move(capsule);
    return source;
}

void refuse_gpu_on_host(const Destination& to) {
    if (to.device == "host") {
        fail(Errc::unsupported,
             "{} was given an array of a GPU, and the memory is the host's: join with device=\"cuda:N\", or copy it to "
             "the host first",
             to.call);
    }
}

/// Its stream says nothing to the streams of the context's GPU.
void refuse_other_gpu(const Destination& to, int id) {
    const int own = dlpack::detail::to_device(to.device).device_id;
    if (id != own) {
        fail(
            Errc::unsupported,
            "{} was given an array on cuda:{}, and the memory is on cuda:{}: join with device=\"cuda:{}\", or copy the "
            "array there first",
            to.call, id, own, id);
    }
}

Source from_dlpack(nb::handle array, const Destination& to) {
    const nb::object device = array.attr("__dlpack_device__")();
    const int type = nb::cast<int>(nb::object(nb::int_(nb::object(device[0]))));
    const bool on_gpu = type == dlpack::kDLCUDA || type == kDLCudaManaged;
    if (!on_gpu && type != dlpack::kDLCPU && type != kDLCudaHost) {
        fail(Errc::unsupported,
             "{} was given an array on DLPack's device type {}: it takes those of the host and of CUDA", to.call, type);
    }
    nb::dict arguments;
    if (on_gpu) {
        refuse_gpu_on_host(to);  // before it is asked for anything
        if (type == dlpack::kDLCUDA) {
            refuse_other_gpu(to, nb::cast<int>(nb::object(nb::int_(nb::object(device[1])))));
        }
        arguments["stream"] = 1;  // cudaStreamLegacy
    }
    nb::object capsule;
    try {
        arguments["max_version"] = nb::make_tuple(1, 1);
        capsule = array.attr("__dlpack__")(**arguments);
    } catch (nb::python_error& error) {
        if (!error.matches(PyExc_TypeError)) {
            throw;
        }
        arguments.attr("pop")("max_version");  // from before DLPack 1.0
        capsule = array.attr("__dlpack__")(**arguments);
    }
    const bool is_versioned = PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned") != 0;
    if (!is_versioned && PyCapsule_IsValid(capsule.ptr(), "dltensor") == 0) {
        fail_type(to.call, "a DLPack capsule", capsule, "__dlpack__ returns one that nobody has consumed");
    }
    Source source = is_versioned ? from_tensor<dlpack::DLManagedTensorVersioned>(std::move(capsule),
                                                                                 "dltensor_versioned", type, to.call)
                                 : from_tensor<dlpack::DLManagedTensor>(std::move(capsule), "dltensor", type, to.call);
    source.on_gpu = on_gpu;
    if (on_gpu) {
        source.ready_in = Stream(nullptr);
    }
    return source;
}

Source from_cuda_array(nb::handle array, const Destination& to) {
    refuse_gpu_on_host(to);
    const nb::object given = array.attr("__cuda_array_interface__");
    const bool is_dict = nb::isinstance<nb::dict>(given);
    const nb::dict interface = is_dict ? nb::borrow<nb::dict>(given) : nb::dict();
    if (!interface.contains("typestr") || !interface.contains("data") || !interface.contains("shape")) {
        fail_type(to.call, "a __cuda_array_interface__", array, "it is a dict with typestr, data and shape");
    }
    const nb::object data = interface["data"];
    if (!nb::isinstance<nb::tuple>(data) || nb::len(data) != 2) {
        fail_type(to.call, "a __cuda_array_interface__", array, "its data are a pointer and a bool");
    }
    Source source;
    source.on_gpu = true;
    source.view.type = to_data_type(numpy_attribute("dtype")(interface["typestr"]), to.call);
    source.view.data = reinterpret_cast<const void*>(nb::cast<std::uintptr_t>(nb::object(data[0])));
    source.view.dimensions = to_dimensions(nb::object(interface["shape"]), to.call);
    const nb::object strides = nb::object(interface.attr("get")("strides"));
    if (!strides.is_none()) {
        for (const nb::handle stride : strides) {
            source.view.strides.push_back(nb::cast<std::int64_t>(stride));
        }
    }
    if (!source.view.strides.empty() && source.view.strides.size() != source.view.dimensions.size()) {
        fail(Errc::invalid_argument, "{} was given {} strides for {} dimensions", to.call, source.view.strides.size(),
             source.view.dimensions.size());
    }
    const nb::object mask = nb::object(interface.attr("get")("mask"));
    if (!mask.is_none()) {
        fail(Errc::invalid_argument, "{} was given a masked array, whose mask would be lost: fill it first", to.call);
    }
    // Version 3 says in which stream the contents become ready; None, and older versions: they are.
    const nb::object stream = nb::object(interface.attr("get")("stream"));
    source.ready_in = stream.is_none() ? Stream(nullptr) : to_stream(stream, to.call);
    source.keeper = nb::borrow(array);
    return source;
}

bool is_on_host(nb::handle array) {
    const nb::object device = array.attr("__dlpack_device__")();
    return nb::cast<int>(nb::object(nb::int_(nb::object(device[0])))) == dlpack::kDLCPU;
}

[[noreturn]] void fail_no_array(nb::handle array, const char* call) {
    fail_type(call, "an array", array,
              "give a numpy.ndarray or what speaks DLPack, the array interfaces or the buffer protocol; numpy.asarray "
              "makes an array of a list");
}

Source find_source(nb::handle array, const Destination& to) {
    static const nb::handle ndarray = numpy_attribute("ndarray").release();
    if (nb::isinstance(array, ndarray)) {
        return from_numpy(nb::borrow(array), to.call);
    }
    if (PyType_Check(array.ptr()) != 0) {  // a class has its objects' methods
        fail_no_array(array, to.call);
    }
    if (nb::hasattr(array, "__dlpack__") && nb::hasattr(array, "__dlpack_device__")) {
        try {
            return from_dlpack(array, to);
        } catch (const nb::python_error&) {
            // A library may have types that its DLPack lacks, as PyTorch before 2.0 bool: then NumPy's way. Where that
            // fails too, the first reason is told.
            if (is_on_host(array) && nb::hasattr(array, "__array__")) {
                try {
                    return from_numpy(numpy_attribute("asarray")(array), to.call);
                } catch (const nb::python_error&) {
                }
            }
            throw;
        }
    }
    if (nb::hasattr(array, "__cuda_array_interface__")) {
        return from_cuda_array(array, to);
    }
    if (nb::hasattr(array, "__array_interface__") || nb::hasattr(array, "__array__")) {
        return from_numpy(numpy_attribute("asarray")(array), to.call);
    }
    if (PyObject_CheckBuffer(array.ptr()) != 0) {
        // Of bytes themselves NumPy makes a text.
        return from_numpy(numpy_attribute("asarray")(nb::steal(PyMemoryView_FromObject(array.ptr()))), to.call);
    }
    fail_no_array(array, to.call);
}

void refuse_other_order(const Source& source, const char* call) {
    if (!in_c_order(source.view)) {
        fail(Errc::invalid_argument,
             "{} was given an array of a GPU that is not in C order: make it so first, with .contiguous() or "
             "ascontiguousarray()",
             call);
    }
}

/// Without the GIL.
void copy_from_gpu(Allocation& to, const Source& source, std::uint64_t bytes, Stream stream) {
    const bool in_other_stream = stream && stream != source.ready_in;
    if (in_other_stream) {
        to.order(source.ready_in, stream);
    }
    if (bytes > 0) {
        to.copy_from(source.view.data, bytes, {.stream = stream ? stream : source.ready_in});
    }
    if (in_other_stream) {
        to.order(stream, source.ready_in);  // its owner may use the array's memory again after its own stream
    }
}

/// Without the GIL, after copy_from_gpu without a stream, which copied in the array's own.
void finish_copy(const Allocation& to, const Source& source) {
    const Stream legacy(nullptr);
    if (source.ready_in != legacy) {
        to.order(source.ready_in, legacy);
    }
    std::byte last{};
    to.copy_to(&last, sizeof last);  // a copy without a stream waits for the legacy stream
}

void publish_from_gpu(Context& context, const Source& source, const std::string& name, const PublishOptions& options,
                      CreateOptions creation) {
    const ArrayView& view = source.view;
    const WithoutGil unlocked;
    const Stream stream = options.stream ? options.stream : source.ready_in;
    creation.stream = stream;
    Allocation made = context.create(view.type, std::span(view.dimensions), creation);
    copy_from_gpu(made, source, made.size(), options.stream);
    made.publish(name, options);  // without a stream it waits for the device, and so for the copy
    options.stream ? made.release(options.stream) : made.release();
}

}  // namespace

void publish_array(PyContext& self, nb::handle array, const std::string& name, const PublishOptions& options,
                   const CreateOptions& creation) {
    const std::shared_ptr<Context> context = self.use("publish_array");
    const Source source = find_source(array, {"publish_array", context->device()});
    if (source.on_gpu) {
        refuse_other_order(source, "publish_array");
        publish_from_gpu(*context, source, name, options, creation);
        return;
    }
    const WithoutGil unlocked;
    context->publish_array(source.view, name, options, creation);
}

void copy_array(PyAllocation& self, nb::handle array, Stream stream) {
    const std::string device = self.with([](const Allocation& held) { return std::string(held.device()); });
    if (self.lease()->read_only) {
        fail(Errc::read_only,
             "copy_from: the memory is an operator's input, or was got with read_only, and may only be read");
    }
    Source source = find_source(array, {"copy_from", device});
    if (source.on_gpu) {
        refuse_other_order(source, "copy_from");
    } else if (!in_c_order(source.view) && !numpy_dtype(source.view.type).is_valid()) {
        source = gathered(source);
    } else if (!in_c_order(source.view)) {
        source = from_numpy(numpy_attribute("ascontiguousarray")(numpy_attribute("asarray")(array)), "copy_from");
    }
    const LeasePtr lease = self.lease();
    const LockedWithoutGil locked(*lease);
    Allocation& to = lease->allocation;
    const ArrayView& view = source.view;
    if (view.type != to.type() || !std::ranges::equal(view.dimensions, to.dimensions())) {
        fail(Errc::invalid_argument,
             "copy_from was given {} [{}], and the allocation is {} [{}]: they must be the same", to_string(view.type),
             fmt::join(view.dimensions, ", "), to_string(to.type()), fmt::join(to.dimensions(), ", "));
    }
    const std::uint64_t bytes = to.count() * view.type.size_bytes();
    if (source.on_gpu) {
        copy_from_gpu(to, source, bytes, stream);
        if (!stream && bytes > 0) {
            finish_copy(to, source);
        }
    } else if (bytes > 0) {
        to.copy_from(view.data, bytes, {.stream = stream});
    }
    lease->make_in(stream);
}

void copy_bytes(PyAllocation& self, nb::handle buffer, std::uint64_t offset) {
    Py_buffer bytes{};
    if (PyObject_GetBuffer(buffer.ptr(), &bytes, PyBUF_SIMPLE) != 0) {
        throw nb::python_error();
    }
    const std::unique_ptr<Py_buffer, decltype(&PyBuffer_Release)> held(&bytes, PyBuffer_Release);
    const LeasePtr lease = self.lease();
    const LockedWithoutGil locked(*lease);
    lease->allocation.copy_from(bytes.buf, static_cast<std::uint64_t>(bytes.len), {.offset = offset});
}

}  // namespace fastio::python
