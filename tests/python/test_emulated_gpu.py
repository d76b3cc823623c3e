"""Memory of GPUs, on the emulator of the CUDA runtime: it has no kernels, but copies, streams and processes.

What it shows is the package's doing, not a GPU's.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pathlib
import threading
from collections.abc import Iterator
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script, run_service

# Without the emulator's folder on the library path there would be no GPU, or a real one, which has tests of its own.
pytestmark = pytest.mark.skipif(
    "cudart_emulator" not in os.environ.get("LD_LIBRARY_PATH", ""), reason="not on emulated GPUs"
)


@pytest.fixture
def service(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningService]:
    # Read at the first CUDA call of a process: one machine for all tests of a process, of all that they start.
    os.environ.setdefault("FASTIO_EMU_DIR", str(tmp_path))
    yield from run_service(tmp_path, "--device", "cuda:0", "--device", "cuda:1")


def values_of(allocation: fastio.FastIOAllocation) -> Any:
    return allocation.numpy().tolist()


def test_arrays_go_to_a_gpu_and_back(ctx: fastio.FastIOContext) -> None:
    assert ctx.device == "cuda:0"
    for array in (np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4).T, np.zeros((0, 3)), np.array(5)):
        ctx.publish_array(array, "x", replace=True)
        a = ctx.get("x")
        assert a.device == "cuda:0"
        assert a.numpy().dtype == array.dtype and np.array_equal(a.numpy(), array)
    # A copy: what is written to it stays there.
    a.numpy()[()] = 9
    assert values_of(a) == 5


def test_a_large_array_goes_to_a_gpu_whole(ctx: fastio.FastIOContext) -> None:
    array = np.arange(40 << 20, dtype=np.uint8).reshape(-1, 1024)
    ctx.publish_array(array, "x")
    assert np.array_equal(ctx.get("x").numpy(), array)


def test_memory_of_a_gpu_is_no_array_of_the_host(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array(np.float32, (2, 3))
    assert not hasattr(a, "__array_interface__")
    with pytest.raises(TypeError, match=r"\.numpy\(\)"):
        np.asarray(a)
    with pytest.raises(BufferError, match=r"\.numpy\(\)"):
        memoryview(a)
    with pytest.raises(fastio.UnsupportedError, match="bfloat16"):
        ctx.create_array(fastio.bfloat16, (2,)).numpy()
    assert a.map() is a
    a.unmap()


def test_the_cuda_array_interface_describes_the_memory(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array(np.float32, (2, 3))
    assert a.__cuda_array_interface__ == {
        "version": 3,
        "shape": (2, 3),
        "typestr": "<f4",
        "data": (a.data_ptr, False),
        "strides": None,
        "stream": None,
    }
    a._set_read_only()
    assert a.__cuda_array_interface__["data"] == (a.data_ptr, True)
    assert ctx.create_array(np.int8, (0,)).__cuda_array_interface__["data"][0] == 0
    assert not hasattr(ctx.create_array(fastio.bfloat16, (2,)), "__cuda_array_interface__")
    # 0 is no number for a stream there: 1 is the legacy default stream.
    assert ctx.create(8, stream=0).__cuda_array_interface__["stream"] == 1
    assert ctx.create(8, stream=2).__cuda_array_interface__["stream"] == 2


def test_who_holds_the_object_keeps_the_memory_after_a_release(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    for end in ("release", "free"):
        a = ctx.get("x")
        consumers_owner = a if a.__cuda_array_interface__ else None
        getattr(a, end)()
        del a
        gc.collect()
        assert ctx.stats().own_leases == 1
        assert consumers_owner is not None and consumers_owner.released
        del consumers_owner
        gc.collect()
        while ctx.stats().own_leases:
            pass
    assert ctx.find("x") is None


class Stream:
    def __init__(self, number: int) -> None:
        self.cuda_stream = number


class CudaStream:
    def __cuda_stream__(self) -> tuple[int, int]:
        return (0, 2)


class CupyStream:
    ptr = 2


@pytest.mark.parametrize("stream", [0, 1, 2, Stream(1), CudaStream(), CupyStream()], ids=repr)
def test_streams_order_what_is_published(ctx: fastio.FastIOContext, other: fastio.FastIOContext, stream: Any) -> None:
    for i in range(20):
        ctx.publish_array(np.full(10000, i), "x", stream=stream, replace=True)
        a = other.get("x", stream=stream)
        assert (a.numpy() == i).all()
        a.check()
        a.release(stream)
    assert ctx.stats().stream_ordering == "memory_operations"
    while other.stats().own_leases:
        pass


def test_what_is_no_stream_is_refused(ctx: fastio.FastIOContext) -> None:
    for stream in ("1", 1.5, True, object()):
        with pytest.raises(TypeError, match="stream"):
            ctx.create(8, stream=stream)


def test_dlpack_describes_the_memory(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array(np.float32, (2, 3), device="cuda:1")
    assert a.device == "cuda:1"
    assert a.__dlpack_device__() == (2, 1)
    for stream in (None, -1, 1, 2):
        assert "dltensor_versioned" in repr(a.__dlpack__(stream=stream, max_version=(1, 0)))
    with pytest.raises(fastio.InvalidArgumentError, match="stream 0"):
        a.__dlpack__(stream=0)
    with pytest.raises(BufferError, match="cuda:1"):
        a.__dlpack__(dl_device=(1, 0))
    assert a.__dlpack__(dl_device=(2, 1))


@pytest.mark.parametrize("stream", [None, -1, 1, 2])
def test_a_tensor_keeps_the_memory_and_gives_it_up_behind_its_stream(
    ctx: fastio.FastIOContext, stream: Optional[int]
) -> None:
    ctx.publish_array(np.arange(3), "x")
    a = ctx.get("x", stream=1)
    capsule = a.__dlpack__(stream=stream)
    a.release()
    gc.collect()
    assert ctx.stats().own_leases == 1
    del capsule
    gc.collect()
    while ctx.stats().own_leases:
        pass


class CudaArray:
    """An array of another library on the GPU, which speaks the CUDA array interface alone."""

    def __init__(self, owner: fastio.FastIOAllocation, **changes: Any) -> None:
        self.owner = owner
        self.__cuda_array_interface__ = {**owner.__cuda_array_interface__, **changes}


class DlpackArray:
    """The same, with DLPack from before version 1.0."""

    def __init__(self, owner: fastio.FastIOAllocation) -> None:
        self.owner = owner
        self.streams: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.owner.__dlpack_device__()

    def __dlpack__(self, stream: Any = None) -> Any:
        self.streams.append(stream)
        return self.owner.__dlpack__(stream=stream)


@pytest.mark.parametrize("stream", [None, 1, 2])
def test_arrays_of_a_gpu_are_published_within_it(ctx: fastio.FastIOContext, stream: Optional[int]) -> None:
    ctx.publish_array(np.arange(6, dtype=np.int16).reshape(2, 3), "x")
    x = ctx.get("x")
    for array in (CudaArray(x), CudaArray(x, stream=2), CudaArray(x, strides=(6, 2)), DlpackArray(x), x):
        ctx.publish_array(array, "y", stream=stream, replace=True)
        y = ctx.get("y", stream=stream)
        assert y.data_ptr != x.data_ptr
        assert (values_of(y), y.type) == ([[0, 1, 2], [3, 4, 5]], np.int16)


class LateArray:
    """An array that another library still works on in a stream of its own: its elements are 0 until ``finish()``."""

    SIZE = 1 << 16

    def __init__(self, owner: fastio.FastIOAllocation) -> None:
        self.owner = owner
        self._runtime = ctypes.CDLL("libcudart.so.13")
        self._may_finish = ctypes.c_uint64(0)
        made = ctypes.c_void_p()
        nonblocking = 1  # not even the legacy stream waits for it
        self._do("cudaStreamCreateWithFlags", ctypes.byref(made), nonblocking)
        self.stream = made.value
        self._do("cudaEmuSpinUntil", made, ctypes.byref(self._may_finish), ctypes.c_uint64(1))
        self._do("cudaMemsetAsync", ctypes.c_void_p(owner.data_ptr), 7, ctypes.c_size_t(owner.size), made)

    def _do(self, call: str, *arguments: Any) -> None:
        assert self._runtime[call](*arguments) == 0

    def finish(self) -> None:
        self._may_finish.value = 1

    def make_wait(self, stream: Optional[int]) -> None:
        event = ctypes.c_void_p()
        self._do("cudaEventCreate", ctypes.byref(event))
        self._do("cudaEventRecord", event, ctypes.c_void_p(self.stream))
        self._do("cudaStreamWaitEvent", ctypes.c_void_p(stream), event, 0)


class LateCudaArray(LateArray):
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {**self.owner.__cuda_array_interface__, "stream": self.stream}


class LateDlpackArray(LateArray):
    def __dlpack_device__(self) -> tuple[int, int]:
        return self.owner.__dlpack_device__()

    def __dlpack__(self, stream: Optional[int] = None) -> Any:
        self.make_wait(stream)
        return self.owner.__dlpack__(stream=-1)


@pytest.fixture(params=[LateCudaArray, LateDlpackArray])
def late_array(request: pytest.FixtureRequest, ctx: fastio.FastIOContext) -> Iterator[LateArray]:
    array: LateArray = request.param(ctx.create_array(np.uint8, (LateArray.SIZE,), zero=True))
    yield array
    array.finish()  # or a failed test would wait for it
    del array.owner


def test_a_publication_follows_the_work_of_the_arrays_own_stream(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, late_array: LateArray
) -> None:
    stream = 2
    ctx.publish_array(late_array, "y", stream=stream)
    y = other.get("y", stream=stream)
    for _ in range(100):
        with pytest.raises(fastio.TimedOutError):
            other.get("y", contents_timeout=0)
    late_array.finish()
    assert (y.numpy() == 7).all()
    assert (other.get("y").numpy() == 7).all()


def test_without_a_stream_publishing_waits_for_the_arrays_own(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, late_array: LateArray
) -> None:
    publisher = threading.Thread(target=ctx.publish_array, args=(late_array, "y"))
    publisher.start()
    for _ in range(1000):
        assert other.find("y") is None
    late_array.finish()
    publisher.join()
    assert (other.get("y").numpy() == 7).all()


@pytest.mark.parametrize(
    "interface",
    [
        3,
        {"typestr": "<i4", "shape": (1,)},
        {"typestr": "<i4", "data": (0, False)},
        {"shape": (1,), "data": (0, False)},
        {"typestr": "<i4", "shape": (1,), "data": None},
        {"typestr": "<i4", "shape": (1,), "data": ("a", False)},
        {"typestr": "<i4", "shape": (1,), "data": (-1, False)},
        {"typestr": "<i4", "shape": (1,), "data": (0, False), "strides": ("a",)},
    ],
)
def test_what_is_no_cuda_array_interface_is_a_type_error(ctx: fastio.FastIOContext, interface: Any) -> None:
    class Array:
        __cuda_array_interface__ = interface

    with pytest.raises(TypeError):
        ctx.publish_array(Array(), "y")
    assert ctx.list() == []


def test_an_array_of_another_gpu_is_refused(ctx: fastio.FastIOContext, join: Any) -> None:
    elsewhere = join(device="cuda:1", job="elsewhere")
    with pytest.raises(fastio.UnsupportedError, match=r"cuda:1.*cuda:0"):
        ctx.publish_array(elsewhere.create_array(np.int32, (3,)), "x")
    assert ctx.find("x") is None


@pytest.mark.parametrize("stream", [None, 1, 2], ids=["none", "legacy", "per thread"])
def test_an_array_that_does_not_say_that_it_is_of_another_gpu_is_refused_too(
    ctx: fastio.FastIOContext, join: Any, stream: int | None
) -> None:
    elsewhere = join(device="cuda:1", job="elsewhere")
    array = CudaArray(elsewhere.create_array(np.int32, (3,)), stream=stream)
    with pytest.raises(fastio.UnsupportedError, match=r"cuda:1.*cuda:0"):
        ctx.publish_array(array, "x")
    assert ctx.find("x") is None


def test_arrays_are_copied_into_memory_that_was_created(ctx: fastio.FastIOContext) -> None:
    a, b = ctx.create_array(np.int32, (2, 3)), ctx.create_array(np.int32, (2, 3))
    a.copy_from(np.arange(6, dtype=np.int32).reshape(3, 2).T)
    assert values_of(a) == [[0, 2, 4], [1, 3, 5]]
    b.copy_from(a)
    assert values_of(b) == values_of(a)


def test_an_array_of_a_gpu_is_asked_for_its_contents_in_a_stream(ctx: fastio.FastIOContext) -> None:
    array = DlpackArray(ctx.create_array(np.float32, (4,), zero=True))
    ctx.publish_array(array, "y")
    assert array.streams == [1]
    assert values_of(ctx.get("y")) == [0, 0, 0, 0]


def test_arrays_of_a_gpu_that_are_not_in_c_order_are_refused(ctx: fastio.FastIOContext) -> None:
    x = ctx.create_array(np.float32, (2, 3))
    with pytest.raises(fastio.InvalidArgumentError, match="C order"):
        ctx.publish_array(CudaArray(x, strides=(4, 8)), "y")
    with pytest.raises(fastio.InvalidArgumentError, match="mask"):
        ctx.publish_array(CudaArray(x, mask=x), "y")
    assert ctx.list() == []


def test_another_process_reads_the_same_memory(ctx: fastio.FastIOContext, script: Script) -> None:
    ctx.publish_array(np.arange(1000), "x")
    x = ctx.get("x")
    output = script.run(
        """
