"""Streams that are destroyed, or another thread's, while memory of an emulated GPU is in use: see test_emulated_gpu."""

from __future__ import annotations

import ctypes
import gc
import os
import pathlib
import threading
import weakref
from collections.abc import Iterator
from typing import Any, Callable, Optional

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script, run_service

pytestmark = pytest.mark.skipif(
    "cudart_emulator" not in os.environ.get("LD_LIBRARY_PATH", ""), reason="not on emulated GPUs"
)

LEGACY, PER_THREAD = 1, 2
SUCCESS, NOT_READY = 0, 600


@pytest.fixture
def service(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningService]:
    os.environ.setdefault("FASTIO_EMU_DIR", str(tmp_path))
    yield from run_service(tmp_path, "--device", "cuda:0")


class Runtime:
    """The CUDA runtime, and kernels that run until finish()."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libcudart.so.13")
        self._may_finish = ctypes.c_uint64(0)

    def ask(self, call: str, *arguments: Any) -> int:
        return int(self._library[call](*arguments))

    def do(self, call: str, *arguments: Any) -> None:
        assert self.ask(call, *arguments) == SUCCESS

    def make_stream(self) -> int:
        made = ctypes.c_void_p()
        nonblocking = 1  # not even the legacy stream waits for it
        self.do("cudaStreamCreateWithFlags", ctypes.byref(made), nonblocking)
        assert made.value
        return made.value

    def destroy(self, stream: int) -> None:
        self.do("cudaStreamDestroy", ctypes.c_void_p(stream))

    def launch(self, stream: int) -> None:
        """A kernel that runs until finish()."""
        self.do("cudaEmuSpinUntil", ctypes.c_void_p(stream), ctypes.byref(self._may_finish), ctypes.c_uint64(1))

    def begin_capture(self, stream: int) -> None:
        self.do("cudaStreamBeginCapture", ctypes.c_void_p(stream), 0)

    def end_capture(self, stream: int) -> None:
        """Fails where something has spoilt it."""
        graph = ctypes.c_void_p()
        self.do("cudaStreamEndCapture", ctypes.c_void_p(stream), ctypes.byref(graph))

    def finish(self) -> None:
        self._may_finish.value = 1

    def query(self, stream: int) -> int:
        return self.ask("cudaStreamQuery", ctypes.c_void_p(stream))

    def synchronise(self, stream: int) -> None:
        self.do("cudaStreamSynchronize", ctypes.c_void_p(stream))


@pytest.fixture
def runtime(ctx: fastio.FastIOContext) -> Iterator[Runtime]:
    runtime = Runtime()
    yield runtime
    runtime.finish()  # or a failed test would wait for it


class OwningStream:
    """As CuPy's: the stream is destroyed with the object."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.ptr = runtime.make_stream()
        self.output: Optional[fastio.FastIOAllocation] = None

    def __del__(self) -> None:
        self._runtime.destroy(self.ptr)


def in_another_thread(call: Callable[[], Any]) -> Any:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def wait_until_nothing_is_leased(ctx: fastio.FastIOContext) -> None:
    while ctx.stats().own_leases:
        pass


def test_a_tensor_of_a_threads_stream_that_another_thread_drops_keeps_the_memory_under_its_kernel(
    ctx: fastio.FastIOContext, runtime: Runtime
) -> None:
    ctx.publish_array(np.arange(3), "x")
    a = ctx.get("x")
    capsules = [a.__dlpack__(stream=PER_THREAD)]
    runtime.launch(PER_THREAD)
    a.release()

    def drop() -> int:
        capsules.clear()
        gc.collect()
        runtime.synchronise(PER_THREAD)  # this thread's, in which nothing is to happen
        return ctx.stats().own_leases

    assert in_another_thread(drop) == 1
    runtime.finish()
    wait_until_nothing_is_leased(ctx)


@pytest.mark.parametrize("end", ["collected", "released", "freed"])
def test_a_tensors_stream_may_be_destroyed_and_its_handle_become_another_streams(
    ctx: fastio.FastIOContext, runtime: Runtime, end: str
) -> None:
    ctx.publish_array(np.arange(3), "x")
    a: Optional[fastio.FastIOAllocation] = ctx.get("x")
    assert a is not None
    stream = runtime.make_stream()
    capsule = a.__dlpack__(stream=stream)
    runtime.launch(stream)
    if end != "collected":
        getattr(a, end[:-1])(stream)
    a = None
    runtime.destroy(stream)
    other = runtime.make_stream()
    assert other == stream, "the new stream does not have the handle of the destroyed one"
    del capsule
    gc.collect()
    runtime.synchronise(stream)  # the new one, in which nothing is to happen
    assert ctx.stats().own_leases == 1
    runtime.finish()
    wait_until_nothing_is_leased(ctx)
    runtime.destroy(other)


