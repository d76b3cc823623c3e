"""Several processes: spawned, forked, killed, interrupted, ended with allocations in their hands."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script

Join = Callable[..., fastio.FastIOContext]


def double_in_place(socket: str, name: str) -> None:
    """Run by multiprocessing, in a process of its own."""
    with fastio.FastIOContext(job="test", socket=socket) as ctx:
        np.asarray(ctx.get(name, timeout=60.0))[:] *= 2
        ctx.publish_array(np.array([os.getpid()]), f"{name}/done")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_multiprocessing_share_memory(
    ctx: fastio.FastIOContext, service: RunningService, method: str
) -> None:
    ctx.publish_array(np.arange(4), "x")
    x = ctx.get("x")
    process = multiprocessing.get_context(method).Process(target=double_in_place, args=(service.socket, "x"))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert np.asarray(x).tolist() == [0, 2, 4, 6]
    assert np.asarray(ctx.get("x/done"))[0] == process.pid


def in_child(check: Callable[[], None]) -> int:
    """The exit status of a forked child that ran `check`: 0 if it raised ForkedError."""
    child = os.fork()
    if child == 0:
        status = 2
        try:
            check()
            status = 3
        except fastio.ForkedError:
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_after_a_fork_the_child_is_told_so(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    x = ctx.get("x")
    watch = ctx.watch()
    for use in (
        lambda: ctx.get("x"),
        lambda: ctx.create(10),
        lambda: ctx.list(),
        lambda: x.publish("y"),
        lambda: x.type,
        lambda: np.asarray(x),
        lambda: watch.next(timeout=0),
    ):
        assert in_child(use) == 0
    assert np.asarray(x).tolist() == [0, 1, 2]


def test_what_a_forked_child_cannot_use_can_still_be_shown(ctx: fastio.FastIOContext) -> None:
    x = ctx.create(3)

    def check() -> None:
        assert repr(x) == "<fastio.FastIOAllocation, forked>"
        raise fastio.ForkedError

    assert in_child(check) == 0
    ctx.close()
    assert repr(x) == "<fastio.FastIOAllocation without a name: uint8 [3] on host>"


def test_a_forked_child_leaves_its_parents_leases_alone(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    x, array = ctx.get("x"), np.asarray(ctx.get("x"))
    child = os.fork()
    if child == 0:
        del x, array
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert ctx.stats().own_leases == 2
    assert array.tolist() == [0, 1, 2]


def test_a_forked_child_makes_a_context_of_its_own(ctx: fastio.FastIOContext, service: RunningService) -> None:
    ctx.publish_array(np.arange(3), "x")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            own = fastio.FastIOContext(job="test", socket=service.socket)
            own.publish_array(np.asarray(own.get("x")) + 10, "y")
            own.close()
            del own
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert np.asarray(ctx.get("y")).tolist() == [10, 11, 12]


def test_a_killed_process_gives_back_what_it_held(ctx: fastio.FastIOContext, script: Script) -> None:
    ctx.publish_array(np.arange(3), "x")
    process = script.start(
        """
import fastio, sys
ctx = fastio.FastIOContext()
held, private = ctx.get("x"), ctx.create(1 << 20)
ctx.publish_array(b"published", "y")
print("ready")
sys.stdin.read()
"""
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert ctx.stats().leases == 1 and ctx.stats().allocations == 3
    watch = ctx.watch()
    process.kill()
    process.communicate()
    while ctx.stats().allocations != 2:
        watch.next(timeout=0.01)
    assert np.asarray(ctx.get("y")).tobytes() == b"published"


@pytest.mark.parametrize(
    "ending",
    ["", "sys.exit(0)", "del ctx", "ctx.close()", "import atexit; atexit.register(lambda: a.publish('late'))"],
)
def test_a_program_may_end_with_allocations_in_its_globals(
    script: Script, service: RunningService, ending: str
) -> None:
    output = script.run(
        f"""
