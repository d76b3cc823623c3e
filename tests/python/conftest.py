"""Fixtures: a service of its own for each test, contexts in it, and the proof that nothing of them is left.

By ctest the tests run on what was built: PYTHONPATH and FASTIO_BIN lead there. Without these, on what is installed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import fastio

# A shell starts what runs in the background with Ctrl-C ignored, and so would be the programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def package(name: str) -> ModuleType:
    """What tests use beside NumPy. They are skipped without it, but not where `./run test` has set it up."""
    if os.environ.get("FASTIO_REQUIRE_PACKAGES"):
        return importlib.import_module(name)
    module: ModuleType = pytest.importorskip(name)
    return module


HERE = pathlib.Path(__file__).resolve().parent


def program(name: str) -> str:
    """The path of fastiod, fastio, or an operator of the examples."""
    folder = os.environ.get("FASTIO_BIN")
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    assert found, f"there is no program {name}"
    return found


class RunningService:
    """A fastiod. Its socket is there when this returns."""

    def __init__(self, folder: pathlib.Path, *options: str) -> None:
        self.socket = str(folder / "s")
        self.log = folder / "fastiod.log"
        self._output = self.log.open("wb")
        self._was_killed = False
        self._has_ended = False
        self.process = subprocess.Popen(
            [program("fastiod"), "--socket", self.socket, *options], stdout=self._output, stderr=self._output
        )
        # Joining waits for a service that is starting.
        fastio.FastIOContext(job="is-it-there", socket=self.socket, connect_timeout=60.0).close()

    def totals(self) -> dict[str, int]:
        command = [program("fastio"), "stat", "--json", "--socket", self.socket]
        for _ in range(10):  # it gives the service one second, which a busy machine may not have
            shown = subprocess.run(command, capture_output=True, text=True)
            if shown.returncode == 0:
                break
        assert shown.returncode == 0, shown.stderr
        totals: dict[str, int] = json.loads(shown.stdout)["totals"]
        return totals

    def kill(self) -> None:
        self._was_killed = True
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Once. Unless the test has killed it, it must have lived until now, and end in order."""
        if self._has_ended:
            return
        self._has_ended = True
        died = self.process.poll() is not None
        if not died:
            self.process.terminate()
            self.process.wait()
        self._output.close()
        if not self._was_killed:
            assert not died and self.process.returncode == 0, (
                f"fastiod ended with {self.process.returncode}: {self.log.read_text(errors='replace')}"
            )

    def assert_nothing_is_left(self) -> None:
        """Contexts end when their objects are collected; the service hears of ended processes a moment later."""
        nothing = {
            "sessions": 0,
            "contexts": 0,
            "allocations": 0,
            "leases": 0,
            "publications": 0,
            "bytes_in_use": 0,
            "bytes_quarantined": 0,
        }
        totals: dict[str, int] = {}
        for _ in range(500):
            totals = self.totals()
            if all(totals[key] == 0 for key in nothing):
                return
        assert {key: totals[key] for key in nothing} == nothing


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[RunningService]:
    """A service of host memory; when the test has ended it must hold nothing any more."""
    yield from run_service(tmp_path, "--device", "host")


def run_service(folder: pathlib.Path, *options: str) -> Iterator[RunningService]:
    running = RunningService(folder, *options)
    try:
        yield running
        gc.collect()
        if running.process.poll() is None:
            running.assert_nothing_is_left()
    finally:
        running.end()


@pytest.fixture
def join(service: RunningService) -> Iterator[Callable[..., fastio.FastIOContext]]:
    """join(): a further member of the test's job, closed at its end."""
    joined: list[fastio.FastIOContext] = []

    def join_job(**options: Any) -> fastio.FastIOContext:
        options.setdefault("job", "test")
        options.setdefault("connect_timeout", 600.0)  # a busy machine may not have the one second that is usual
        joined.append(fastio.FastIOContext(socket=service.socket, **options))
        return joined[-1]

    yield join_job
    for context in joined:
        context.close()
    joined.clear()


@pytest.fixture
def in_job(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As an operator of the test's job."""
    monkeypatch.setenv("FASTIO_SOCKET", service.socket)
    monkeypatch.setenv("FASTIO_JOB", "test")
    monkeypatch.setenv("FASTIO_STAGE", "stage-1")
    return monkeypatch


def declare(monkeypatch: pytest.MonkeyPatch, variable: str, *declared: dict[str, Any]) -> None:
    """As `fastio run` hands entries of a pipeline file on: FASTIO_INPUTS or FASTIO_OUTPUTS."""
    monkeypatch.setenv(variable, json.dumps(declared))


@pytest.fixture
def ctx(join: Callable[..., fastio.FastIOContext]) -> fastio.FastIOContext:
    """A member of the test's job."""
    return join()


@pytest.fixture
def other(join: Callable[..., fastio.FastIOContext]) -> fastio.FastIOContext:
    """Another member of the same job."""
    return join()


class Script:
    """Python code in a process of its own, with the test's job and service in its environment."""

    def __init__(self, service: RunningService, job: str = "test") -> None:
        self.environment = {
            **os.environ,
            "FASTIO_SOCKET": service.socket,
            "FASTIO_JOB": job,
            "FASTIO_STAGE": "script",
        }

    def start(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-u", "-c", code, *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, *arguments: str) -> str:
        """What it prints. Fails where it fails."""
        process = self.start(code, *arguments)
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        return output


@pytest.fixture
def script(service: RunningService) -> Script:
    return Script(service)