@pytest.mark.parametrize("end", ["release", "free"])
def test_memory_is_given_up_behind_the_streams_of_tensors_too(
    ctx: fastio.FastIOContext, runtime: Runtime, end: str
) -> None:
    ctx.publish_array(np.arange(3), "x")
    tensors_stream, last_stream = runtime.make_stream(), runtime.make_stream()
    a = ctx.get("x")
    a.__dlpack__(stream=tensors_stream)
    runtime.launch(tensors_stream)
    getattr(a, end)(last_stream)
    for _ in range(1000):
        assert ctx.stats().own_leases == 1
    runtime.finish()
    wait_until_nothing_is_leased(ctx)
    runtime.destroy(tensors_stream)
    runtime.destroy(last_stream)


@pytest.mark.parametrize("end", ["release", "free"])
@pytest.mark.parametrize("exports", [0, 1])
def test_the_last_user_gives_memory_up_in_the_stream_that_it_says(
    ctx: fastio.FastIOContext, runtime: Runtime, end: str, exports: int
) -> None:
    ctx.publish_array(np.arange(3), "x")
    elsewhere, stream = runtime.make_stream(), runtime.make_stream()
    runtime.launch(elsewhere)  # the device is not done before that; the stream is
    a = ctx.get("x", stream=stream)
    for _ in range(exports):
        a.__dlpack__(stream=stream)
    getattr(a, end)(stream)
    runtime.synchronise(stream)
    assert ctx.stats().own_leases == 0
    runtime.finish()
    runtime.destroy(elsewhere)
    runtime.destroy(stream)


def test_tensors_of_the_legacy_stream_give_memory_up_in_it(ctx: fastio.FastIOContext, runtime: Runtime) -> None:
    ctx.publish_array(np.arange(3), "x")
    elsewhere = runtime.make_stream()
    runtime.launch(elsewhere)
    a = ctx.get("x")
    capsule = a.__dlpack__(stream=LEGACY)
    del a, capsule
    gc.collect()
    runtime.synchronise(LEGACY)
    assert ctx.stats().own_leases == 0
    runtime.finish()
    runtime.destroy(elsewhere)


@pytest.mark.parametrize("use", ["released", "its address", "ordered"])
def test_who_used_the_object_itself_may_not_have_been_in_the_legacy_stream(
    ctx: fastio.FastIOContext, runtime: Runtime, use: str
) -> None:
    ctx.publish_array(np.arange(3), "x")
    elsewhere = runtime.make_stream()
    a = ctx.get("x")
    capsule = a.__dlpack__(stream=LEGACY)
    if use == "its address":
        assert a.data_ptr
    elif use == "ordered":
        a.order(LEGACY, elsewhere)
    runtime.launch(elsewhere)
    if use == "released":
        a.release()
    del a, capsule
    gc.collect()
    runtime.synchronise(LEGACY)
    for _ in range(1000):
        assert ctx.stats().own_leases == 1
    runtime.finish()
    wait_until_nothing_is_leased(ctx)
    runtime.destroy(elsewhere)


@pytest.mark.parametrize("end", ["release", "free"])
@pytest.mark.parametrize("use", ["none", "address", "tensor"])
def test_a_stream_that_is_being_captured_is_refused_and_the_capture_goes_on(
    ctx: fastio.FastIOContext, runtime: Runtime, use: str, end: str
) -> None:
    ctx.publish_array(np.arange(3), "x")
    a = ctx.get("x")
    captured = runtime.make_stream()
    capsule = a.__dlpack__(stream=LEGACY) if use == "tensor" else a.data_ptr if use == "address" else None
    runtime.begin_capture(captured)
    with pytest.raises(fastio.UnsupportedError, match="captured"):
        getattr(a, end)(captured)
    runtime.end_capture(captured)
    assert not a.released and a.numpy().tolist() == [0, 1, 2]
    assert ctx.find("x") is not None
    getattr(a, end)(captured)
    del capsule
    gc.collect()
    wait_until_nothing_is_leased(ctx)
    runtime.destroy(captured)


@pytest.mark.parametrize("use", ["numpy", "__dlpack__", "__cuda_array_interface__"])
def test_a_streams_object_lives_as_long_as_its_stream_is_needed(
    ctx: fastio.FastIOContext, runtime: Runtime, use: str
) -> None:
    ctx.publish_array(np.arange(3), "x")
    a = ctx.get("x", stream=OwningStream(runtime))
    b = ctx.create_array(np.int64, 3)
    b.copy_from(np.arange(3), stream=OwningStream(runtime))
    c = ctx.create_array(np.int64, 3, zero=True)
    c.publish("c", stream=OwningStream(runtime))
    gc.collect()
    for allocation in (a, b, c):
        if use == "numpy":
            assert allocation.numpy().tolist() == ([0, 0, 0] if allocation is c else [0, 1, 2])
        elif use == "__dlpack__":
            assert allocation.__dlpack__(stream=LEGACY)
        else:
            stream = allocation.__cuda_array_interface__["stream"]
            assert runtime.query(stream) == SUCCESS
    del allocation, a, b, c
    gc.collect()