import fastio
ctx = fastio.FastIOContext()
x = ctx.get("x")
print(x.device, x.numpy().sum(), ctx.stats().bytes_copied)
ctx.publish_array(x, "y")
"""
    )
    assert output == "cuda:0 499500 0\n"
    assert np.array_equal(ctx.get("y").numpy(), x.numpy())


def test_entries_of_an_operator_map_to_what_gpu_libraries_take(
    ctx: fastio.FastIOContext, service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTIO_SOCKET", service.socket)
    monkeypatch.setenv("FASTIO_JOB", "test")
    monkeypatch.setenv("FASTIO_INPUTS", '[{"name": "in"}]')
    monkeypatch.setenv("FASTIO_OUTPUTS", '[{"name": "out", "type": "array", "element-type": "int64", "shape": [4]}]')
    ctx.publish_array(np.arange(4), "in")

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        with payload.input_fastio_entries["in"].map() as array:
            assert array.__cuda_array_interface__["data"][1] is True
            assert array.__dlpack_device__() == (2, 0)
            assert array.numpy().tolist() == [0, 1, 2, 3]
            with pytest.raises(fastio.ReadOnlyError):
                array.copy_from(np.arange(4))
            for of_the_entry in ("free", "release", "publish", "set_type_and_dimensions"):
                with pytest.raises(AttributeError, match=of_the_entry):
                    getattr(array, of_the_entry)
        with payload.output_fastio_entries["out"] as array:
            array.copy_from(np.arange(4))
        mapped = payload.output_fastio_entries["out"].map()
        assert mapped.__cuda_array_interface__["data"][1] is False
        assert mapped.__dlpack_device__() == (2, 0)
        assert "dltensor" in repr(mapped.__dlpack__(stream=1))
        return True

    driver = fastio.Driver(execute_handler=execute)
    driver.start()
    driver.wait_for_completion()
    assert ctx.get("out").numpy().tolist() == [0, 1, 2, 3]
    assert ctx.find("in") is not None


def test_weights_go_to_a_gpu(ctx: fastio.FastIOContext, tmp_path: pathlib.Path) -> None:
    header = (
        b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},'
        b'"b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]}}'
    )
    data = np.arange(3, dtype=np.float32).tobytes() + b"\x80\x3f\x00\x40"
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header + data)
    assert fastio.safetensors.publish(ctx, tmp_path / "w", "w/") == 2
    state = fastio.safetensors.load(ctx, "w/", framework="fastio")
    assert values_of(state["a"]) == [0, 1, 2]
    state["b"].set_type_and_dimensions(np.uint16, 2)
    assert values_of(state["b"]) == [0x3F80, 0x4000]


def test_auto_is_the_first_gpu_that_the_process_sees(ctx: fastio.FastIOContext, script: Script) -> None:
    assert ctx.device == "cuda:0"
    script.environment["CUDA_VISIBLE_DEVICES"] = "1"
    output = script.run(
        """
