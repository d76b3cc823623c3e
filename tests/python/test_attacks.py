"""What reviewers broke: each of these crashed, hung, leaked or lied once."""

from __future__ import annotations

import ctypes
import gc
import os
import pathlib
import signal
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script

PYBUF_ND, PYBUF_F_CONTIGUOUS = 0x8, 0x40 | 0x18


def test_a_program_may_end_while_daemon_threads_get(service: RunningService) -> None:
    code = """
import threading, fastio
ctx = fastio.FastIOContext(job="daemons", embedded=True, device="host")
kept = ctx.create(8)
kept.publish("x")
started = threading.Barrier(6)
def work():
    started.wait()
    while True:
        ctx.get("x").release()
def wait():
    started.wait()
    ctx.get("never", timeout=None)
for target in (work, work, work, work, wait):
    threading.Thread(target=target, daemon=True).start()
started.wait()
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_an_operator_whose_handler_waits(ctx: fastio.FastIOContext, script: Script) -> None:
    process = script.start(
        """
import fastio
def execute(driver, payload):
    print("executing")
    payload.fastio_context.get("never", timeout=None)
driver = fastio.Driver(execute_handler=execute)
driver.start()
driver.wait_for_completion()
"""
    )
    assert process.stdout is not None and process.stdout.readline() == "executing\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode in (1, -signal.SIGINT), errors
    assert "KeyboardInterrupt" in errors and "terminate called" not in errors


@pytest.mark.parametrize("exception", ["KeyboardInterrupt", "ValueError"])
def test_an_operator_that_ends_before_it_waits_for_its_handler_does_not_wait(
    ctx: fastio.FastIOContext, script: Script, exception: str
) -> None:
    # Ctrl-C may come at any line, so also between start and wait_for_completion.
    process = script.start(
        f"""
import fastio, threading
executing = threading.Event()
def execute(driver, payload):
    executing.set()
    payload.fastio_context.get("never", timeout=None)
driver = fastio.Driver(execute_handler=execute)
driver.start()
executing.wait()
raise {exception}("enough")
"""
    )
    _, errors = process.communicate()
    assert process.returncode != 0
    assert "enough" in errors and "terminate called" not in errors


def test_ctrl_c_ends_the_wait_for_a_service(script: Script, tmp_path: pathlib.Path) -> None:
    process = script.start(
        f"""
import fastio
try:
    print("joining")
    fastio.FastIOContext(socket={str(tmp_path / "nobody")!r}, connect_timeout=None)
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    assert process.stdout is not None and process.stdout.readline() == "joining\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    assert (process.returncode, output) == (0, "interrupted\n"), errors


def test_a_publish_that_waits_for_the_service_stops_no_other_thread(
    ctx: fastio.FastIOContext, service: RunningService
) -> None:
    a = ctx.create(8)
    os.kill(service.process.pid, signal.SIGSTOP)
    publisher = threading.Thread(target=lambda: a.publish("x"))
    publisher.start()
    looking = threading.Thread(target=lambda: a.size)
    looking.start()
    # Both wait now, or will: this thread goes on, and is the one that lets them.
    for _ in range(1000):
        sum(range(100))
    os.kill(service.process.pid, signal.SIGCONT)
    publisher.join()
    looking.join()
    assert a.name == "x"


def test_a_watch_that_ends_while_the_service_is_slow_stops_no_other_thread(
    ctx: fastio.FastIOContext, service: RunningService
) -> None:
    watches = [ctx.watch()]
    os.kill(service.process.pid, signal.SIGSTOP)
    ender = threading.Thread(target=watches.clear)
    ender.start()
    ender.join()  # it waits for nobody
    os.kill(service.process.pid, signal.SIGCONT)
    assert watches == []


def test_a_subclass_cannot_lie_about_its_memory(ctx: fastio.FastIOContext) -> None:
    class Liar(np.ndarray):
        shape = property(lambda self: (1 << 26,))  # type: ignore[assignment]
        strides = property(lambda self: (8,))  # type: ignore[assignment]

    ctx.publish_array(np.zeros(2).view(Liar), "x")
    assert ctx.get("x").dimensions == (2,)


def test_objects_that_nobody_made_share_nothing() -> None:
    for cls in (fastio._core._Export, fastio.FastIOAllocation):  # type: ignore[attr-defined]
        with pytest.raises((BufferError, TypeError)):
            memoryview(cls.__new__(cls))


def test_memory_in_c_order_is_not_given_as_fortrans(ctx: fastio.FastIOContext) -> None:
    get_buffer = ctypes.pythonapi.PyObject_GetBuffer
    get_buffer.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
    view = ctypes.create_string_buffer(256)
    with pytest.raises(BufferError, match="Fortran"):
        get_buffer(ctx.create_array("int8", (2, 3)), view, PYBUF_F_CONTIGUOUS | PYBUF_ND)
    assert get_buffer(ctx.create_array("int8", (1, 3)), view, PYBUF_F_CONTIGUOUS | PYBUF_ND) == 0
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))


def test_a_descriptor_is_no_path_of_a_checkpoint(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(TypeError):
        fastio.safetensors.publish(ctx, 1)  # type: ignore[arg-type]
    os.fstat(1)


def test_nothing_is_left_of_what_a_failed_publish_was_to_replace(
    ctx: fastio.FastIOContext, tmp_path: pathlib.Path
) -> None:
    def write(*names: str) -> pathlib.Path:
        items = ",".join(
            f'"{name}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{i + 1}]}}' for i, name in enumerate(names)
        )
        header = f"{{{items}}}".encode()
        (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header + bytes(len(names)))
        return tmp_path / "file"

    def fail(*_: int) -> None:
        raise ArithmeticError

    fastio.safetensors.publish(ctx, write("a", "b"), "w/")
    with pytest.raises(ArithmeticError):
        fastio.safetensors.publish(ctx, write("b", "c"), "w/", replace=True, progress=fail)
    fastio.safetensors.publish(ctx, write("b", "c"), "w/", replace=True)
    assert [info.name for info in ctx.list("w/")] == ["w/__safetensors__", "w/b", "w/c"]


class Dlpack:
    def __init__(self, capsule: Any, device: tuple[int, int] = (1, 0)) -> None:
        self.capsule, self.device = capsule, device

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule


def test_a_capsule_is_looked_at_before_it_is_believed(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(8)
    capsule = a.__dlpack__()
    with pytest.raises(fastio.InvalidArgumentError, match="device type 1 by an object that says 3"):
        ctx.publish_array(Dlpack(capsule, (3, 0)), "x")
    with pytest.raises(TypeError, match="publish_array.*capsule"):
        ctx.publish_array(Dlpack("no capsule"), "x")
    np.from_dlpack(Dlpack(capsule))
    with pytest.raises(TypeError, match="consumed"):
        ctx.publish_array(Dlpack(capsule), "x")


def test_no_reference_is_lost_by_a_call(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(b"abc", "x")
    gc.collect()
    before = sys.getrefcount(np.asarray)
    for _ in range(100):
        ctx.publish_array(b"abc", "x", replace=True)
    assert sys.getrefcount(np.asarray) - before < 50
