"""What a build without CUDA says to those who ask for a GPU. Run where such a build is known to be: `./run test`
tests the wheel that it makes, and says so in FASTIO_WITHOUT_CUDA."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

import fastio
from conftest import RunningService, program

HINT = "-DFASTIO_WITH_CUDA=ON"

pytestmark = pytest.mark.skipif(
    os.environ.get("FASTIO_WITHOUT_CUDA") != "ON", reason="this is not said to be a build without CUDA"
)


def test_fastiod_says_in_one_line_how_to_have_a_gpu(tmp_path: pathlib.Path) -> None:
    refused = subprocess.run(
        [program("fastiod"), "--socket", str(tmp_path / "s"), "--device", "cuda:0"], capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert HINT in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""


def test_the_host_serves_those_who_leave_the_device_to_it(service: RunningService) -> None:
    with fastio.FastIOContext(job="auto", socket=service.socket, device="auto") as ctx:
        assert ctx.device == "host"
        assert ctx.create(8).device == "host"


def test_a_context_on_a_gpu_is_refused(service: RunningService) -> None:
    with pytest.raises(fastio.DeviceUnavailableError):
        fastio.FastIOContext(job="gpu", socket=service.socket, device="cuda:0")


def test_an_embedded_service_on_a_gpu_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(fastio.DeviceUnavailableError, match=HINT):
        fastio.FastIOContext(job="gpu", socket=str(tmp_path / "s"), device="cuda:0", embedded=True)


def test_the_doctor_names_the_cure(service: RunningService) -> None:
    shown = subprocess.run([program("fastio"), "doctor", "--socket", service.socket], capture_output=True, text=True)
    assert HINT in shown.stdout
