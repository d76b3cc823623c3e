"""Type hints: they are those of the module, and they hold."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

import fastio
from conftest import HERE, package

PACKAGE = HERE.parent.parent / "python"
pytestmark = pytest.mark.build


def test_the_hints_of_the_module_are_those_that_it_generates(tmp_path: pathlib.Path) -> None:
    package("nanobind.stubgen")
    made = tmp_path / "_core.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "--quiet", "--include-private", "-m", "fastio._core"]
    subprocess.run([*command, "-p", str(PACKAGE / "stub_patterns.txt"), "-o", str(made)], check=True)
    committed = (PACKAGE / "fastio" / "_core.pyi").read_text()
    assert made.read_text() == committed, "make it again: see CONTRIBUTING.md"


def check(folder: pathlib.Path, code: str) -> subprocess.CompletedProcess[str]:
    package("mypy")
    (folder / "user.py").write_text(textwrap.dedent(code))
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "user.py"],
        cwd=folder,
        env={"MYPYPATH": str(PACKAGE), "PATH": ""},
        capture_output=True,
        text=True,
    )


def test_programs_of_users_pass_a_strict_check(tmp_path: pathlib.Path) -> None:
    done = check(
        tmp_path,
        """
        import numpy as np
        import fastio

        def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
            context: fastio.FastIOContext = payload.fastio_context
            context.publish_array(np.zeros((2, 3)), "x", attributes={"unit": "mm"})
            with context.get("x", timeout=None) as a:
                shape: tuple[int, ...] = a.shape
                print(shape, a.type, a.numpy().sum(), memoryview(a), bytes(a))
            found = context.find("y")
            if found is not None:
                found.free()
            for entry in payload.input_fastio_entries:
                print(entry.name, entry.shape, payload.output_entries["picture"].path)
            return True

        driver = fastio.Driver(execute_handler=execute)
        driver.start()
        driver.wait_for_completion()
        state = fastio.safetensors.load(fastio.FastIOContext(), "weights/", timeout=5.0)
        print(len(state), fastio.bfloat16.itemsize)
        """,
    )
    assert done.returncode == 0, done.stdout


def test_mistakes_of_users_do_not_pass(tmp_path: pathlib.Path) -> None:
    done = check(
        tmp_path,
        """
        import fastio
        ctx = fastio.FastIOContext(job=3)
        ctx.create("large")
        ctx.get("x", 5.0)
        ctx.find("x").free()
        """,
    )
    for line in (3, 4, 5, 6):
        assert f"user.py:{line}: error" in done.stdout


def test_every_public_name_has_a_docstring() -> None:
    for name in fastio.__all__:
        value = getattr(fastio, name)
        if isinstance(value, type):
            assert value.__doc__, name
            for attribute, member in vars(value).items():
                if not attribute.startswith("_") and (callable(member) or isinstance(member, property)):
                    # nanobind writes the signature there, and nothing else where there is no text.
                    lines = (getattr(member, "__doc__", None) or "").splitlines()
                    assert any(line.strip() and not line.startswith(f"{attribute}(") for line in lines), (
                        name,
                        attribute,
                    )
        elif callable(value):
            assert value.__doc__, name
    for function in (fastio.safetensors.publish, fastio.safetensors.load, fastio.safetensors.metadata):
        assert "Raises" in (function.__doc__ or ""), function
