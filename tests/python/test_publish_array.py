"""FastIOContext.publish_array: every array of the host that there is, and what it refuses."""

from __future__ import annotations

import gc
import pathlib
from typing import Any

import numpy as np
import pytest

import fastio

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


# Arrays of NumPy


@pytest.mark.parametrize("name", NUMPY_TYPES)
def test_every_type_arrives(ctx: fastio.FastIOContext, other: fastio.FastIOContext, name: str) -> None:
    values = np.array([[0, 1], [100, 3], [0, 1]]).astype(name)
    ctx.publish_array(values, "x")
    a = other.get("x")
    assert (a.type, a.dimensions, a.size) == (np.dtype(name), (3, 2), values.nbytes)
    assert np.array_equal(np.asarray(a), values)


@pytest.mark.parametrize("name", [name for name in NUMPY_TYPES if np.dtype(name).itemsize > 1])
def test_swapped_bytes_arrive_in_native_order(ctx: fastio.FastIOContext, name: str) -> None:
    values = np.array([[0, 1], [100, 3]]).astype(name)
    swapped = values.astype(values.dtype.newbyteorder("S"))
    assert not swapped.dtype.isnative
    a = published(ctx, swapped)
    assert (a.type, a.type.isnative) == (values.dtype, True)
    assert np.array_equal(np.asarray(a), values)


def test_big_endian_floats_have_the_right_values(ctx: fastio.FastIOContext) -> None:
    a = published(ctx, np.array([1.5, -2, 1e30], dtype=">f4")[::-1])
    assert a.type == np.dtype("<f4")
    assert np.asarray(a).tolist() == [np.float32(1e30), -2, 1.5]


@pytest.mark.parametrize(
    "strided",
    [
        CUBE,
        np.asfortranarray(CUBE),
        CUBE.T,
        CUBE.transpose(1, 0, 2),
        CUBE[:, ::2, :],
        CUBE[:, :, 1:3],
        CUBE[::-1],
        CUBE[::-1, ::-1, ::-1],
        CUBE[1:, ::-2, ::3],
        CUBE[:, 1, :],
        CUBE[:, np.newaxis],
        np.broadcast_to(np.arange(4), (3, 4)),
        np.broadcast_to(np.int16(7), (2, 3, 2)),
        np.broadcast_to(np.arange(3)[:, np.newaxis], (3, 5)),
        np.lib.stride_tricks.sliding_window_view(np.arange(6), 3),
        np.zeros(4, dtype="i1,f8")["f1"],
        np.arange(4, dtype=np.complex128).imag,
        np.frombuffer(bytes(range(17)), np.uint8)[1:].view(np.float32),
        np.array(7.5),
        np.zeros((0,)),
        np.zeros((3, 0, 2))[::-1],
        np.zeros((0, 4)).T,
        np.zeros((1,) * 8, np.int8),
    ],
    ids=lambda array: f"{array.dtype}{list(array.shape)} by {list(array.strides)}",
)
def test_every_layout_arrives_in_c_order(ctx: fastio.FastIOContext, strided: np.ndarray) -> None:
    before = strided.tolist()
    a = published(ctx, strided)
    got = np.asarray(a)
    assert (a.dimensions, a.type, a.size) == (strided.shape, strided.dtype, strided.nbytes)
    assert got.flags.c_contiguous
    if got.size > 0:  # else NumPy's versions differ in what they say
        assert got.strides == np.empty(strided.shape, strided.dtype).strides
    assert got.tolist() == before == strided.tolist()


def test_bools_keep_their_values(ctx: fastio.FastIOContext) -> None:
    assert np.asarray(published(ctx, np.array([True, False, True])[::-1])).tolist() == [True, False, True]


def test_signs_and_specials_keep_their_bits(ctx: fastio.FastIOContext) -> None:
    values = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
    assert np.asarray(published(ctx, values)).tobytes() == values.tobytes()


def test_a_read_only_array_arrives_writable(ctx: fastio.FastIOContext) -> None:
    values = np.arange(3)
    values.setflags(write=False)
    got = np.asarray(published(ctx, values))
    got[0] = 9
    assert (got.tolist(), values.tolist()) == ([9, 1, 2], [0, 1, 2])


def test_the_contents_are_copied(ctx: fastio.FastIOContext) -> None:
    values = np.arange(3)
    a = published(ctx, values)
    values[:] = -1
    assert np.asarray(a).tolist() == [0, 1, 2]


def test_large_arrays_arrive(ctx: fastio.FastIOContext) -> None:
    values = np.arange(5_000_000, dtype=np.uint32).reshape(1000, 5000)
    assert np.array_equal(np.asarray(published(ctx, values.T)), values.T)


def test_a_scalar_of_numpy_is_an_array_without_dimensions(ctx: fastio.FastIOContext) -> None:
    a = published(ctx, np.float32(2.5))
    assert (a.type, a.dimensions, np.asarray(a).item()) == (np.float32, (), 2.5)


# Subclasses


def test_a_memmap_arrives(ctx: fastio.FastIOContext, tmp_path: pathlib.Path) -> None:
    mapped = np.memmap(tmp_path / "file", dtype=np.int16, mode="w+", shape=(3, 4))
    mapped[:] = np.arange(12).reshape(3, 4)
    assert np.array_equal(np.asarray(published(ctx, mapped[:, ::2])), np.arange(12).reshape(3, 4)[:, ::2])


def test_a_matrix_arrives_with_both_dimensions(ctx: fastio.FastIOContext) -> None:
    a = published(ctx, np.matrix([[1, 2], [3, 4]]).T)
    assert (a.dimensions, np.asarray(a).tolist()) == ((2, 2), [[1, 3], [2, 4]])


