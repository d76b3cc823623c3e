"""What an execute handler leaves behind when it ends, and operators that end before their time."""

from __future__ import annotations

import gc
import sys
from typing import Any, NoReturn

import numpy as np
import pytest

import fastio
from array_views import KEEPERS, first_element
from conftest import Script, declare


@pytest.mark.parametrize("kind", KEEPERS)
@pytest.mark.parametrize("source", ["created", "got", "output", "input"])
def test_what_a_handler_leaves_outlives_it(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext, source: str, kind: str
) -> None:
    ctx.publish_array(np.full((2, 3), 1.25, np.float32), "in")
    declare(in_job, "FASTIO_INPUTS", {"name": "in"})
    declare(in_job, "FASTIO_OUTPUTS", {"name": "out", "type": "array", "element-type": "float32", "shape": [2, 3]})
    kept: dict[str, Any] = {}

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        context = payload.fastio_context
        memory = {
            "created": lambda: context.create_array("float32", (2, 3)),
            "got": lambda: context.get("in"),
            "output": lambda: payload.output_fastio_entries["out"]._allocation,
            "input": lambda: payload.input_fastio_entries["in"]._allocation,
        }[source]()
        if source in ("created", "output"):
            memory.copy_from(np.full((2, 3), 1.25, np.float32))
        kept["array"] = KEEPERS[kind](memory)
        return True

    try:
        driver = fastio.Driver(execute_handler=execute)
        driver.start()
        driver.wait_for_completion()
    except fastio.DriverError as error:  # of libraries that are older than DLPack 1.0
        if source != "input" or kind not in ("np.from_dlpack", "torch", "capsule"):
            raise
        assert "read-only" in str(error)
        return
    for name in [one.name for one in ctx.list()]:
        ctx.unpublish(name)
    assert (ctx.stats().leases, ctx.stats().allocations) == (1 if source != "created" else 0, 1)
    np.asarray(ctx.create_array("float32", (2, 3)))[:] = -1
    assert first_element(kept["array"]) == 1.25
    del kept["array"]
    gc.collect()
    assert (ctx.stats().leases, ctx.stats().allocations) == (0, 0)


@pytest.mark.parametrize("fails", [False, True])
def test_a_notification_handler_that_exits_changes_nothing(in_job: pytest.MonkeyPatch, fails: bool) -> None:
    called: list[str] = []

    def leave(*_: object) -> NoReturn:
        sys.exit(1)

    driver = fastio.Driver(
        prepare_handler=lambda driver: called.append("prepare") is None,
        execute_handler=lambda driver, payload: called.append("execute") is None and not fails,
        cleanup_handler=lambda driver: called.append("cleanup") is None,
        notification_handler=leave,
    )
    driver.start()
    if fails:
        with pytest.raises(fastio.DriverError, match="execute handler returned False"):
            driver.wait_for_completion()
    else:
        driver.wait_for_completion()
    assert called == ["prepare", "execute", "cleanup"]


WAITING = """
import os, signal, sys, threading, fastio
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
def main_waits_in(function):
    frame = sys._current_frames()[threading.main_thread().ident]
    called = []
    while frame is not None:
        called.append(frame.f_code.co_name)
        frame = frame.f_back
    return called[0] == "wait" and function in called
def execute(driver, payload):
    while not main_waits_in("{function}"):
        pass
    os.kill(os.getpid(), signal.{number})
    payload.fastio_context.get("never", timeout=None)
def cleanup(driver):
    print("cleaned up", flush=True)
    return True
driver = fastio.Driver(execute_handler=execute, cleanup_handler=cleanup)
driver.start()
{waits}
"""


@pytest.mark.parametrize(
    "waits, function, number, status",
    [
        ("driver.wait_for_completion()", "wait_for_completion", "SIGTERM", 7),
        ("", "finish", "SIGINT", 130),  # in the end of the program
        ("", "finish", "SIGTERM", 130),
    ],
)
def test_a_signal_ends_a_program_whose_operator_waits(
    ctx: fastio.FastIOContext, script: Script, waits: str, function: str, number: str, status: int
) -> None:
    process = script.start(
        WAITING.replace("{waits}", waits).replace("{function}", function).replace("{number}", number)
    )
    output, errors = process.communicate()
    assert (process.returncode, output) == (status, "cleaned up\n"), errors


def test_a_driver_without_a_thread_does_not_wait_for_it(
    in_job: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> NoReturn:
        raise RuntimeError("can't start new thread")

    driver = fastio.Driver()
    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            driver.start()
    with pytest.raises(RuntimeError, match="before start"):
        driver.wait_for_completion()
    driver.start()
    driver.wait_for_completion()
