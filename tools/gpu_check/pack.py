"""Copies what `./run gpu-check --build` needs into a folder that a GPU host can be given:
pack.py BUILD FOLDER COMMIT [--python], with the Python package that the build has.

Programs without debug information, the shared libraries that they need and that a host with a driver lacks, the scan
of the demo. The host's own C library is used: it must be as new as this machine's.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = [
    "fastiod",
    "fastio",
    "op-load",
    "op-smooth",
    "op-segment",
    "op-render",
    "frame-source",
    "frame-infer",
    "frame-sink",
    "gpu_process_bench",
    "fastio_cuda_conformance",
    "fastio_test_importer",
    "fastio_test_pattern_operator",
]
# The C library, which belongs to the kernel's side, and the driver.
HOSTS_OWN = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|dl|rt|pthread|util|anl|resolv|nss_.*|cuda|nvidia-.*))\.so")
# What Python's other packages were made for is the host's.
PYTHONS_OWN = re.compile(r"^lib(stdc\+\+|gcc_s)\.so")
MAX_BYTES = 60 << 20  # with the tree, which goes along


def libraries_of(program):
    """Name and path of each library that the loader finds for it."""
    result = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    for line in result.stdout.splitlines():
        name, arrow, where = (part.strip() for part in line.partition("=>"))
        if arrow and not HOSTS_OWN.match(name):
            if where.startswith("not found"):
                sys.exit(f"gpu-pack: {program.name} needs {name}, which is not found")
            yield name, pathlib.Path(where.rsplit(" (", 1)[0])


def copy_program(source, target, build):
    shutil.copy(source, target)
    if source.is_relative_to(build):  # others' libraries come as they are
        subprocess.run(["strip", "--strip-unneeded", target], check=True)


def check_movable(program, build):
    """A path of a program in this build, in the packed one, would be missing there."""
    if f"{build}/bin".encode() in program.read_bytes():
        sys.exit(f"gpu-pack: {program.name} refers to programs in {build}/bin: it must find them beside itself")


def pack_programs(build, folder):
    tests = (build / "gpu_tests.txt").read_text(encoding="utf-8").split()
    libraries = {}
    for name in [*PROGRAMS, *tests]:
        source = build / "bin" / name
        if not source.is_file():
            sys.exit(f"gpu-pack: the build has no {name}: build the target gpu_check_programs")
        libraries.update(libraries_of(source))
        copy_program(source, folder / "bin" / name, build)
        check_movable(folder / "bin" / name, build)
    for name, path in sorted(libraries.items()):
        copy_program(path.resolve(), folder / "lib" / name, build)


def pack_python(build, folder):
    """As PYTHONPATH needs it; with the libraries of its module, which another's program loads, and of the programs that
    its tests start from there."""
    modules = list((build / "python" / "fastio").glob("_core.*.so"))
    if len(modules) != 1:
        sys.exit("gpu-pack: the build has no Python package, or several: " + ", ".join(path.name for path in modules))
    package = folder / "python" / "fastio"
    (folder / "python" / "lib").mkdir(parents=True)
    shutil.copytree(ROOT / "python" / "fastio", package, ignore=shutil.ignore_patterns("__pycache__"))
    copy_program(modules[0], package / modules[0].name, build)
    programs = [modules[0], build / "bin" / "fastiod", build / "bin" / "fastio"]
    for name, path in {library for program in programs for library in libraries_of(program)}:
        if not PYTHONS_OWN.match(name):
            copy_program(path.resolve(), folder / "python" / "lib" / name, build)


def bytes_of(paths):
    return sum(path.stat().st_size for path in paths if path.is_file() and not path.is_symlink())


def tree():
    """The files of the repository, without what git ignores; all of a tree that is no repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, capture_output=True, text=True)
    names = result.stdout.split("\0")
    return [ROOT / name for name in names if name] if result.returncode == 0 else ROOT.rglob("*")


def main():
    build, folder = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    for part in ("bin", "lib", "share", "python"):
        shutil.rmtree(folder / part, ignore_errors=True)
    for part in ("bin", "lib", "share"):
        (folder / part).mkdir(parents=True)
    pack_programs(build, folder)
    if "--python" in sys.argv[4:]:
        pack_python(build, folder)
    shutil.copy(build / "gpu_tests.txt", folder)
    (folder / "commit").write_text(sys.argv[3] + "\n", encoding="utf-8")
    text = (ROOT / "examples" / "brain_mri" / "pipeline.yaml").read_text(encoding="utf-8")
    scan = pathlib.Path(re.search(r"path: (/[^\s}]+\.nii\.gz)", text).group(1))
    if scan.is_file():
        shutil.copy(scan, folder / "share")
    packed = bytes_of(folder.rglob("*"))
    beside = bytes_of(path for path in tree() if not path.is_relative_to(folder))
    print(f"gpu-pack: {packed / 2**20:.1f} MiB in {folder}, and {beside / 2**20:.1f} MiB of the tree go along")
    if packed + beside > MAX_BYTES:
        sys.exit(f"gpu-pack: that is more than {MAX_BYTES >> 20} MiB")


if __name__ == "__main__":
    main()
