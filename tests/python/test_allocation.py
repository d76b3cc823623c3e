"""FastIOAllocation: its metadata, its names, its end; and DataType."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastio
from conftest import package

Join = Callable[..., fastio.FastIOContext]

# Code and bits as DLPack 1.1 numbers them, DLDataTypeCode of dlpack.h.
DATA_TYPES = {
    "bool": (6, 8),
    "int8": (0, 8),
    "int16": (0, 16),
    "int32": (0, 32),
    "int64": (0, 64),
    "uint8": (1, 8),
    "uint16": (1, 16),
    "uint32": (1, 32),
    "uint64": (1, 64),
    "float16": (2, 16),
    "bfloat16": (4, 16),
    "float32": (2, 32),
    "float64": (2, 64),
    "complex64": (5, 64),
    "complex128": (5, 128),
    "float8_e3m4": (7, 8),
    "float8_e4m3": (8, 8),
    "float8_e4m3b11fnuz": (9, 8),
    "float8_e4m3fn": (10, 8),
    "float8_e4m3fnuz": (11, 8),
    "float8_e5m2": (12, 8),
    "float8_e5m2fnuz": (13, 8),
    "float8_e8m0fnu": (14, 8),
}
NUMPY_LACKS = [name for name in DATA_TYPES if name == "bfloat16" or name.startswith("float8")]
NUMPY_HAS = [name for name in DATA_TYPES if name not in NUMPY_LACKS]


def constant(name: str) -> fastio.DataType:
    made: fastio.DataType = getattr(fastio, "bool_" if name == "bool" else name)
    return made


# Metadata


def test_what_was_created_has_metadata_of_bytes(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(300)
    assert (a.type, a.dtype, a.dimensions, a.shape) == (np.uint8, np.uint8, (300,), (300,))
    assert (a.size, a.nbytes, a.count, a.device) == (300, 300, 300, "host")
    assert (a.name, a.version, a.attributes, a.read_only, a.released) == ("", 0, {}, False, False)
    assert a.data_ptr > 0 and a.data_ptr % 256 == 0
    assert isinstance(a.type, np.dtype) and isinstance(a.dimensions, tuple)


def test_size_is_in_bytes_and_count_in_elements(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(100)
    a.set_type_and_dimensions("int16", (3, 4))
    assert (a.size, a.nbytes, a.count) == (100, 100, 12)
    scalar, empty = ctx.create_array("float64", ()), ctx.create_array("float64", (3, 0))
    assert (scalar.count, scalar.size) == (1, 8)
    assert (empty.count, empty.size) == (0, 0)


def test_what_was_got_has_the_metadata_of_the_publication(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext
) -> None:
    a = ctx.create_array("complex64", (2, 5))
    a.publish("x", attributes={"unit": "T"})
    b = other.get("x")
    assert (b.type, b.dimensions, b.size, b.count) == (np.complex64, (2, 5), 80, 10)
    assert (b.name, b.version, b.attributes) == ("x", a.version, {"unit": "T"})
    assert (b.device, b.read_only, b.released) == ("host", False, False)


def test_properties_cannot_be_set(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(10)
    for name in ("type", "dtype", "dimensions", "shape", "size", "nbytes", "count", "device", "name", "version"):
        with pytest.raises(AttributeError):
            setattr(a, name, getattr(a, name))
    a.attributes["unit"] = "mm"  # a copy
    assert a.attributes == {}


@pytest.mark.parametrize("name", NUMPY_HAS)
def test_a_type_that_numpy_has_is_a_numpy_dtype(ctx: fastio.FastIOContext, name: str) -> None:
    a = ctx.create(16)
    for same in (name, constant(name), np.dtype(name), np.dtype(name).type):
        a.set_type_and_dimensions("uint8", (16,))
        a.set_type_and_dimensions(same, (1,))
        assert isinstance(a.type, np.dtype) and a.type == np.dtype(name) and a.dtype == a.type


@pytest.mark.parametrize("name", NUMPY_LACKS)
def test_a_type_that_numpy_lacks_is_a_data_type(ctx: fastio.FastIOContext, name: str) -> None:
    a = ctx.create(16)
    for same in (name, constant(name)):
        a.set_type_and_dimensions("uint8", (16,))
        a.set_type_and_dimensions(same, (2,))
        assert isinstance(a.type, fastio.DataType) and a.type == constant(name) and a.dtype == a.type


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (np.float32, "float32"),
        (float, "float64"),
        (int, "int64"),
        (bool, "bool"),
        (complex, "complex128"),
        ("bool_", "bool"),
        ("f4", "float32"),
        ("=i2", "int16"),
        ("double", "float64"),
        (np.intp, "int64"),
        (np.dtype(np.uint16).newbyteorder("="), "uint16"),
    ],
)
def test_types_are_taken_as_numpy_takes_them(ctx: fastio.FastIOContext, given: Any, meant: str) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions(given, (1,))
    assert a.type == np.dtype(meant)


@pytest.mark.parametrize("name", ["bool", "uint8", "int8", "int64", "float16", "float32", "complex64", "bfloat16"])
def test_types_of_torch_are_taken(ctx: fastio.FastIOContext, name: str) -> None:
    torch = package("torch")
    a = ctx.create(16)
    for same in (getattr(torch, name), f"torch.{name}"):
        a.set_type_and_dimensions("uint8", (16,))
        a.set_type_and_dimensions(same, (1,))
        assert a.type == (constant(name) if name in NUMPY_LACKS else np.dtype(name))


@pytest.mark.parametrize(
    "dimensions", [(3, 2), [3, 2], (np.int32(3), np.uint8(2)), range(3, 1, -1), np.array([3, 2])], ids=str
)
def test_dimensions_are_a_sequence_of_ints(ctx: fastio.FastIOContext, dimensions: Any) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions("uint8", dimensions)
    assert a.dimensions == (3, 2)
    assert all(type(extent) is int for extent in a.dimensions)


def test_one_dimension_may_be_an_int(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions("uint8", 5)
    assert a.dimensions == (5,)


@pytest.mark.parametrize("dimensions", [(), (0,), (4, 0, 2), (1,) * 8, (4,), (2, 2)])
def test_dimensions_that_fit_are_taken(ctx: fastio.FastIOContext, dimensions: tuple[int, ...]) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions(np.float32, dimensions)
    assert a.dimensions == dimensions
    assert a.size == 16


@pytest.mark.parametrize(
    ("type_", "dimensions"),
    [
        ("uint8", (17,)),
        ("float32", (5,)),
        ("float64", (3, 1)),
        ("uint8", (1 << 40, 1 << 40)),
        ("float64", (1 << 62,)),
        ("uint8", (1 << 63,)),
        ("uint8", (-1,)),
        ("uint8", (4, -4)),
        ("uint8", -1),
        ("uint8", (1,) * 9),
    ],
)
def test_dimensions_that_do_not_fit_change_nothing(
    ctx: fastio.FastIOContext, type_: str, dimensions: tuple[int, ...]
) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions("int16", (2, 3))
    with pytest.raises(fastio.InvalidArgumentError):
        a.set_type_and_dimensions(type_, dimensions)
    assert (a.type, a.dimensions, a.size) == (np.int16, (2, 3), 16)


def test_too_large_an_array_is_told_with_numbers(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match=r"\b20 bytes.*\b16\b"):
        ctx.create(16).set_type_and_dimensions("float32", (5,))


def test_metadata_of_a_publication_does_not_change(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    a = ctx.create(16)
    a.set_type_and_dimensions("float32", (4,))
    a.publish("x")
    a.set_type_and_dimensions("int64", (2, 1))
    assert (other.get("x").type, other.get("x").dimensions) == (np.float32, (4,))
    got = other.get("x")
    got.set_type_and_dimensions("uint8", (16,))
    assert (a.type, a.dimensions) == (np.int64, (2, 1))
    assert (ctx.list()[0].type, ctx.list()[0].dimensions) == (np.float32, (4,))


# Names


def test_what_is_got_to_be_read_cannot_be_written(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    a = ctx.get("x", read_only=True)
    assert a.read_only and not np.asarray(a).flags.writeable and memoryview(a).readonly
    assert not a.numpy().flags.writeable
    with pytest.raises(fastio.ReadOnlyError, match="read_only"):
        a.copy_from(np.arange(3))
    b = ctx.get("x")
    np.asarray(b)[0] = 7
    assert not b.read_only and a.numpy().tolist() == [7, 1, 2]


def test_unpublish_of_an_allocation_removes_its_names_and_keeps_it(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array(np.int64, 3, zero=True)
    a.publish("x")
    a.publish("y")
    a.unpublish()
    assert ctx.list() == [] and a.numpy().tolist() == [0, 0, 0]
    a.publish("z")
    assert ctx.get("z").numpy().tolist() == [0, 0, 0]
    a.release()
    with pytest.raises(fastio.ReleasedError):
        a.unpublish()


def test_host_memory_has_no_streams_to_order(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.UnsupportedError):
        ctx.create(1).order(1, 2)
    with pytest.raises(fastio.InvalidArgumentError):
        ctx.create(1).order(None, 1)


def test_stats_show_their_numbers(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    shown = repr(ctx.stats())
    assert shown.startswith("<fastio.ContextStats allocations=1 publications=1 leases=")
    assert " bytes_published=24 " in shown and " stream_ordering=none " in shown


def test_a_further_name_has_the_attributes_unless_others_are_given(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext
) -> None:
    ctx.publish_array(np.zeros(3), "x", attributes={"unit": "T"})
    a = other.get("x")
    a.publish("same")
    a.publish("same, said so", attributes=None)
    assert ctx.get("same").attributes == ctx.get("same, said so").attributes == a.attributes == {"unit": "T"}
    a.publish("others", attributes={"from": "x"})
    assert ctx.get("others").attributes == a.attributes == {"from": "x"}
    a.publish("none", attributes={})
    assert ctx.get("none").attributes == a.attributes == {}
    a.publish("none again")
    assert ctx.get("none again").attributes == {}


def test_memory_has_several_names_each_with_its_own_metadata(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext
) -> None:
    a = ctx.create(16)
    np.asarray(a)[:] = range(16)
    a.publish("bytes", attributes={"as": "bytes"})
    first = a.version
    a.set_type_and_dimensions("uint16", (2, 4))
    a.publish("words", attributes={})
    assert (a.name, a.version > first) == ("words", True)
    as_bytes, as_words = other.get("bytes"), other.get("words")
    assert (as_bytes.type, as_bytes.dimensions, as_bytes.attributes) == (np.uint8, (16,), {"as": "bytes"})
    assert (as_words.type, as_words.dimensions, as_words.attributes) == (np.uint16, (2, 4), {})
    assert np.asarray(as_words)[0, 1] == 0x0302
    np.asarray(as_words)[0, 0] = 0xFFFF
    assert np.asarray(as_bytes)[:3].tolist() == [255, 255, 2]


def test_a_taken_name_is_refused_and_nothing_changes(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    ctx.create_array("int8", (3,)).publish("x")
    version = ctx.get("x").version
    a = other.create(10)
    with pytest.raises(fastio.AlreadyExistsError, match="'?\"?x"):
        a.publish("x")
    assert (a.name, a.version, a.released) == ("", 0, False)
    assert (ctx.get("x").version, ctx.get("x").dimensions) == (version, (3,))
    a.publish("y")
    assert other.get("y").size == 10


def test_the_same_memory_cannot_take_a_name_twice(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1)
    a.publish("x")
    with pytest.raises(fastio.AlreadyExistsError):
        a.publish("x")


def test_replace_moves_a_name(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([1]), "x")
    before = other.get("x")
    a = ctx.create_array("int64", (2,))
    np.asarray(a)[:] = 2
    a.publish("x", replace=True)
    after = other.get("x")
    assert (np.asarray(before).tolist(), np.asarray(after).tolist()) == ([1], [2, 2])
    assert after.version == a.version > before.version
    assert [info.name for info in ctx.list()] == ["x"]


def test_replace_takes_a_free_name_too(ctx: fastio.FastIOContext) -> None:
    ctx.create(1).publish("x", replace=True)
    assert ctx.get("x").size == 1


@pytest.mark.parametrize(
    "name",
    ["x", " ", "a/b.c:d", "Ünïcödé", "数据", "🧠", "x" * 255, "ä" * 127 + "x", "line\nbreak"],
    ids=lambda name: ascii(name[:12]),
)
def test_names_of_1_to_255_bytes_of_utf8_are_taken(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, name: str
) -> None:
    a = ctx.create(3)
    a.publish(name)
    got = other.get(name)
    assert (a.name, got.name, got.size) == (name, name, 3)
    assert [info.name for info in other.list()] == [name]
    other.unpublish(name)
    assert ctx.find(name) is None


@pytest.mark.parametrize(
    "name", ["", "x" * 256, "ä" * 128, "a\0b", "\0", "\ud800", "a\udfffb"], ids=lambda name: ascii(name[:12])
)
def test_other_names_are_refused(ctx: fastio.FastIOContext, name: str) -> None:
    a = ctx.create(3)
    for call in (
        lambda: a.publish(name),
        lambda: ctx.get(name),
        lambda: ctx.find(name),
        lambda: ctx.find_many(["x", name]),
        lambda: ctx.unpublish(name),
        lambda: ctx.publish_array(np.zeros(1), name),
    ):
        with pytest.raises(fastio.InvalidArgumentError):
            call()
    assert ctx.list() == []
    assert (a.name, a.version) == ("", 0)
    assert ctx.stats().allocations == 1


def test_names_with_a_surrogate_are_shown_in_the_message(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match=r"publish.*\\ud800.*UTF-8"):
        ctx.create(1).publish("a\ud800")


# Attributes


def test_attributes_of_4_kib_are_taken(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    attributes = {"k": "v" * (4096 - 5)}  # 4 bytes per pair are the format's
    ctx.create(1).publish("one", attributes=attributes)
    many = {f"{i:06}": "" for i in range(409)}
    ctx.create(1).publish("many", attributes=many)
    assert other.get("one").attributes == attributes
    assert other.get("many").attributes == many


@pytest.mark.parametrize("attributes", [{"k": "v" * 4092}, {"k" * 4092: "v"}, {f"{i:06}": "" for i in range(410)}])
def test_more_attributes_are_refused_and_nothing_is_published(
    ctx: fastio.FastIOContext, attributes: dict[str, str]
) -> None:
    a = ctx.create(1)
    with pytest.raises(fastio.InvalidArgumentError, match="4096"):
        a.publish("x", attributes=attributes)
    with pytest.raises(fastio.InvalidArgumentError, match="4096"):
        ctx.publish_array(np.zeros(1), "x", attributes=attributes)
    assert (ctx.list(), a.name, a.version) == ([], "", 0)


def test_attributes_are_utf8(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    attributes = {"größe": "5 µm", "数据": "🧠", "empty": "", "lines": "a\nb"}
    ctx.create(1).publish("x", attributes=attributes)
    assert other.get("x").attributes == attributes
    assert other.list()[0].attributes == attributes


@pytest.mark.parametrize(
    "attributes",
    [{"k": "\ud800"}, {"\ud800": "v"}, {"k": "a\0b"}, {"a\0b": "v"}, {"": "v"}],
    ids=lambda attributes: ascii(attributes),
)
def test_attributes_that_are_no_text_are_refused(ctx: fastio.FastIOContext, attributes: dict[str, str]) -> None:
    a = ctx.create(1)
    with pytest.raises(fastio.InvalidArgumentError):
        a.publish("x", attributes=attributes)
    assert (ctx.list(), a.name) == ([], "")


def test_attributes_are_any_mapping(ctx: fastio.FastIOContext) -> None:
    from types import MappingProxyType

    ctx.create(1).publish("x", attributes=MappingProxyType({"a": "b"}))
    assert ctx.get("x").attributes == {"a": "b"}


def test_attributes_belong_to_a_publication(ctx: fastio.FastIOContext) -> None:
    given = {"a": "1"}
    a = ctx.create(1)
    a.publish("x", attributes=given)
    given["a"] = "2"
    a.publish("y", attributes=given)
    a.publish("z", attributes={})
    assert [ctx.get(name).attributes for name in "xyz"] == [{"a": "1"}, {"a": "2"}, {}]


# DataType


@pytest.mark.parametrize("name", DATA_TYPES)
def test_a_data_type_is_dlpacks(name: str) -> None:
    code, bits = DATA_TYPES[name]
    known = constant(name)
    assert (known.code, known.bits, known.lanes, known.name, known.itemsize) == (code, bits, 1, name, bits // 8)
    assert fastio.DataType(code, bits) == known == fastio.DataType(code=code, bits=bits, lanes=1)
    assert hash(fastio.DataType(code, bits)) == hash(known)


def test_data_types_differ_from_each_other_and_from_everything_else() -> None:
    assert len({constant(name) for name in DATA_TYPES}) == len(DATA_TYPES)
    assert fastio.bfloat16 != fastio.float16
    assert fastio.DataType(2, 32, 2) != fastio.float32
    assert fastio.bfloat16 != "bfloat" and fastio.bfloat16 != None and fastio.bfloat16 != 4  # noqa: E711


@pytest.mark.parametrize("lanes", [2, 3, 4, 16])
def test_a_data_type_has_lanes(ctx: fastio.FastIOContext, lanes: int) -> None:
    vector = fastio.DataType(2, 32, lanes)
    assert (vector.lanes, vector.itemsize, vector.name) == (lanes, 4 * lanes, f"float32x{lanes}")
    a = ctx.create_array(vector, (3,))
    assert (a.type, a.size) == (vector, 12 * lanes)
    a.publish("x")
    assert ctx.get("x").type == vector


@pytest.mark.parametrize("name", DATA_TYPES)
def test_a_data_type_survives_pickle_and_copy(name: str) -> None:
    known = constant(name)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(known, protocol)) == known
    assert copy.copy(known) == copy.deepcopy(known) == known
    assert pickle.loads(pickle.dumps(fastio.DataType(2, 32, 4))) == fastio.DataType(2, 32, 4)


def test_repr_of_a_data_type_is_how_it_is_spelled() -> None:
    for name in DATA_TYPES:
        assert eval(repr(constant(name)), {"fastio": fastio}) == constant(name)
    assert "float32x4" in repr(fastio.DataType(2, 32, 4))


@pytest.mark.parametrize(
    "arguments",
    [
        (2, 33),
        (2, 0),
        (2, 8),
        (-1, 8),
        (2, -32),
        (99, 8),
        (3, 64),
        (4, 32),
        (6, 1),
        (2, 32, 0),
        (2, 32, 17),
        (2, 32, -1),
    ],
    ids=str,
)
def test_a_data_type_that_does_not_exist_is_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match="no such type"):
        fastio.DataType(*arguments)


def test_a_type_equals_whatever_names_it(ctx: fastio.FastIOContext) -> None:
    made = ctx.create_array(fastio.float32, (2,))
    for same in (fastio.float32, "float32", np.dtype("float32")):
        assert made.type == same and fastio.float32 == same
    assert fastio.float32.dtype == np.float32 and np.zeros(1, fastio.float32.dtype).itemsize == 4
    wide = ctx.create_array("bfloat16", (2,))
    assert wide.type == "bfloat16" and wide.type == fastio.bfloat16 and wide.type != "float16"
    assert fastio.float32 != "float64" and fastio.float32 != np.float64 and fastio.float32 != 4
    with pytest.raises(AttributeError, match="bfloat16"):
        _ = fastio.bfloat16.dtype
