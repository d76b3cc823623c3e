"""Running programs of a build on fake GPUs of their own."""

import contextlib
import os
import subprocess
import tempfile

WATCHDOG_S = 240


@contextlib.contextmanager
def environment(emulator, **settings):
    """The variables for programs on a fake machine that is gone with the block. `emulator`: its library's folder."""
    with tempfile.TemporaryDirectory(prefix="fastio-emulated-") as folder:
        variables = {key: value for key, value in os.environ.items() if not key.startswith("FASTIO_")}
        variables.update(FASTIO_EMU_DIR=folder, LD_LIBRARY_PATH=emulator, **settings)
        yield variables


def run(command, variables):
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=WATCHDOG_S)
