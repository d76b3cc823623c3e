#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "convert.hpp"
#include "errors.hpp"

namespace fastio::python {
namespace {

using namespace nb::literals;

/// What NumPy has, as __array_interface__ and as the buffer protocol write it, in native byte order.
struct NumpyType {
    DataType type;
    const char* typestr;
    const char* format;
};
static_assert(sizeof(int) == 4 && sizeof(long) == 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FASTIO_NATIVE "<"
#else
#define FASTIO_NATIVE ">"
#endif
constexpr std::array kNumpyTypes{
    NumpyType{bool_, "|b1", "?"},
    NumpyType{int8, "|i1", "b"},
    NumpyType{int16, FASTIO_NATIVE "i2", "h"},
    NumpyType{int32, FASTIO_NATIVE "i4", "i"},
    NumpyType{int64, FASTIO_NATIVE "i8", "l"},
    NumpyType{uint8, "|u1", "B"},
    NumpyType{uint16, FASTIO_NATIVE "u2", "H"},
    NumpyType{uint32, FASTIO_NATIVE "u4", "I"},
    NumpyType{uint64, FASTIO_NATIVE "u8", "L"},
    NumpyType{float16, FASTIO_NATIVE "f2", "e"},
    NumpyType{float32, FASTIO_NATIVE "f4", "f"},
    NumpyType{float64, FASTIO_NATIVE "f8", "d"},
    NumpyType{complex64, FASTIO_NATIVE "c8", "Zf"},
    NumpyType{complex128, FASTIO_NATIVE "c16", "Zd"},
};
#undef FASTIO_NATIVE

/// numpy.dtype, and the dtypes of kNumpyTypes in their order.
struct Numpy {
    nb::object dtype = nb::module_::import_("numpy").attr("dtype");
    std::array<nb::object, kNumpyTypes.size()> dtypes{};

    Numpy() {
        for (std::size_t i = 0; i < dtypes.size(); ++i) {
            dtypes.at(i) = dtype(kNumpyTypes.at(i).typestr);
        }
    }
};

const Numpy& numpy() {
    // Never destroyed: the interpreter ends before the process's static objects do.
    static const Numpy* const all = new Numpy();
    return *all;
}

std::optional<std::size_t> find_numpy_type(DataType type) noexcept {
    for (std::size_t i = 0; i < kNumpyTypes.size(); ++i) {
        if (kNumpyTypes[i].type == type) {
            return i;
        }
    }
    return std::nullopt;
}

[[noreturn]] void fail_dtype(const char* call, nb::handle dtype, const char* why) {
    fail(Errc::invalid_argument, "{} was given the type {}: {}", call, text_of(dtype), why);
}

DataType from_dtype(nb::handle dtype, const char* call) {
    if (!dtype.attr("names").is_none()) {
        fail_dtype(call, dtype, "memory holds elements of one type: use the fields one by one, or a view as bytes");
    }
    if (!nb::cast<bool>(dtype.attr("isnative"))) {
        fail_dtype(call, dtype, "its bytes are swapped; use .newbyteorder('=')");
    }
    const std::string typestr = text_of(dtype.attr("str"));
    for (const NumpyType& known : kNumpyTypes) {
        if (typestr == known.typestr) {
            return known.type;
        }
    }
    // Packages add types of their own to NumPy, such as ml_dtypes' bfloat16.
    const std::string name = text_of(dtype.attr("name"));
    if (const auto added = parse_data_type(name)) {
        return *added;
    }
    switch (text_of(dtype.attr("kind")).front()) {
        case 'O':
            fail_dtype(call, dtype, "references to Python objects mean nothing to another process");
        case 'M':
        case 'm':
            fail_dtype(call, dtype, "DLPack has no times: use a view as int64, and tell the unit in an attribute");
        case 'U':
        case 'S':
        case 'T':
            fail_dtype(call, dtype, "DLPack has no texts: encode them to bytes");
        default:
            fail_dtype(call, dtype, "DLPack has no such type");
    }
}

std::optional<DataType> from_name(std::string_view name) {
    constexpr std::string_view kTorch = "torch.";
    if (name.starts_with(kTorch)) {
        name.remove_prefix(kTorch.size());
    }
    return parse_data_type(name);
}

DataType make(int code, int bits, int lanes) {
    const DataType type{static_cast<TypeCode>(code), static_cast<std::uint8_t>(bits),
                        static_cast<std::uint16_t>(lanes)};
    if (code < 0 || code > 255 || bits < 0 || bits > 255 || lanes < 0 || lanes > 65535 || !is_valid(type)) {
        fail(Errc::invalid_argument, "DataType was given code {}, {} bits and {} lanes: there is no such type", code,
             bits, lanes);
    }
    return type;
}

}  // namespace

DataType to_data_type(nb::handle value, const char* call) {
    DataType type;
    if (nb::try_cast(value, type, false)) {
        return type;
    }
    if (nb::isinstance<nb::str>(value)) {
        if (const auto named = from_name(nb::cast<std::string>(value))) {
            return *named;
        }
    }
    if (value.is_none()) {  // which NumPy takes for float64
        fail_type(call, "a type", value, "give a numpy.dtype, a fastio.DataType, or the name of a type");
    }
    nb::object dtype;
    try {
        dtype = numpy().dtype(value);
    } catch (nb::python_error& error) {
        // Of a text NumPy says what it can make nothing of in several ways.
        if (!error.matches(PyExc_TypeError) && !(nb::isinstance<nb::str>(value) && error.matches(PyExc_Exception))) {
            throw;
        }
        if (const auto torch = from_name(text_of(value))) {
            return *torch;
        }
        if (nb::isinstance<nb::str>(value)) {
            fail(Errc::invalid_argument, "{} was given the type {}: there is no type of that name", call,
                 repr_of(value));
        }
        fail_type(call, "a type", value, "give a numpy.dtype, a fastio.DataType, or the name of a type");
    }
    return from_dtype(dtype, call);
}

nb::object numpy_dtype(DataType type) {
    const auto found = find_numpy_type(type);
    return found ? numpy().dtypes.at(*found) : nb::object();
}

nb::object to_python(DataType type) {
    nb::object dtype = numpy_dtype(type);
    return dtype.is_valid() ? dtype : nb::cast(type);
}

const char* array_typestr(DataType type) noexcept {
    const auto found = find_numpy_type(type);
    return found ? kNumpyTypes[*found].typestr : nullptr;
}

const char* buffer_format(DataType type) noexcept {
    const auto found = find_numpy_type(type);
    return found ? kNumpyTypes[*found].format : nullptr;
}

void bind_data_type(nb::module_& module) {
    nb::class_<DataType>(
        module, "DataType",
        "The type of one element, as DLPack has it: a kind, bits per lane, and lanes. There is one for "
        "each type; attributes of arrays use it for those that NumPy lacks, such as "
        "``fastio.bfloat16``, and numpy.dtype for the others. Equal to what names the same type: "
        "another DataType, its name, or a numpy.dtype.")
        .def(
            "__init__",
            [](DataType* self, int code, int bits, int lanes) { new (self) DataType(make(code, bits, lanes)); },
            "code"_a, "bits"_a, "lanes"_a = 1,
            "``code`` as DLDataTypeCode of DLPack 1.1. Raises InvalidArgumentError where there is no such type.")
        .def_prop_ro(
            "code", [](DataType self) { return static_cast<int>(self.code); }, "DLPack's DLDataTypeCode.")
        .def_prop_ro(
            "bits", [](DataType self) { return int{self.bits}; }, "Bits per lane.")
        .def_prop_ro(
            "lanes", [](DataType self) { return int{self.lanes}; }, "1 for scalars.")
        .def_prop_ro(
            "name", [](DataType self) { return to_string(self); }, "For example \"bfloat16\".")
        .def_prop_ro(
            "dtype",
            [](DataType self) {
                nb::object dtype = numpy_dtype(self);
                if (!dtype.is_valid()) {
                    throw nb::attribute_error(fmt::format("NumPy has no type {}", to_string(self)).c_str());
                }
                return dtype;
            },
            nb::sig("def dtype(self) -> numpy.dtype[Any]"),
            "The numpy.dtype. Raises AttributeError where NumPy lacks the type.")
        .def_prop_ro(
            "itemsize", [](DataType self) { return self.size_bytes(); }, "Bytes per element.")
        .def(
            "__eq__",
            [](DataType self, nb::handle other) {
                DataType type;
                if (nb::try_cast(other, type, false)) {
                    return type == self;
                }
                if (nb::isinstance<nb::str>(other)) {
                    return from_name(nb::cast<std::string>(other)) == self;
                }
                const nb::object dtype = numpy_dtype(self);
                return dtype.is_valid() && nb::isinstance(other, numpy().dtype) && dtype.equal(other);
            },
            "other"_a.none(), nb::sig("def __eq__(self, other: object, /) -> bool"))
        .def("__hash__",
             [](DataType self) { return (static_cast<int>(self.code) << 24) | (self.bits << 16) | int{self.lanes}; })
        .def(
            "__reduce__",
            [](DataType self) {
                const nb::tuple arguments =
                    nb::make_tuple(static_cast<int>(self.code), int{self.bits}, int{self.lanes});
                return nb::make_tuple(nb::type<DataType>(), arguments);
            },
            nb::sig("def __reduce__(self) -> tuple[Any, ...]"))
        .def("__repr__",
             [](DataType self) { return fmt::format("fastio.{}", self == bool_ ? "bool_" : to_string(self)); });

    module.def(
        "_data_type", [](nb::handle type) { return to_data_type(type, "fastio"); }, "type"_a,
        nb::sig("def _data_type(type: object) -> DataType"), "What create_array takes as a type.");

    for (int code = 0; code < 256; ++code) {
        for (const std::uint8_t bits : {8, 16, 32, 64, 128}) {
            const DataType type{static_cast<TypeCode>(code), bits, 1};
            if (is_valid(type)) {
                module.attr(type == bool_ ? "bool_" : to_string(type).c_str()) = nb::cast(type);
            }
        }
    }
}

}  // namespace fastio::python
