"""Starts the programs that the wheel carries. A package of its own, so that they start without importing NumPy."""

from __future__ import annotations

import os
import pathlib
import sys


def _become(name: str) -> None:
    program = pathlib.Path(__file__).resolve().parent.parent / "fastio" / "bin" / name
    try:
        os.execv(program, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: cannot start {program}: {error.strerror}; install the package fastio again")


def fastio() -> None:
    """The command ``fastio``."""
    _become("fastio")


def fastiod() -> None:
    """The service."""
    _become("fastiod")
