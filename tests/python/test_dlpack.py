"""DLPack, and memory that may only be read."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastio
from array_views import (
    CUDA,
    DIMENSIONS,
    HOST,
    IS_COPIED,
    READ_ONLY,
    by_hand,
    consume,
    filled,
    managed,
    python,
)

Join = Callable[..., fastio.FastIOContext]


# DLPack


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("dimensions", DIMENSIONS, ids=str)
def test_a_capsule_has_the_tensor_that_dlpack_describes(
    ctx: fastio.FastIOContext, dimensions: tuple[int, ...], versioned: bool
) -> None:
    a = ctx.create_array("float32", dimensions)
    capsule = a.__dlpack__(max_version=(1, 0)) if versioned else a.__dlpack__()
    assert python.PyCapsule_GetName(capsule) == (b"dltensor_versioned" if versioned else b"dltensor")
    tensor = managed(capsule).dl_tensor
    assert (tensor.ndim, tensor.device.device_type, tensor.device.device_id) == (len(dimensions), 1, 0)
    assert (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) == (2, 32, 1)
    assert tuple(tensor.shape[: tensor.ndim]) == dimensions
    if a.count:
        assert tensor.data + tensor.byte_offset == a.data_ptr
        expected = np.empty(dimensions, np.float32).strides
        assert tuple(4 * stride for stride in tensor.strides[: tensor.ndim]) == expected
    if versioned:
        assert (managed(capsule).major, managed(capsule).flags) == (1, 0)


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("bool", (6, 8, 1)),
        ("int8", (0, 8, 1)),
        ("int64", (0, 64, 1)),
        ("uint16", (1, 16, 1)),
        ("float16", (2, 16, 1)),
        ("float64", (2, 64, 1)),
        ("bfloat16", (4, 16, 1)),
        ("complex64", (5, 64, 1)),
        ("complex128", (5, 128, 1)),
        ("float8_e4m3fn", (10, 8, 1)),
        ("float8_e5m2", (12, 8, 1)),
        (fastio.DataType(2, 32, 4), (2, 32, 4)),
    ],
    ids=str,
)
def test_a_capsule_has_the_type_as_dlpack_numbers_it(
    ctx: fastio.FastIOContext, type_: Any, expected: tuple[int, int, int]
) -> None:
    a = ctx.create_array(type_, (3,))
    for capsule in (a.__dlpack__(), a.__dlpack__(max_version=(1, 0))):
        found = managed(capsule).dl_tensor.dtype
        assert (found.code, found.bits, found.lanes) == expected


@pytest.mark.parametrize(
    ("max_version", "name"),
    [
        (None, b"dltensor"),
        ((0, 8), b"dltensor"),
        ((1, 0), b"dltensor_versioned"),
        ((1, 1), b"dltensor_versioned"),
        ((1, 9), b"dltensor_versioned"),
        ((2, 0), b"dltensor_versioned"),
    ],
)
def test_the_version_is_what_the_consumer_can_take(
    ctx: fastio.FastIOContext, max_version: tuple[int, int] | None, name: bytes
) -> None:
    capsule = filled(ctx).__dlpack__(max_version=max_version)
    assert python.PyCapsule_GetName(capsule) == name
    if name == b"dltensor_versioned":
        assert managed(capsule).major == 1


def test_the_memorys_own_device_and_no_copy_may_be_asked_for(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    for capsule in (a.__dlpack__(dl_device=HOST), a.__dlpack__(copy=False), a.__dlpack__(stream=None, copy=None)):
        assert managed(capsule).dl_tensor.data == a.data_ptr


@pytest.mark.parametrize("arguments", [{"dl_device": CUDA}, {"dl_device": (1, 1)}, {"copy": True}], ids=str)
@pytest.mark.parametrize("max_version", [None, (1, 0)])
def test_another_device_or_a_copy_is_a_buffer_error(
    ctx: fastio.FastIOContext, arguments: dict[str, Any], max_version: tuple[int, int] | None
) -> None:
    a = filled(ctx)
    with pytest.raises(BufferError, match="host|copy"):
        a.__dlpack__(max_version=max_version, **arguments)


@pytest.mark.parametrize("stream", [-1, 1, 2, 12345])
def test_a_stream_for_memory_of_the_host_is_unsupported(ctx: fastio.FastIOContext, stream: int) -> None:
    a = filled(ctx)
    with pytest.raises(fastio.UnsupportedError, match="stream.*host"):
        a.__dlpack__(stream=stream)
    a.release()
    assert ctx.stats().own_leases == 0


@pytest.mark.parametrize("versioned", [False, True])
def test_a_consumed_tensor_keeps_the_memory_until_its_deleter_is_called(
    ctx: fastio.FastIOContext, versioned: bool
) -> None:
    a = filled(ctx)
    capsule = a.__dlpack__(max_version=(1, 0) if versioned else None)
    taken = consume(capsule)
    del capsule
    a.release()
    del a
    gc.collect()
    assert ctx.stats().own_leases == 1
    ctypes.c_float.from_address(taken.dl_tensor.data).value = 2.5
    taken.deleter(ctypes.addressof(taken))
    assert ctx.stats().own_leases == 0


def test_a_deleter_may_be_called_without_the_gil(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    taken = consume(a.__dlpack__())
    a.release()
    # ctypes lets go of the GIL for foreign functions.
    taken.deleter(ctypes.addressof(taken))
    assert ctx.stats().own_leases == 0


# Read-only memory


def test_read_only_memory_cannot_be_written_through_numpy(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    a._set_read_only()
    assert a.read_only
    for make in (np.asarray, lambda a: a.numpy(), lambda a: a.map(), lambda a: a.__array__()):
        array = make(a)
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)
    assert not by_hand(a.__array_interface__).flags.writeable
    assert memoryview(a).readonly
    with pytest.raises(TypeError, match="read-only"):
        memoryview(a)[0, 0] = 1
    with pytest.raises((TypeError, BufferError)):
        (ctypes.c_char * 4).from_buffer(a)
    assert np.asarray(a).tolist() == [[0, 0, 0]] * 2


def test_a_copy_of_read_only_memory_can_be_written(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    a._set_read_only()
    for copied in (np.array(a, copy=True), a.__array__(copy=True), a.__array__(np.float64)):
        copied[0, 0] = 1
    assert np.asarray(a)[0, 0] == 0


def test_read_only_memory_needs_a_consumer_that_knows_of_it(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    a._set_read_only()
    for max_version in (None, (0, 8)):
        with pytest.raises(BufferError, match="read-only"):
            a.__dlpack__(max_version=max_version)
    tensor = managed(a.__dlpack__(max_version=(1, 0)))
    assert tensor.flags & READ_ONLY and not tensor.flags & IS_COPIED


def test_arrays_from_before_stay_writable(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    before = np.asarray(a)
    a._set_read_only()
    before[0, 0] = 3
    assert np.asarray(a)[0, 0] == 3


def test_read_only_is_of_one_reference(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.zeros(2), "x")
    a, b = ctx.get("x"), ctx.get("x")
    a._set_read_only()
    assert (a.read_only, b.read_only) == (True, False)
    assert np.asarray(b).flags.writeable