import sys, threading
import numpy as np
import fastio
ctx = fastio.FastIOContext()
a = ctx.create(1000)
ctx.publish_array(np.arange(3), "x")
b = ctx.get("x")
array, view, watch = np.asarray(b), memoryview(b), ctx.watch()
class Cycle: pass
cycle = Cycle()
cycle.itself, cycle.allocation = cycle, ctx.get("x")
print("end")
{ending}
"""
    )
    assert output == "end\n"


@pytest.mark.parametrize("device", ["host"])
def test_a_program_may_end_with_an_embedded_service(device: str) -> None:
    code = f"""
import numpy as np, fastio
ctx = fastio.FastIOContext(job="own", embedded=True, device="{device}")
ctx.publish_array(np.arange(3), "x")
x = np.asarray(ctx.get("x"))
print(x.sum())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")


def test_a_tensor_that_outlives_the_interpreter_ends_no_program() -> None:
    # As one in a static object of a C++ library, which ends after Python.
    code = """
import ctypes
import fastio
ctx = fastio.FastIOContext(job="own", embedded=True, device="host")
capsule = ctx.create_array("float32", (4,)).__dlpack__()
api = ctypes.pythonapi
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_void_p]
tensor = api.PyCapsule_GetPointer(capsule, b"dltensor")
used = ctypes.create_string_buffer(b"used_dltensor")
api.PyCapsule_SetName(capsule, ctypes.addressof(used))
capsule_of_ever = ctypes.py_object(capsule)
api.Py_IncRef(capsule_of_ever)
deleter = ctypes.c_void_p.from_address(tensor + 48 + 8).value  # of DLManagedTensor, behind its DLTensor and context
libc = ctypes.CDLL(None)
libc.__cxa_atexit.argtypes = [ctypes.c_void_p] * 3
libc.__cxa_atexit(deleter, tensor, None)
print("ends")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "ends\n"), done.stderr


WAITERS = {
    "get": 'ctx.get("never", timeout=None)',
    "find": 'ctx.find("never", timeout=1e9)',
    "find_many": 'ctx.find_many(["held", "never"], timeout=None)',
    "create": "(lambda c: [c.create(9), c.create(9, timeout=None)])(fastio.FastIOContext('tight', quota=256))",
    "watch": "ctx.watch().next()",
    "iteration": "next(ctx.watch())",
}


@pytest.mark.parametrize("call", WAITERS.values(), ids=WAITERS.keys())
def test_ctrl_c_ends_a_wait(ctx: fastio.FastIOContext, script: Script, call: str) -> None:
    process = script.start(
        f"""
import fastio
ctx = fastio.FastIOContext()
held = ctx.create(100)
held.publish("held")
held.release()
try:
    print("ready")
    {call}
except KeyboardInterrupt:
    stats = ctx.stats()
    print("interrupted", stats.own_leases, stats.allocations)
    ctx.create(1).release()
"""
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate()
    # It may come before the wait has begun, and is then raised in its place all the same.
    assert (process.returncode, output) == (0, "interrupted 0 1\n"), errors


def test_a_signal_handler_that_raises_nothing_does_not_end_a_wait(ctx: fastio.FastIOContext, script: Script) -> None:
    process = script.start(
        """
import signal, sys
import fastio
ctx = fastio.FastIOContext()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
print("ready")
print(ctx.get("late", timeout=None).count)
"""
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "handled\n"
    ctx.publish_array(np.arange(7), "late")
    output, errors = process.communicate()
    assert (process.returncode, output) == (0, "7\n"), errors


def test_ctrl_c_ends_an_operator_that_waits_for_its_input(ctx: fastio.FastIOContext, script: Script) -> None:
    script.environment["FASTIO_INPUTS"] = '[{"name": "never"}]'
    process = script.start(
        """
import fastio
def told(driver, kind, message):
    print(message, flush=True)
driver = fastio.Driver(execute_handler=lambda driver, payload: True, notification_handler=told)
driver.start()
driver.wait_for_completion()
"""
    )
    assert process.stdout is not None
    assert "waiting for inputs\n" in process.stdout, "it ended before"  # reads until that line
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
