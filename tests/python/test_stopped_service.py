"""A service that is stopped: how calls that wait for it end."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script

PPOLL, FUTEX = {"x86_64": ("271", "202"), "aarch64": ("73", "98")}[platform.machine()]


@contextlib.contextmanager
def stopped(service: RunningService) -> Iterator[None]:
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.process.pid, signal.SIGCONT)


def waits_in(call: str, thread: Optional[int]) -> bool:
    """Whether a thread waits in that system call, and for more than its turn to have the interpreter."""
    for _ in range(50):
        with open(f"/proc/self/task/{thread}/syscall") as file:
            if file.read().split()[0] != call:
                return False
    return True


@contextlib.contextmanager
def interrupted(then: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Ctrl-C as soon as this thread waits for the service in what is called within; then ``then``."""
    task = f"/proc/self/task/{threading.get_native_id()}"
    is_over = False

    def look(name: str) -> str:
        with open(f"{task}/{name}") as file:
            return file.read()

    def sleeps() -> int:
        return int(look("status").split("\nvoluntary_ctxt_switches:")[1].split()[0])

    def interrupt() -> None:
        while not is_over:
            if look("syscall").split()[0] == PPOLL:
                before = sleeps()
                os.kill(os.getpid(), signal.SIGINT)
                while not is_over and sleeps() < before + 2:  # after the signal, and after it has looked for signals
                    pass
                then()
                return

    thread = threading.Thread(target=interrupt)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread.start()
    try:
        yield
    finally:
        is_over = True
        thread.join()
        signal.signal(signal.SIGINT, previous)


