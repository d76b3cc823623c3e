"""PyTorch and CuPy on a real GPU: the same memory, in order, without a copy."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script, run_service


def has_gpu() -> bool:
    asked = shutil.which("nvidia-smi")
    return asked is not None and subprocess.run([asked, "-L"], capture_output=True).returncode == 0


if not has_gpu() and os.environ.get("FASTIO_REQUIRE_GPU") == "ON":
    raise RuntimeError("a GPU was promised (FASTIO_REQUIRE_GPU), and there is none")
pytestmark = pytest.mark.skipif(not has_gpu(), reason="there is no GPU")


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[RunningService]:
    yield from run_service(tmp_path, "--device", "cuda:0")


@pytest.fixture
def torch() -> Any:
    module = pytest.importorskip("torch")
    if not module.cuda.is_available():
        pytest.skip("this PyTorch has no CUDA")
    return module


@pytest.fixture
def cupy() -> Any:
    return pytest.importorskip("cupy")


def test_pytorch_sees_the_same_memory(ctx: fastio.FastIOContext, torch: Any) -> None:
    ctx.publish_array(np.arange(6, dtype=np.float32).reshape(2, 3), "x")
    a = ctx.get("x")
    tensor = torch.from_dlpack(a)
    assert tensor.data_ptr() == a.data_ptr and tensor.device.type == "cuda"
    tensor *= 2
    torch.cuda.synchronize()
    assert a.numpy().tolist() == [[0, 2, 4], [6, 8, 10]]


def test_cupy_sees_the_same_memory(ctx: fastio.FastIOContext, cupy: Any) -> None:
    ctx.publish_array(np.arange(6, dtype=np.float32).reshape(2, 3), "x")
    a = ctx.get("x")
    for array in (cupy.asarray(a), cupy.from_dlpack(a)):
        assert array.data.ptr == a.data_ptr
        array += 1
    cupy.cuda.Device().synchronize()
    assert a.numpy().tolist() == [[2, 3, 4], [5, 6, 7]]


def test_tensors_are_published_after_their_streams_work(ctx: fastio.FastIOContext, torch: Any) -> None:
    stream = torch.cuda.Stream()
    for i in range(50):
        with torch.cuda.stream(stream):
            tensor = torch.zeros(1 << 20, device="cuda")
            for _ in range(20):
                tensor += 1
            tensor += i
            ctx.publish_array(tensor, "x", stream=stream, replace=True)
        a = ctx.get("x")
        assert (a.numpy() == 20 + i).all()


def test_another_process_computes_on_it(ctx: fastio.FastIOContext, script: Script, torch: Any) -> None:
    ctx.publish_array(np.ones(1000, np.float32), "x")
    output = script.run(
        """
import fastio, torch
ctx = fastio.FastIOContext()
stream = torch.cuda.Stream()
with torch.cuda.stream(stream):
    x = torch.from_dlpack(ctx.get("x", stream=stream))
    ctx.publish_array(x * 3, "y", stream=stream)
    stream.synchronize()
print(ctx.stats().bytes_copied)
"""
    )
    assert output == "0\n"
    assert (ctx.get("y").numpy() == 3).all()


def test_a_tensor_keeps_the_memory_after_a_release(ctx: fastio.FastIOContext, torch: Any) -> None:
    ctx.publish_array(np.arange(1000, dtype=np.float32), "x")
    a = ctx.get("x")
    tensor = torch.from_dlpack(a)
    a.free()
    filler = [ctx.create(4000, zero=True) for _ in range(20)]
    assert tensor.sum().item() == 499500
    del tensor, filler
