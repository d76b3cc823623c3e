"""Writes a CTest file with an entry for each test file, and for each test function of some:
list_tests.py FOLDER BUILD PYTHON OUTPUT [PRELOADED_LIBRARY].

Reads the files as text, so that listing imports nothing.
"""

import ast
import pathlib
import sys

# Files whose cases run on fake GPUs: the CUDA runtime of these processes is the emulator.
ON_EMULATED_GPUS = {"test_emulated_gpu", "test_emulated_gpu_streams"}
# Each of its functions is an entry: one for each sentence of the seed that promises something.
ONE_BY_ONE = {"test_seed"}
# Their subject is Python code, processes, or building, or they are many cases of what others have too; or a handle must
# come again, which the address sanitizer keeps from being used.
NOT_SANITIZED = {
    "test_allocation",
    "test_array_lifetimes",
    "test_arrays_out",
    "test_corrupt_safetensors",
    "test_driver",
    "test_emulated_gpu_streams",
    "test_entries",
    "test_examples",
    "test_processes",
    "test_safetensors",
    "test_safetensors_fuzz",
    "test_seed",
    "test_stubs",
}
WATCHDOG_S = 900


def test_functions(file: pathlib.Path) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def quoted(text: object) -> str:
    return f"[==[{text}]==]"


def entry(name: str, tests: str, folder: pathlib.Path, python: str, environment: list[str]) -> list[str]:
    command = [
        python,
        "-X",
        "faulthandler",
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-c",
        folder.parent.parent / "python" / "pyproject.toml",
        "--rootdir",
        folder,
        tests,
    ]
    return [
        f"add_test({quoted(name)} {' '.join(quoted(word) for word in command)})",
        # Not where only some of the cases are skipped.
        f"set_tests_properties({quoted(name)} PROPERTIES LABELS python TIMEOUT {WATCHDOG_S} COST 30 "
        f"SKIP_REGULAR_EXPRESSION {quoted('[^ 0-9][0-9]+ skipped')} "
        f"ENVIRONMENT {quoted(';'.join(environment))})",
    ]


def entries(folder: pathlib.Path, build: pathlib.Path, python: str, preloaded: str) -> list[str]:
    lines = []
    for file in sorted(folder.glob("test_*.py")):
        environment = [f"PYTHONPATH={build}/python", f"FASTIO_BIN={build}/bin", "PYTHONDONTWRITEBYTECODE=1"]
        if preloaded:
            if file.stem in NOT_SANITIZED:
                continue
            # The interpreter's own objects live as long as the process.
            environment += [f"LD_PRELOAD={preloaded}", "ASAN_OPTIONS=detect_leaks=0", "PYTHONMALLOC=malloc"]
        if file.stem in ON_EMULATED_GPUS:
            if not (build / "cudart_emulator").is_dir():
                continue
            environment.append(f"LD_LIBRARY_PATH={build}/cudart_emulator")
        name = f"Python.{file.stem.removeprefix('test_')}"
        if file.stem in ONE_BY_ONE:
            for function in test_functions(file):
                lines += entry(
                    f"{name}.{function.removeprefix('test_')}", f"{file}::{function}", folder, python, environment
                )
        else:
            lines += entry(name, str(file), folder, python, environment)
    return lines


def main() -> None:
    folder, build, python, output = sys.argv[1:5]
    preloaded = sys.argv[5] if len(sys.argv) > 5 else ""
    lines = entries(pathlib.Path(folder), pathlib.Path(build), python, preloaded)
    pathlib.Path(output).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
