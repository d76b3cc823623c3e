"""copy_from: arrays into memory that was created before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastio
from conftest import package

WANTED = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize(
    "array",
    [WANTED, np.asfortranarray(WANTED), np.repeat(WANTED, 2, axis=1)[:, ::2], WANTED.astype(">f4"), memoryview(WANTED)],
    ids=["c", "fortran", "strided", "swapped", "buffer"],
)
def test_arrays_of_any_order_arrive_in_c_order(ctx: fastio.FastIOContext, array: Any) -> None:
    a = ctx.create_array(np.float32, (2, 3))
    a.copy_from(array)
    assert np.array_equal(a.numpy(), WANTED)


def test_tensors_of_torch_arrive(ctx: fastio.FastIOContext) -> None:
    torch = package("torch")
    a = ctx.create_array(np.float32, (3, 2))
    a.copy_from(torch.from_numpy(WANTED).t())
    assert np.array_equal(a.numpy(), WANTED.T)


@pytest.mark.parametrize("shape", [(2, 3), (3, 1, 4), (0, 2)])
def test_tensors_of_a_type_that_numpy_lacks_arrive_in_c_order(
    ctx: fastio.FastIOContext, shape: tuple[int, ...]
) -> None:
    torch = package("torch")
    numbers = torch.arange(int(np.prod(shape))).to(torch.bfloat16).reshape(shape)
    for tensor in (numbers.transpose(0, -1), numbers.repeat(1, *[2] * (len(shape) - 1))[..., ::2], numbers[:1]):
        a = ctx.create_array("bfloat16", tuple(tensor.shape))
        a.copy_from(tensor)
        assert torch.equal(torch.from_dlpack(a), tensor)


def test_scalars_and_empty_arrays_are_arrays(ctx: fastio.FastIOContext) -> None:
    scalar = ctx.create_array(np.int64, ())
    scalar.copy_from(np.array(7))
    assert scalar.numpy() == 7
    ctx.create_array(np.int64, (0, 3)).copy_from(np.zeros((0, 3), np.int64))


@pytest.mark.parametrize("other", [np.zeros((3, 2), np.float32), np.zeros((2, 3)), np.zeros(6, np.float32)], ids=repr)
def test_another_type_or_shape_is_refused_and_nothing_is_copied(ctx: fastio.FastIOContext, other: Any) -> None:
    a = ctx.create_array(np.float32, (2, 3))
    a.copy_from(WANTED)
    with pytest.raises(fastio.InvalidArgumentError, match="must be the same"):
        a.copy_from(other)
    assert np.array_equal(a.numpy(), WANTED)


def test_what_is_no_array_is_refused(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(8)
    for wrong in (None, 5, "text", [1, 2], np.ndarray):
        with pytest.raises(TypeError, match="copy_from was given"):
            a.copy_from(wrong)


def test_an_input_of_an_operator_is_not_written(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(WANTED, "x")
    a = ctx.get("x")
    a._set_read_only()
    with pytest.raises(fastio.ReadOnlyError):
        a.copy_from(WANTED + 1)
    assert np.array_equal(a.numpy(), WANTED)


def test_a_stream_for_memory_of_the_host_is_refused(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array(np.float32, (2, 3))
    with pytest.raises(fastio.UnsupportedError, match="stream"):
        a.copy_from(WANTED, stream=1)
