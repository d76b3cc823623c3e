#!/usr/bin/env python3
"""Checks what the compiler cannot: which layer includes which, where CUDA headers may be, how long files are.

Also that what comments call "design P3" is in docs/invariants.md.

Run from anywhere; prints one line per finding and exits with 1 if there is any. The build enforces the order of the
layers too (each sees only the headers of the layers that it names); this says so in words, before anything is built,
and catches paths with "..", which the build cannot.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each layer and what it may include, besides itself, std, the system and third-party libraries.
LAYERS = {
    "core": {"fastio"},
    "device": {"fastio", "core"},
    "gpu": {"fastio", "core", "device"},  # the folder cuda/
    "table": {"fastio", "core", "device"},
    "wire": {"fastio", "core", "device"},
    "service": {"fastio", "core", "device", "table", "wire"},
    # The CUDA device is chosen in two places: service/main.cpp and the client's default factory.
    "client": {"fastio", "core", "device", "gpu", "table", "wire"},
}
# The library's own folder wires service and client together, and the command uses the public interface only.
LAYERS["library"] = {"fastio", *LAYERS}
LAYERS["cli"] = {"fastio"}
LAYERS["python"] = {"fastio"}  # the folder python/
LAYERS["doctor"] = {"fastio", "core", "device", "gpu", "wire"}
PROJECT_PREFIXES = set(LAYERS) | {"support"}
# The one place outside library/ where an upper layer meets another is named here with its reason.
EXCEPTIONS = {
    ("src/service/main.cpp", "gpu/choose_devices.hpp"),
    # A name is shown by the command as the service's log shows it.
    ("src/cli/text.cpp", "core/utf8.hpp"),
    # The command that looks below the public interface, because it says why that would not work.
    *(
        ("src/cli/doctor.cpp", header)
        for header in (
            "doctor/gpus.hpp",
            "doctor/listening.hpp",
            "doctor/machine.hpp",
            "doctor/sharing.hpp",
            "gpu/choose_devices.hpp",
        )
    ),
}

CUDA_HEADER = re.compile(r"^(cuda\w*|cooperative_groups|device_launch_parameters|nvml)\.h$|^(cuda|cub)/")
CUDA_FOLDERS = (
    "cuda/",
    "include/fastio/cuda/",
    "benchmarks/gpu/",
    "tests/cuda/",
    "tests/support/cudart_emulator/",
    "tests/unit/cudart_emulator/",
)
THRUST_FOLDERS = CUDA_FOLDERS + ("examples/",)
MAX_LINES = 500

DESIGN = re.compile(r"\bdesign (P\d+)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def tracked(*patterns):
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(name for name in names if (ROOT / name).is_file())


def findings_of_include(file, quote, header):
    if ".." in pathlib.PurePosixPath(header).parts:
        yield f"includes {header}: write the path from the layer's root"
    if CUDA_HEADER.match(header) and not file.startswith(CUDA_FOLDERS):
        yield f"includes {header}: CUDA headers belong in {', '.join(CUDA_FOLDERS)}"
    if header.startswith("thrust/") and not file.startswith(THRUST_FOLDERS):
        yield f"includes {header}: Thrust belongs in {', '.join(THRUST_FOLDERS)}"

    first = header.split("/")[0]
    if file.startswith("include/fastio/") and not file.startswith("include/fastio/cuda/"):
        standard = quote == "<" and "/" not in header and not header.endswith(".h")
        if not standard and not (quote == "<" and first == "fastio"):
            yield f"includes {header}: public headers include only std and <fastio/...>"
    elif file.startswith(("src/", "cuda/", "python/")):
        layer = file.split("/")[1] if file.startswith("src/") else {"cuda": "gpu"}.get(file.split("/")[0], "python")
        allowed = LAYERS.get(layer, set())
        of_another_layer = "/" in header and first in PROJECT_PREFIXES | {"fastio"} and first != layer
        if of_another_layer and first not in allowed and (file, header) not in EXCEPTIONS:
            yield f"includes {header}: {layer} may include {', '.join(sorted(allowed))} and itself"


def findings_of_design(file, line, known):
    for number in DESIGN.findall(line):
        if number not in known:
            yield f"{file}: 'design {number}' is not in docs/invariants.md"


def findings(file, known):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    if len(lines) > MAX_LINES:
        yield f"{file}: {len(lines)} lines; more than {MAX_LINES} is more than one idea"
    for number, line in enumerate(lines, 1):
        yield from findings_of_design(f"{file}:{number}", line, known)
        match = INCLUDE.match(line)
        if match:
            for finding in findings_of_include(file, *match.groups()):
                yield f"{file}:{number}: {finding}"


def main():
    sources = tracked("*.cpp", "*.hpp", "*.h", "*.cu", "*.cuh")
    known = set(re.findall(r"^## (P\d+):", (ROOT / "docs/invariants.md").read_text(encoding="utf-8"), re.MULTILINE))
    found = [finding for file in sources for finding in findings(file, known)]
    for script in tracked("*.py", "*.sh", "*.cmake", "run"):
        lines = len((ROOT / script).read_text(encoding="utf-8").splitlines())
        if lines > MAX_LINES:
            found.append(f"{script}: {lines} lines; more than {MAX_LINES} is more than one idea")
    print("\n".join(found + [f"{len(sources)} sources checked, {len(found)} findings"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
