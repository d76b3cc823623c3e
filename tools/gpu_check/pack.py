"""Copies what `./run gpu-check --build` needs into a folder that a GPU host can be given: pack.py BUILD FOLDER COMMIT.

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
    "gpu_process_bench",
    "fastio_cuda_conformance",
    "fastio_test_importer",
    "fastio_test_pattern_operator",
]
# The C library, which belongs to the kernel's side, and the driver.
HOSTS_OWN = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|dl|rt|pthread|util|anl|resolv|nss_.*|cuda|nvidia-.*))\.so")
MAX_BYTES = 64 << 20


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


def main():
    build, folder = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    for part in ("bin", "lib", "share"):
        shutil.rmtree(folder / part, ignore_errors=True)
        (folder / part).mkdir(parents=True)
    pack_programs(build, folder)
    shutil.copy(build / "gpu_tests.txt", folder)
    (folder / "commit").write_text(sys.argv[3] + "\n", encoding="utf-8")
    text = (ROOT / "examples" / "brain_mri" / "pipeline.yaml").read_text(encoding="utf-8")
    scan = pathlib.Path(re.search(r"path: (/[^\s}]+\.nii\.gz)", text).group(1))
    if scan.is_file():
        shutil.copy(scan, folder / "share")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"gpu-pack: {size / 2**20:.1f} MiB in {folder}")
    if size > MAX_BYTES:
        sys.exit(f"gpu-pack: that is more than {MAX_BYTES >> 20} MiB")


if __name__ == "__main__":
    main()
