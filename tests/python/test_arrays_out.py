"""Arrays of other libraries over an allocation: without a copy, and for as long as anybody holds one."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

import fastio
from array_views import (
    DIMENSIONS,
    HOST,
    NUMPY_TYPES,
    OTHER_TYPES,
    VIEWS,
    WRITERS,
    by_hand,
    filled,
)
from conftest import Script, package

Join = Callable[..., fastio.FastIOContext]


# The same memory


@pytest.mark.parametrize("written", WRITERS)
def test_what_one_view_writes_all_others_read(ctx: fastio.FastIOContext, written: str) -> None:
    a = filled(ctx)
    views = {name: view(a) for name, view in VIEWS.items()}
    views[written][1, 2] = 7.5
    assert {name: float(view[1, 2]) for name, view in views.items()} == dict.fromkeys(VIEWS, 7.5)
    assert ctypes.c_float.from_address(a.data_ptr + 5 * 4).value == 7.5


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_where_the_memory_is(ctx: fastio.FastIOContext, name: str) -> None:
    a = filled(ctx)
    view = VIEWS[name](a)
    assert view.__array_interface__["data"][0] == a.data_ptr
    assert (view.shape, view.strides, view.dtype) == ((2, 3), (12, 4), np.float32)
    assert view.flags.c_contiguous and not view.flags.owndata
    assert view.flags.writeable or name not in WRITERS


@pytest.mark.parametrize("name", VIEWS)
def test_what_another_process_writes_a_view_reads(ctx: fastio.FastIOContext, script: Script, name: str) -> None:
    a = filled(ctx)
    a.publish("x")
    view = VIEWS[name](a)
    np.asarray(a)[0, 0] = 3.5
    printed = script.run(
        """
