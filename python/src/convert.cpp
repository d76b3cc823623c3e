#include "convert.hpp"

#include <cmath>
#include <limits>

#include "errors.hpp"

namespace fastio::python {
namespace {

std::string to_utf8(nb::handle text, const char* call, const char* what) {
    Py_ssize_t bytes = 0;
    const char* const data = PyUnicode_AsUTF8AndSize(text.ptr(), &bytes);
    if (data == nullptr) {
        PyErr_Clear();
        fail(Errc::invalid_argument, "{} was given {} {}: it is no UTF-8", call, what, repr_of(text));
    }
    return {data, static_cast<std::size_t>(bytes)};
}

}  // namespace

std::int64_t to_int64(nb::handle value, const char* call, const char* what, std::int64_t least) {
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) {
        fail_type(call, what, value, "give an int");
    }
    const nb::object index = nb::steal(PyNumber_Index(value.ptr()));
    if (!index.is_valid()) {
        throw nb::python_error();
    }
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    if (overflow != 0 || number < least) {
        fail(Errc::invalid_argument, "{} was given {} {}: give {} to 2^63 - 1", call, what, text_of(index), least);
    }
    return number;
}

std::vector<std::int64_t> to_dimensions(nb::handle value, const char* call) {
    std::vector<std::int64_t> dimensions;
    // An array of NumPy has __index__ too.
    if (PyIndex_Check(value.ptr()) && !PyBool_Check(value.ptr()) && PySequence_Check(value.ptr()) == 0) {
        dimensions.push_back(to_int64(value, call, "the dimension", 0));
        return dimensions;
    }
    if (PySequence_Check(value.ptr()) == 0 || nb::isinstance<nb::str>(value) || nb::isinstance<nb::bytes>(value)) {
        fail_type(call, "dimensions", value, "give a sequence of ints, outermost first");
    }
    for (const nb::handle extent : value) {
        dimensions.push_back(to_int64(extent, call, "the dimension", 0));
    }
    return dimensions;
}

nb::tuple to_tuple(std::span<const std::int64_t> values) {
    nb::tuple made = nb::steal<nb::tuple>(PyTuple_New(static_cast<Py_ssize_t>(values.size())));
    if (!made.is_valid()) {
        throw nb::python_error();
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        PyTuple_SET_ITEM(made.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
    }
    return made;
}

std::chrono::nanoseconds to_duration(nb::handle seconds, const char* call, const char* what) {
    if (seconds.is_none()) {
        return std::chrono::nanoseconds::max();
    }
    // What most calls give, without a way through floating point.
    if (PyLong_CheckExact(seconds.ptr()) && PyLong_AsLong(seconds.ptr()) == 0) {
        return std::chrono::nanoseconds::zero();
    }
    if (PyBool_Check(seconds.ptr()) || PyNumber_Check(seconds.ptr()) == 0) {
        fail_type(call, what, seconds, "give seconds, or None to wait without a bound");
    }
    double value = PyFloat_AsDouble(seconds.ptr());
    if (value == -1.0 && PyErr_Occurred() != nullptr) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) {
            throw nb::python_error();
        }
        PyErr_Clear();  // an int that no double can hold
        value = PyObject_RichCompareBool(seconds.ptr(), nb::int_(0).ptr(), Py_LT) == 1 ? -HUGE_VAL : HUGE_VAL;
    }
    if (std::isnan(value) || value < 0) {
        fail(Errc::invalid_argument, "{} was given {} {}: give 0 or more seconds, or None to wait without a bound",
             call, what, text_of(seconds));
    }
    constexpr double kMost = 9e9;  // seconds; 2^63 nanoseconds are a little more
    return value >= kMost ? std::chrono::nanoseconds::max()
                          : std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e9));
}

std::chrono::nanoseconds to_time_to_live(nb::handle seconds, const char* call) {
    try {
        const std::chrono::nanoseconds time = to_duration(seconds, call, "a time to live of");
        if (time > std::chrono::nanoseconds::zero()) {
            return time;
        }
    } catch (const Error&) {  // of what is below 0, which this says itself
    }
    fail(Errc::invalid_argument,
         "{} was given a time to live of {}: give seconds above 0, or None for a name that stays", call,
         text_of(seconds));
}

Stream to_stream(nb::handle value, const char* call) {
    if (value.is_none()) {
        return {};
    }
    nb::object number = nb::borrow(value);
    if (PyLong_Check(value.ptr()) == 0) {
        if (nb::hasattr(value, "__cuda_stream__")) {
            number = value.attr("__cuda_stream__")()[1];
        } else if (nb::hasattr(value, "cuda_stream")) {
            number = value.attr("cuda_stream");
        } else if (nb::hasattr(value, "ptr")) {
            number = value.attr("ptr");
        }
    }
    if (PyLong_Check(number.ptr()) == 0 || PyBool_Check(number.ptr())) {
        fail_type(call, "a stream", value, "give an int, or an object with __cuda_stream__, cuda_stream or ptr");
    }
    void* const handle = PyLong_AsVoidPtr(number.ptr());
    if (handle == nullptr && PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        fail(Errc::invalid_argument, "{} was given the stream {}: that is no address", call, text_of(number));
    }
    return {static_cast<CUstream_st*>(handle)};
}

std::intptr_t stream_number(Stream stream) noexcept {
    const auto number = reinterpret_cast<std::intptr_t>(stream.handle());
    return number == 0 ? 1 : number;  // cudaStreamLegacy (driver_types.h)
}

bool is_legacy_default(Stream stream) noexcept {
    return stream && stream_number(stream) == 1;
}

bool is_per_thread_default(Stream stream) noexcept {
    return stream && stream_number(stream) == 2;  // cudaStreamPerThread (driver_types.h)
}

OptionalAttributes to_attributes(nb::handle value, const char* call) {
    if (value.is_none()) {
        return {};
    }
    Attributes attributes;
    if (PyMapping_Check(value.ptr()) == 0 || !nb::hasattr(value, "items")) {
        fail_type(call, "attributes", value, "give a dict of texts");
    }
    for (const nb::handle item : value.attr("items")()) {
        if (!nb::isinstance<nb::tuple>(item) || nb::len(item) != 2) {
            fail_type(call, "attributes", value, "give a dict of texts");
        }
        const nb::object key = item[0];
        const nb::object text = item[1];
        if (!nb::isinstance<nb::str>(key) || !nb::isinstance<nb::str>(text)) {
            fail_type(call, "an attribute", nb::isinstance<nb::str>(key) ? text : key,
                      "its name and its value are texts");
        }
        attributes[to_utf8(key, call, "the attribute")] = to_utf8(text, call, "the attribute");
    }
    return attributes;
}

nb::dict to_dict(const Attributes& attributes) {
    nb::dict made;
    for (const auto& [key, text] : attributes) {
        made[to_str(key)] = to_str(text);
    }
    return made;
}

nb::str to_str(std::string_view text) {
    // Another program may have published what is no UTF-8: it is shown, not refused.
    PyObject* const made = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace");
    if (made == nullptr) {
        throw nb::python_error();
    }
    return nb::steal<nb::str>(made);
}

std::string to_name(nb::handle value, const char* call) {
    if (!nb::isinstance<nb::str>(value)) {
        fail_type(call, "a name", value, "give a str");
    }
    return to_utf8(value, call, "the name");
}

}  // namespace fastio::python