import fastio
ctx = fastio.FastIOContext()
a = ctx.create(8, zero=True)
print(ctx.device, a.device, a.numpy().sum())
a.publish("x")
"""
    )
    assert output == "cuda:0 cuda:0 0\n"  # as that process numbers its GPUs
    assert ctx.get("x").device == "cuda:1"


def test_auto_where_the_process_sees_other_gpus_only_says_so(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTIO_EMU_DIR", os.environ.get("FASTIO_EMU_DIR", str(tmp_path)))
    (tmp_path / "one").mkdir()
    for service in run_service(tmp_path / "one", "--device", "cuda:0"):
        script = Script(service)
        script.environment["CUDA_VISIBLE_DEVICES"] = "1"
        output = script.run(
            """
import fastio
try:
    fastio.FastIOContext(persistent=True)
except fastio.DeviceUnavailableError as error:
    print(error)
"""
        )
        assert "CUDA_VISIBLE_DEVICES" in output and "none of the 1 GPUs" in output
        assert service.totals()["contexts"] == 0


def test_an_embedded_service_says_which_gpus_it_leaves_out(script: Script, tmp_path: pathlib.Path) -> None:
    def errors_on(**machine: str) -> str:
        script.environment.update({f"FASTIO_EMU_{name}": value for name, value in machine.items()})
        process = script.start(
            "import fastio\n"
            f"with fastio.FastIOContext(embedded=True, device='auto', socket={str(tmp_path / 'own')!r}) as ctx:\n"
            "    print(ctx.device)\n"
        )
        device, errors = process.communicate()
        assert (process.returncode, device) == (0, "host\n"), errors
        return errors

    errors = errors_on(COMPUTE_MODE="exclusive")
    assert errors.count(" is left out: ") == 2 and "serving host memory: every GPU is left out" in errors
    assert errors_on(DRIVER="no-gpu") == ""


def test_the_package_can_tell_the_emulator_from_a_gpu() -> None:
    runtime = ctypes.CDLL("libcudart.so.13")
    assert hasattr(runtime, "cudaEmuVersion")
