"""publish_array of arrays of other libraries: DLPack, the array interfaces, the buffer protocol."""

from __future__ import annotations

import array
import ctypes
import gc
from typing import Any

import numpy as np
import pytest

import fastio
from conftest import package

NUMPY_TYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
CUBE = np.arange(24, dtype=np.int32).reshape(2, 3, 4)


def published(ctx: fastio.FastIOContext, array: Any, **options: Any) -> fastio.FastIOAllocation:
    ctx.publish_array(array, "x", **options)
    return ctx.get("x")


def assert_nothing_happened(ctx: fastio.FastIOContext) -> None:
    gc.collect()
    stats = ctx.stats()
    assert (stats.allocations, stats.publications, stats.own_leases, stats.bytes_in_use) == (0, 0, 0, 0)


def test_a_tensor_of_torch_arrives(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    a = published(ctx, torch.arange(6, dtype=torch.float32).reshape(2, 3))
    assert (a.type, a.dimensions, np.asarray(a).tolist()) == (np.float32, (2, 3), [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize(
    "name", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64"]
)
def test_the_types_of_torch_arrive(ctx: fastio.FastIOContext, name: str) -> None:
    torch = package("torch")
    a = published(ctx, torch.tensor([1, 0, 3]).to(getattr(torch, name)))
    assert (a.type, np.asarray(a).tolist()) == (np.dtype(name), [1, 0, 3])


@pytest.mark.parametrize(
    "expression",
    [
        "torch.arange(6).reshape(2, 3).t()",
        "torch.arange(12).reshape(2, 3, 2).permute(2, 0, 1)",
        "torch.arange(6)[::2]",
        "torch.arange(6)[4:]",
        "torch.arange(3).expand(2, 3)",
        "torch.tensor(7)",
        "torch.empty(0, 3)",
        "torch.ones(3, 4)[:, 1]",
    ],
)
def test_tensors_of_torch_arrive_in_c_order(ctx: fastio.FastIOContext, expression: str) -> None:
    torch = package("torch")
    tensor = eval(expression, {"torch": torch})
    a = published(ctx, tensor)
    assert (a.dimensions, np.asarray(a).tolist()) == (tuple(tensor.shape), tensor.tolist())


def test_bfloat16_of_torch_arrives(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    tensor = torch.tensor([[1.5, -2.0, 0.0], [4.0, 5.0, 6.0]], dtype=torch.bfloat16)
    a = published(ctx, tensor.t())
    assert (a.type, a.dimensions, a.size) == (fastio.bfloat16, (3, 2), 12)
    assert torch.from_dlpack(a).tolist() == tensor.t().tolist()


def test_bools_of_torch_arrive_whether_its_dlpack_has_them_or_not(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    a = published(ctx, torch.tensor([True, False]))
    assert (a.type, np.asarray(a).tolist()) == (np.dtype(bool), [True, False])


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("torch.ones(2, requires_grad=True)", "gradient"),
        ("torch.ones(2, dtype=torch.complex64).conj()", "conjugate"),
        ("torch.eye(2).to_sparse()", "layout"),
        ("torch.ones(2, device='meta')", "meta"),
    ],
)
def test_what_torch_does_not_export_is_refused_in_its_words(
    ctx: fastio.FastIOContext, expression: str, reason: str
) -> None:
    torch = package("torch")
    with pytest.raises(Exception, match=reason):
        ctx.publish_array(eval(expression, {"torch": torch}), "x")
    assert_nothing_happened(ctx)


def test_a_tensor_is_not_kept(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    import weakref

    tensor = torch.arange(6)
    gone = weakref.ref(tensor)
    ctx.publish_array(tensor, "x")
    del tensor
    gc.collect()
    assert gone() is None


def test_an_array_is_not_kept(ctx: fastio.FastIOContext) -> None:
    import weakref

    class Own(np.ndarray):
        pass

    values = np.arange(6).view(Own)
    gone = weakref.ref(values)
    ctx.publish_array(values, "x")
    ctx.publish_array(values.astype(">i4"), "y")
    del values
    gc.collect()
    assert gone() is None


class OnlyInterface:
    def __init__(self, interface: Any) -> None:
        self.__array_interface__ = interface


class OnlyArray:
    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._values


class OldDlpack:
    """As libraries spoke it before DLPack 1.0."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(self, stream: Any = None) -> Any:
        assert stream is None
        return self._values.__dlpack__()


class NewDlpack:
    """As the array API standard has it since 2023.12: this one gives what was asked for."""

    def __init__(self, exporter: fastio.FastIOAllocation) -> None:
        self._exporter = exporter
        self.asked: list[dict[str, Any]] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._exporter.__dlpack_device__()

    def __dlpack__(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        return self._exporter.__dlpack__(**arguments)


def test_an_object_with_the_array_interface_alone_arrives(ctx: fastio.FastIOContext) -> None:
    for values in (CUBE, CUBE[::-1, :, ::2], np.array(3.5), np.zeros((0, 2)), np.arange(3, dtype=">i2")):
        ctx.publish_array(OnlyInterface(values.__array_interface__), "x", replace=True)
        a = ctx.get("x")
        assert (a.dimensions, np.asarray(a).tolist()) == (values.shape, values.tolist())


def test_an_object_with_array_alone_arrives(ctx: fastio.FastIOContext) -> None:
    assert np.array_equal(np.asarray(published(ctx, OnlyArray(CUBE.T))), CUBE.T)


def test_an_object_with_dlpack_of_before_version_1_arrives(ctx: fastio.FastIOContext) -> None:
    assert np.array_equal(np.asarray(published(ctx, OldDlpack(CUBE[:, ::2]))), CUBE[:, ::2])


def test_an_object_with_dlpack_of_version_1_arrives(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array("int32", (2, 2), zero=True)
    source = NewDlpack(a)
    assert np.asarray(published(ctx, source)).tolist() == [[0, 0], [0, 0]]
    assert source.asked[-1]["max_version"][0] == 1
    assert source.asked[-1].get("stream") is None


def test_a_read_only_object_with_dlpack_arrives(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array("int32", (2, 2), zero=True)
    a._set_read_only()
    assert np.asarray(published(ctx, NewDlpack(a))).tolist() == [[0, 0], [0, 0]]
    ctx.publish_array(a, "y")
    got = ctx.get("y")
    assert not got.read_only and np.asarray(got).flags.writeable


@pytest.mark.parametrize(
    ("source", "type_", "values"),
    [
        (b"abc", "uint8", [97, 98, 99]),
        (b"", "uint8", []),
        (b"\0a\0", "uint8", [0, 97, 0]),
        (bytearray(b"abc"), "uint8", [97, 98, 99]),
        (memoryview(b"abc"), "uint8", [97, 98, 99]),
        (memoryview(b"abcdef")[::-2], "uint8", [102, 100, 98]),
        (memoryview(bytes(8)).cast("H", (2, 2)), "uint16", [[0, 0], [0, 0]]),
        (array.array("d", [1, 2.5]), "float64", [1, 2.5]),
        (array.array("h", [-1, 2]), "int16", [-1, 2]),
        (array.array("Q"), "uint64", []),
        ((ctypes.c_int * 3)(1, 2, 3), "int32", [1, 2, 3]),
        (((ctypes.c_float * 2) * 2)(), "float32", [[0, 0], [0, 0]]),
    ],
    ids=lambda value: "",
)
def test_what_has_the_buffer_protocol_arrives(
    ctx: fastio.FastIOContext, source: Any, type_: str, values: list[Any]
) -> None:
    a = published(ctx, source)
    assert (a.type, np.asarray(a).tolist()) == (np.dtype(type_), values)


def test_a_buffer_is_not_kept(ctx: fastio.FastIOContext) -> None:
    source = bytearray(b"abc")
    ctx.publish_array(source, "x")
    source.extend(b"which an export would forbid")
    assert np.asarray(ctx.get("x")).tobytes() == b"abc"


@pytest.mark.parametrize("type_", ["float32", "bool", "bfloat16", "float8_e4m3fn", fastio.DataType(2, 32, 4)], ids=str)
def test_another_allocation_arrives_as_a_copy(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, type_: Any
) -> None:
    source = other.create_array(type_, (2, 3), zero=True)
    a = published(ctx, source)
    assert (a.type, a.dimensions, a.size) == (source.type, (2, 3), source.size)
    assert a.data_ptr != source.data_ptr
    for allocation in (source, a):
        allocation.set_type_and_dimensions("uint8", (allocation.size,))
    np.asarray(source)[:] = 1
    assert not np.asarray(a).any()


def test_ml_dtypes_arrive(ctx: fastio.FastIOContext) -> None:
    ml_dtypes = package("ml_dtypes")
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz"):
        values = np.array([0, 1, 2, -1.5]).astype(getattr(ml_dtypes, name))
        ctx.publish_array(values, name)
        a = ctx.get(name)
        assert (a.type, a.dimensions) == (getattr(fastio, name), (4,))
        a.set_type_and_dimensions("uint8", (a.size,))
        assert np.asarray(a).tobytes() == values.tobytes()


def test_an_error_of_the_arrays_own_comes_through(ctx: fastio.FastIOContext) -> None:
    class Broken:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            raise LookupError("my own")

    class BrokenDlpack(OldDlpack):
        def __dlpack__(self, stream: Any = None, max_version: Any = None) -> Any:
            raise LookupError("my own")

    for broken in (Broken(), BrokenDlpack(CUBE)):
        with pytest.raises(LookupError, match="my own"):
            ctx.publish_array(broken, "x")
    assert_nothing_happened(ctx)