import fastio, numpy
ctx = fastio.FastIOContext()
array = numpy.asarray(ctx.get("x"))
print(array.tolist())
array[1, 1] = -8
"""
    )
    assert printed == "[[3.5, 0.0, 0.0], [0.0, 0.0, 0.0]]\n"
    assert view[1, 1] == -8


@pytest.mark.parametrize("name", WRITERS)
def test_a_view_in_another_process_writes_what_is_read_here(
    ctx: fastio.FastIOContext, script: Script, name: str
) -> None:
    if name.startswith("torch"):
        package("torch")
    a = filled(ctx)
    a.publish("x")
    make = {
        "asarray": "numpy.asarray(a)",
        "numpy": "a.numpy()",
        "map": "a.map()",
        "__array__": "a.__array__()",
        "array_interface": "numpy.asarray(type('H', (), {'__array_interface__': a.__array_interface__})())",
        "memoryview": "memoryview(a)",
        "torch.from_dlpack": "__import__('torch').from_dlpack(a)",
    }[name]
    script.run(f"import fastio, numpy; a = fastio.FastIOContext().get('x'); view = {make}; view[1, 0] = 6.25")
    assert np.asarray(a).tolist() == [[0, 0, 0], [6.25, 0, 0]]


# NumPy and the buffer protocol


@pytest.mark.parametrize("name", NUMPY_TYPES)
def test_every_type_of_numpy_makes_the_round_trip(ctx: fastio.FastIOContext, script: Script, name: str) -> None:
    values = np.array([[0, 1, 1], [1, 0, 100]]).astype(name)
    ctx.publish_array(values, "x")
    a = ctx.get("x")
    assert a.type == values.dtype
    for view in (np.asarray(a), a.numpy(), a.map(), by_hand(a.__array_interface__)):
        assert view.dtype == values.dtype
        assert np.array_equal(view, values)
    if name != "bool":  # which NumPy's own from_dlpack lacked before 1.25
        assert np.array_equal(np.from_dlpack(a), values)
        assert np.from_dlpack(a).dtype == values.dtype


@pytest.mark.parametrize("name", NUMPY_TYPES)
def test_a_memoryview_has_the_format_of_numpys(ctx: fastio.FastIOContext, name: str) -> None:
    values = np.array([[0, 1, 1], [1, 0, 100]]).astype(name)
    ctx.publish_array(values, "x")
    view, expected = memoryview(ctx.get("x")), memoryview(values)
    assert (view.format, view.itemsize, view.ndim) == (expected.format, expected.itemsize, 2)
    assert (view.shape, view.strides, view.nbytes) == (expected.shape, expected.strides, expected.nbytes)
    assert (view.readonly, view.c_contiguous, view.tobytes()) == (False, True, expected.tobytes())


@pytest.mark.parametrize("dimensions", DIMENSIONS, ids=str)
def test_every_shape_makes_the_round_trip(ctx: fastio.FastIOContext, dimensions: tuple[int, ...]) -> None:
    values = np.arange(np.prod(dimensions, dtype=int), dtype=np.float32).reshape(dimensions)
    ctx.publish_array(values, "x")
    a = ctx.get("x")
    for name, make in VIEWS.items():
        view = make(a)
        assert (name, view.shape) == (name, dimensions)
        assert view.tolist() == values.tolist()
    assert memoryview(a).shape == dimensions
    assert a.__array_interface__["shape"] == dimensions


def test_a_smaller_array_than_the_memory_is_its_beginning(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(100, zero=True)
    np.asarray(a)[:] = range(100)
    a.set_type_and_dimensions("uint8", (2, 3))
    for make in VIEWS.values():
        assert make(a).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert memoryview(a).nbytes == 6


def test_arrays_keep_the_metadata_that_they_were_made_with(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(24, zero=True)
    made = [make(a) for make in VIEWS.values()]
    a.set_type_and_dimensions("float64", (3,))
    assert {(view.shape, str(view.dtype)) for view in made} == {((24,), "uint8")}
    assert np.asarray(a).shape == (3,)


def test_the_array_interface_is_of_version_3(ctx: fastio.FastIOContext) -> None:
    interface = filled(ctx, "int16").__array_interface__
    assert isinstance(interface, dict)
    assert (interface["version"], interface["typestr"], interface["shape"]) == (3, "<i2", (2, 3))
    assert interface.get("strides") is None
    data = interface["data"]
    assert isinstance(data, tuple) or memoryview(data).nbytes == 12


def test_memory_of_the_host_has_no_interface_of_cuda(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    assert not hasattr(a, "__cuda_array_interface__")
    assert hasattr(a, "__array_interface__")
    assert a.__dlpack_device__() == HOST


def test_array_converts_to_another_type_with_a_copy(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    for converted in (a.__array__(np.float64), a.__array__(dtype="f8"), np.asarray(a, dtype=float)):
        assert (converted.dtype, converted.tolist()) == (np.float64, [[0, 0, 0]] * 2)
        converted[0, 0] = 1
    assert not np.asarray(a).any()


def test_array_copies_where_a_copy_is_asked_for(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    for copied in (np.array(a, copy=True), a.__array__(copy=True), a.__array__(np.float32, True), np.array(a)):
        assert (copied.dtype, copied.shape) == (np.float32, (2, 3))
        copied[0, 0] = 1
    assert not np.asarray(a).any()
    shared = a.__array__(np.float32, copy=False)
    shared[0, 0] = 1
    assert np.asarray(a)[0, 0] == 1
    with pytest.raises(ValueError, match="copy"):
        a.__array__(np.float64, copy=False)


def test_unmap_leaves_arrays_valid(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    array = a.map()
    a.unmap()
    array[0, 0] = 4
    assert a.map()[0, 0] == 4


# Types that NumPy lacks


@pytest.mark.parametrize("name", [*OTHER_TYPES, "lanes"])
def test_a_type_that_numpy_lacks_is_no_array_of_numpy_and_says_why(ctx: fastio.FastIOContext, name: str) -> None:
    a = filled(ctx, fastio.DataType(2, 32, 4) if name == "lanes" else name, (4,))
    spelled = "float32x4" if name == "lanes" else name
    assert not hasattr(a, "__array_interface__")
    assert not hasattr(a, "__cuda_array_interface__")
    for call in (lambda: a.numpy(), lambda: a.map(), lambda: a.__array__(), lambda: np.asarray(a), lambda: np.array(a)):
        with pytest.raises(fastio.UnsupportedError, match=f"{spelled}.*(from_dlpack|set_type_and_dimensions)"):
            call()
    with pytest.raises(BufferError, match="no such type"):
        memoryview(a)
    assert ctx.stats().own_leases == 1
    a.set_type_and_dimensions("uint8", (4,))
    assert np.asarray(a).shape == (4,)


def test_torch_has_bfloat16(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    a = ctx.create_array("bfloat16", (2, 2), zero=True)
    tensor = torch.from_dlpack(a)
    assert (tensor.dtype, tuple(tensor.shape), tensor.data_ptr()) == (torch.bfloat16, (2, 2), a.data_ptr)
    tensor[1, 0] = 1.5
    a.set_type_and_dimensions("uint16", (4,))
    assert np.asarray(a).tolist() == [0, 0, 0x3FC0, 0]  # the upper half of float32's 1.5


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "complex64"])
def test_torch_has_the_types_of_numpy(ctx: fastio.FastIOContext, name: str) -> None:
    torch = package("torch")
    ctx.publish_array(np.array([[1, 2, 3], [4, 5, 6]]).astype(name), "x")
    a = ctx.get("x")
    tensor = torch.from_dlpack(a)
    assert (tensor.dtype, tensor.tolist()) == (getattr(torch, name), [[1, 2, 3], [4, 5, 6]])
    assert (tensor.data_ptr(), tensor.device.type, tensor.is_contiguous()) == (a.data_ptr, "cpu", True)