def test_a_streams_object_that_holds_the_allocation_is_collected_with_it(
    ctx: fastio.FastIOContext, runtime: Runtime
) -> None:
    stream = OwningStream(runtime)
    stream.output = ctx.create(8, stream=stream)
    assert gc.is_tracked(stream.output)
    gone: list[Callable[[], object]] = [weakref.ref(stream), weakref.ref(stream.output)]
    gc.collect()
    assert all(ref() for ref in gone)
    del stream
    gc.collect()
    assert not any(ref() for ref in gone)
    while ctx.stats().allocations:
        pass


@pytest.mark.parametrize("end", ["release", "free"])
@pytest.mark.parametrize("lent", [False, True], ids=["alone", "lent"])
def test_a_streams_object_ends_with_the_memory_unless_a_consumer_may_need_its_stream(
    ctx: fastio.FastIOContext, runtime: Runtime, end: str, lent: bool
) -> None:
    stream = OwningStream(runtime)
    a = ctx.create(8, stream=stream)
    assert not lent or a.__cuda_array_interface__["stream"] == stream.ptr
    gone = weakref.ref(stream)
    del stream
    getattr(a, end)()
    assert (gone() is not None) == lent
    del a
    assert gone() is None


class ArrayInStream:
    """An array of another library, whose contents are ready after what its stream was given."""

    def __init__(self, owner: fastio.FastIOAllocation, stream: int) -> None:
        self.owner = owner
        self.__cuda_array_interface__ = {**owner.__cuda_array_interface__, "stream": stream}


def test_without_a_stream_an_array_of_the_gpu_is_copied_when_the_call_returns(
    ctx: fastio.FastIOContext, runtime: Runtime
) -> None:
    made_in = runtime.make_stream()
    array = ArrayInStream(ctx.create_array(np.int64, 3, zero=True), made_in)
    a = ctx.create_array(np.int64, 3)
    runtime.launch(made_in)
    copying = threading.Thread(target=a.copy_from, args=(array,))
    copying.start()
    for _ in range(1000):
        assert copying.is_alive()
        ctx.stats()
    runtime.finish()
    copying.join()
    assert runtime.query(made_in) == SUCCESS
    assert a.numpy().tolist() == [0, 0, 0]
    runtime.destroy(made_in)


def test_order_makes_a_stream_wait_for_another(ctx: fastio.FastIOContext, runtime: Runtime) -> None:
    first, later = runtime.make_stream(), runtime.make_stream()
    runtime.launch(first)
    a = ctx.create(8)
    assert runtime.query(later) == SUCCESS
    a.order(first, later)
    assert runtime.query(later) == NOT_READY
    runtime.finish()
    runtime.synchronise(later)
    runtime.destroy(first)
    runtime.destroy(later)


PRODUCER_THAT_DIES = """
import ctypes
import fastio

context = fastio.FastIOContext()
never = ctypes.c_uint64(0)
allocation = context.create_array("int64", 3)
spin = ctypes.CDLL("libcudart.so.13").cudaEmuSpinUntil
spin(ctypes.c_void_p(2), ctypes.byref(never), ctypes.c_uint64(1))
allocation.publish("x", stream=2)
print(allocation.version, flush=True)
input()
"""


def test_contents_that_are_lost_say_of_which_version(ctx: fastio.FastIOContext, script: Script) -> None:
    producer = script.start(PRODUCER_THAT_DIES)
    assert producer.stdout is not None
    version = int(producer.stdout.readline())
    producer.kill()
    producer.communicate()
    with pytest.raises(fastio.ProducerLostError) as raised:
        ctx.get("x")
    assert raised.value.version == version
    with pytest.raises(fastio.NotFoundError):
        ctx.get("x", newer_than=raised.value.version)


def test_a_threads_stream_is_none_of_another_threads(ctx: fastio.FastIOContext, runtime: Runtime) -> None:
    a = ctx.create_array(np.int64, 3)
    runtime.launch(PER_THREAD)
    a.copy_from(np.arange(3), stream=PER_THREAD)

    def use_elsewhere() -> tuple[int, int]:
        interface = a.__cuda_array_interface__
        capsule = a.__dlpack__(stream=PER_THREAD)
        assert capsule
        return interface["stream"], runtime.query(PER_THREAD)

    # The legacy stream, which waits for every thread's; and this thread's has to wait for the contents.
    assert in_another_thread(use_elsewhere) == (LEGACY, NOT_READY)
    assert a.__cuda_array_interface__["stream"] == PER_THREAD
    runtime.finish()
    assert a.numpy().tolist() == [0, 1, 2]
