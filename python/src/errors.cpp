#include "errors.hpp"

#include <array>
#include <exception>
#include <typeinfo>

namespace fastio::python {
namespace {

constexpr int kMostCodes = static_cast<int>(Errc::io_error);

/// The exception classes by the numbers of Errc; [0] is fastio.Error. Borrowed: the module `fastio._errors` keeps them.
std::array<PyObject*, kMostCodes + 1> classes{};

/// Where Ctrl-C ended the call, what its handler raises takes the place of the call's error, and has it as its context.
void raise_interrupt() {
    nb::python_error error;
    if (PyErr_CheckSignals() == 0) {
        error.restore();
        return;
    }
    nb::python_error raised;
    PyException_SetContext(raised.value().ptr(), nb::borrow(error.value()).release().ptr());
    raised.restore();
}

void translate(const std::exception_ptr& thrown, void* /*payload*/) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Error& error) {
        set_error(error);
        if (error.errc() == Errc::service_unreachable) {
            raise_interrupt();
        }
    } catch (const std::bad_cast&) {
        // An object that an argument holds, or that another library's protocol gave, is of another type.
        PyErr_SetString(PyExc_TypeError, "a part of an argument is of another type than it must be, or out of range");
    }
}

}  // namespace

void set_error(const Error& error) noexcept {
    const int code = error.code().value();
    PyErr_SetString(classes[code > 0 && code <= kMostCodes ? static_cast<std::size_t>(code) : 0], error.what());
    if (error.errc() == Errc::producer_lost) {
        nb::python_error raised;
        const nb::object version = nb::steal(PyLong_FromUnsignedLongLong(error.version()));
        if (!version || PyObject_SetAttrString(raised.value().ptr(), "version", version.ptr()) != 0) {
            PyErr_Clear();  // no memory for the number
        }
        raised.restore();
    }
}

void bind_errors(nb::module_& /*module*/) {
    const nb::module_ errors = nb::module_::import_("fastio._errors");
    const nb::object all = errors.attr("CLASSES");
    for (int code = 0; code <= kMostCodes; ++code) {
        classes.at(code) = nb::object(all[code]).release().ptr();
    }
    nb::register_exception_translator(translate);
}

std::string text_of(nb::handle value) {
    return nb::cast<std::string>(nb::str(value));
}

std::string repr_of(nb::handle value) {
    return nb::cast<std::string>(nb::repr(value));
}

void fail_type(const char* call, const char* what, nb::handle value, const char* wanted) {
    const std::string type = text_of(value.type().attr("__qualname__"));
    throw nb::type_error(fmt::format("{} was given {} of type {}: {}", call, what, type, wanted).c_str());
}

}  // namespace fastio::python
