"""Writes a CTest file with an entry for each test function: list_tests.py FOLDER BUILD PYTHON OUTPUT.

Reads the files as text, so that listing imports nothing.
"""

import ast
import pathlib
import sys

# Files whose cases run on fake GPUs: the CUDA runtime of these processes is the emulator.
ON_EMULATED_GPUS = {"test_emulated_gpu"}
WATCHDOG_S = 300


def test_functions(file: pathlib.Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def quoted(text: object) -> str:
    return f"[==[{text}]==]"


def entries(folder: pathlib.Path, build: pathlib.Path, python: str) -> list[str]:
    lines = []
    for file in sorted(folder.glob("test_*.py")):
        environment = [f"PYTHONPATH={build}/python", f"FASTIO_BIN={build}/bin", "PYTHONDONTWRITEBYTECODE=1"]
        if file.stem in ON_EMULATED_GPUS:
            if not (build / "cudart_emulator").is_dir():
                continue
            environment.append(f"LD_LIBRARY_PATH={build}/cudart_emulator")
        for function in test_functions(file):
            name = quoted(f"Python.{file.stem.removeprefix('test_')}.{function.removeprefix('test_')}")
            command = [python, "-X", "faulthandler", "-m", "pytest", "-q", "-c", folder.parent.parent / "python" / "pyproject.toml",
                       "--rootdir", folder, f"{file}::{function}"]
            lines.append(f"add_test({name} {' '.join(quoted(word) for word in command)})")
            # Not where only some of the parameters are skipped.
            lines.append(
                f"set_tests_properties({name} PROPERTIES LABELS python TIMEOUT {WATCHDOG_S} "
                f"SKIP_REGULAR_EXPRESSION {quoted(chr(10) + '[0-9]+ skipped')} "
                f"ENVIRONMENT {quoted(';'.join(environment))})"
            )
    return lines


def main() -> None:
    folder, build, python, output = sys.argv[1:]
    lines = entries(pathlib.Path(folder), pathlib.Path(build), python)
    pathlib.Path(output).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