def test_a_subclass_of_ones_own_arrives(ctx: fastio.FastIOContext) -> None:
    class Own(np.ndarray):
        def __array_finalize__(self, source: Any) -> None:
            self.unit = getattr(source, "unit", "mm")

    assert np.asarray(published(ctx, np.arange(3).view(Own))).tolist() == [0, 1, 2]


@pytest.mark.parametrize("mask", [[True, False], False])
def test_a_masked_array_is_refused(ctx: fastio.FastIOContext, mask: Any) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match="masked.*fill"):
        ctx.publish_array(np.ma.array([1.0, 2.0], mask=mask), "x")
    assert_nothing_happened(ctx)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (np.array([None, {}]), "object.*references to Python objects"),
        (np.array(None), "object"),
        (np.array(["text"]), "<U4.*no texts"),
        (np.array(["text"]).astype(">U4"), "no texts"),
        (np.array([b"bytes"]), "S5.*no texts"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64.*no times"),
        (np.array(["2020-01-01"], ">M8[s]"), "datetime64.*no times"),
        (np.array([1], "m8[s]"), "timedelta64.*no times"),
        (np.zeros(2, "f4,i4"), "f0.*one type"),
        (np.zeros(2, ">f4,>i4"), "f0.*one type"),
        (np.rec.array([(1, 2.0)], dtype="i4,f4"), "one type"),
        (np.zeros(2, "V8"), "V8.*no such type"),
        (np.zeros(2, np.longdouble), "float128.*no such type"),
        (np.zeros(2, np.clongdouble), "complex256.*no such type"),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else "",
)
def test_what_other_processes_could_not_understand_is_refused_with_the_reason(
    ctx: fastio.FastIOContext, refused: np.ndarray, reason: str
) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match=f"publish_array.*{reason}"):
        ctx.publish_array(refused, "x")
    assert_nothing_happened(ctx)


def test_more_than_8_dimensions_are_refused(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match="9 dimensions.*8"):
        ctx.publish_array(np.zeros((1,) * 9), "x")
    assert_nothing_happened(ctx)


# What is no array, and arrays elsewhere


@pytest.mark.parametrize(
    "value",
    [[1, 2], (1, 2), [], None, 3, 2.5, 1j, True, "text", {}, {1}, object(), range(3), np.float32, lambda: None],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_is_a_type_error(ctx: fastio.FastIOContext, value: Any) -> None:
    with pytest.raises(TypeError, match=f"publish_array.*{type(value).__name__}.*numpy"):
        ctx.publish_array(value, "x")
    assert_nothing_happened(ctx)


class CudaArray:
    """An array of a GPU at an address that nobody may read."""

    def __init__(self, **changes: Any) -> None:
        self.__cuda_array_interface__ = {
            "version": 3,
            "shape": (4,),
            "typestr": "<f4",
            "data": (0xDEAD0000, False),
            "strides": None,
            "stream": None,
            **changes,
        }


class CudaTensor:
    """The same, by DLPack."""

    def __init__(self, device: tuple[int, int]) -> None:
        self._device = device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("its contents were asked for")


@pytest.mark.parametrize("shape", [(4,), (), (0,), (2, 3)])
@pytest.mark.parametrize("stream", [None, 1, 2, 77])
def test_an_array_of_a_gpu_is_unsupported_in_a_context_of_the_host(
    ctx: fastio.FastIOContext, shape: tuple[int, ...], stream: Any
) -> None:
    with pytest.raises(fastio.UnsupportedError, match="publish_array.*GPU.*host"):
        ctx.publish_array(CudaArray(shape=shape, stream=stream), "x")
    assert_nothing_happened(ctx)


@pytest.mark.parametrize("device", [(2, 0), (2, 7), (13, 0)])
def test_a_tensor_of_a_gpu_is_unsupported_in_a_context_of_the_host(
    ctx: fastio.FastIOContext, device: tuple[int, int]
) -> None:
    with pytest.raises(fastio.UnsupportedError, match="publish_array.*GPU.*host"):
        ctx.publish_array(CudaTensor(device), "x")
    assert_nothing_happened(ctx)


def test_a_tensor_of_another_kind_of_device_is_unsupported(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.UnsupportedError, match="publish_array.*device type 8"):
        ctx.publish_array(CudaTensor((8, 0)), "x")
    assert_nothing_happened(ctx)


# Names, attributes, replace


def test_it_returns_none_and_keeps_no_reference(ctx: fastio.FastIOContext) -> None:
    assert ctx.publish_array(np.zeros(3), "x") is None
    assert ctx.stats().own_leases == 0
    ctx.unpublish("x")
    assert_nothing_happened(ctx)


def test_the_publication_has_the_attributes(ctx: fastio.FastIOContext) -> None:
    a = published(ctx, np.zeros(3), attributes={"größe": "5 µm"})
    assert a.attributes == ctx.list()[0].attributes == {"größe": "5 µm"}


def test_a_taken_name_needs_replace(ctx: fastio.FastIOContext) -> None:
    first = published(ctx, np.array([1]))
    with pytest.raises(fastio.AlreadyExistsError, match="x"):
        ctx.publish_array(np.array([2]), "x")
    assert (ctx.stats().allocations, np.asarray(ctx.get("x"))[0]) == (1, 1)
    second = published(ctx, np.array([3]), replace=True)
    assert (np.asarray(first)[0], np.asarray(second)[0]) == (1, 3)
    assert second.version > first.version


def test_a_stream_for_memory_of_the_host_is_unsupported(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.UnsupportedError, match="stream"):
        ctx.publish_array(np.zeros(3), "x", stream=1)
    assert_nothing_happened(ctx)