CALLS: dict[str, Callable[[fastio.FastIOContext, fastio.FastIOAllocation], Any]] = {
    "create": lambda ctx, _a: ctx.create(1),
    "publish": lambda _ctx, a: a.publish("new"),
    "free": lambda _ctx, a: a.free(),
    "unpublish": lambda ctx, _a: ctx.unpublish("x"),
    "publish_array": lambda ctx, _a: ctx.publish_array(np.zeros(1), "new"),
    "stats": lambda ctx, _a: ctx.stats(),
    "watch": lambda ctx, _a: ctx.watch(),
    "get": lambda ctx, _a: ctx.get("in a slab that is not mapped yet"),
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_ends_the_wait_and_the_context(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, service: RunningService, name: str
) -> None:
    a = ctx.create_array("uint8", (4,), zero=True)
    ctx.publish_array(np.array([7]), "x")
    held = ctx.get("x")
    other.create(64 << 20).publish("in a slab that is not mapped yet")
    with stopped(service), interrupted():
        with pytest.raises(KeyboardInterrupt) as raised:
            CALLS[name](ctx, a)
        assert isinstance(raised.value.__context__, fastio.ServiceUnreachableError)
        assert not ctx.alive
        with pytest.raises(fastio.ServiceLostError):
            ctx.create(1)
        assert held.numpy()[0] == 7
        assert a.released == (name == "free")  # the service may serve it yet, and give the memory to others
        ctx.close()
    assert other.create(1).size == 1
    service.kill()  # the session stays in quarantine until this process ends


@pytest.mark.parametrize("name", CALLS)
def test_what_the_service_answers_after_all_ends_only_the_call(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, service: RunningService, name: str
) -> None:
    a = ctx.create(4)
    ctx.publish_array(np.array([7]), "x")
    other.create(64 << 20).publish("in a slab that is not mapped yet")
    goes_on = interrupted(lambda: os.kill(service.process.pid, signal.SIGCONT))
    with stopped(service), goes_on, pytest.raises(KeyboardInterrupt) as raised:
        CALLS[name](ctx, a)
    assert raised.value.__context__ is None
    assert ctx.alive
    assert ctx.create(1).size == 1
    assert {info.name for info in ctx.list()} >= ({"new"} if name in ("publish", "publish_array") else set())


BEHIND_ANOTHER_THREAD: dict[str, Callable[[fastio.FastIOAllocation], Any]] = {
    "publish": lambda a: a.publish("again"),
    "free": lambda a: a.free(),
    "copy_from": lambda a: a.copy_from(np.zeros(4, np.uint8)),
    "asarray": np.asarray,
    "memoryview": memoryview,
    "from_dlpack": np.from_dlpack,
    "check": lambda a: a.check(),
    "name": lambda a: a.name,
}


def begun(call: Callable[[fastio.FastIOAllocation], Any], a: fastio.FastIOAllocation) -> None:
    """What it raises, or what the handler of the signal does that comes meanwhile."""
    try:
        call(a)
    except BufferError:  # of memoryview; NumPy drops whatever that raises
        for _ in range(3):  # Python handles signals at the next turn of a loop
            pass


@pytest.mark.parametrize("name", BEHIND_ANOTHER_THREAD)
def test_ctrl_c_ends_the_wait_for_another_threads_call_at_once(
    ctx: fastio.FastIOContext, service: RunningService, name: str
) -> None:
    a = ctx.create_array("uint8", (4,), zero=True)
    main = threading.get_native_id()
    publishes = threading.Thread(target=a.publish, args=("name",))

    def interrupt() -> None:
        while not waits_in(FUTEX, main):
            pass
        os.kill(os.getpid(), signal.SIGINT)

    interrupts = threading.Thread(target=interrupt)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopped(service):
            publishes.start()
            while not waits_in(PPOLL, publishes.native_id):
                pass
            with pytest.raises(KeyboardInterrupt):
                interrupts.start()
                begun(BEHIND_ANOTHER_THREAD[name], a)
            interrupts.join()
    finally:
        signal.signal(signal.SIGINT, previous)
    publishes.join()
    assert ctx.alive
    assert not a.released
    assert [info.name for info in ctx.list()] == ["name"]


def test_a_child_forked_beside_a_call_does_not_wait_for_it(ctx: fastio.FastIOContext, service: RunningService) -> None:
    a = ctx.create(8)
    publishes = threading.Thread(target=a.publish, args=("name",))
    with stopped(service):
        publishes.start()
        while not waits_in(PPOLL, publishes.native_id):
            pass
        child = os.fork()
        if child == 0:  # where the thread is not that has the allocation
            status = 1
            try:
                print(a.size)
            except fastio.ForkedError:
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
    publishes.join()


def test_a_long_request_and_a_check_end_both(ctx: fastio.FastIOContext, service: RunningService) -> None:
    a = ctx.create(1)  # the first of this table that the client has to do with
    creates = threading.Thread(target=ctx.create, args=(1,))
    with stopped(service):
        creates.start()
        while not waits_in(PPOLL, creates.native_id):
            pass
        a.check()  # with the interpreter, which the other thread wants from time to time
    creates.join()
    assert ctx.alive


def test_a_handler_that_raises_nothing_leaves_the_error(ctx: fastio.FastIOContext, service: RunningService) -> None:
    seen = []

    def handler(number: int, _frame: Optional[FrameType]) -> None:
        with pytest.raises(fastio.ServiceLostError):  # it may use what the call used
            ctx.create(1)
        seen.append(number)

    with stopped(service), interrupted():
        signal.signal(signal.SIGINT, handler)
        with pytest.raises(fastio.ServiceUnreachableError, match="did not answer in time"):
            ctx.create(1)
    assert seen == [signal.SIGINT]
    service.kill()


def test_leaving_the_block_can_be_interrupted(
    join: Callable[..., fastio.FastIOContext], service: RunningService
) -> None:
    ctx = join()
    with stopped(service), interrupted():
        with pytest.raises(KeyboardInterrupt), ctx:
            pass
        ctx.close()
    with pytest.raises(fastio.ContextClosedError):
        ctx.create(1)


def test_an_error_that_ends_a_context_is_not_lost_to_ctrl_c(service: RunningService) -> None:
    contexts = [fastio.FastIOContext(job="test", socket=service.socket)]
    seen = []
    with stopped(service), interrupted():
        signal.signal(signal.SIGINT, lambda number, _frame: seen.append(number))
        with pytest.raises(fastio.InvalidArgumentError):
            contexts.pop().create(-1)  # the error ends it, and its goodbye waits
    assert seen == [signal.SIGINT]


def test_a_request_timeout_ends_the_wait(join: Callable[..., fastio.FastIOContext], service: RunningService) -> None:
    ctx = join(request_timeout=10)  # joining has to be done by then
    with stopped(service):
        with pytest.raises(fastio.ServiceUnreachableError, match="did not answer in time"):
            ctx.create(1)
        assert not ctx.alive
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(fastio.InvalidArgumentError, match="request_timeout"):
            join(request_timeout=wrong)
    service.kill()


def test_ctrl_c_ends_a_program_whose_service_is_stopped(service: RunningService, script: Script) -> None:
    process = script.start(
        """
import signal
import sys
import fastio
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests' shell ignores it
with fastio.FastIOContext() as ctx:
    print("joined")
    sys.stdin.readline()
    print("asks")
    ctx.create(1)
"""
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "joined\n"
    with stopped(service):
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "asks\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGINT, errors
    assert errors.rstrip().endswith("KeyboardInterrupt")
