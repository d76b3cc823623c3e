"""What a report says about the machine, the GPU and the source it was made from."""

import contextlib
import json
import os
import pathlib
import platform
import re
import select
import shutil
import subprocess

DESCRIBE_LIMIT_S = 60
HOLD_END_S = 5
KILLED_S = 5


def describe_gpu(program, variables):
    """What gpu_process_bench --describe says: gpu, driver, library, memory; or "why_none" or "error"."""
    try:
        pipe = subprocess.PIPE
        process = subprocess.Popen([program, "--describe"], env=variables, stdout=pipe, stderr=pipe, text=True)
    except OSError as error:
        return {"error": f"{program.name} --describe: {error}"}
    try:
        output, errors = process.communicate(timeout=DESCRIBE_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a driver may hold it, whatever kills it
            process.communicate(timeout=KILLED_S)
        return {"error": f"{program.name} --describe: {error}"}
    try:
        found = json.loads(output)
    except ValueError:  # it did not start: a library that is missing, or a C library that is too old
        return {"error": f"{program.name} --describe: status {process.returncode}: {errors.strip()}"}
    if found.get("library") == "cudart" and found.get("driver", "").startswith("unknown"):
        found["driver"] = found["driver"].replace("unknown", driver_by_nvidia_smi(), 1)
    return found


@contextlib.contextmanager
def held_gpu(program, variables):
    """A process with a context for as long as the block lasts, so that not each step waits for a GPU that starts."""
    try:
        process = subprocess.Popen(
            [program, "--hold"], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:  # the steps are slower then
        yield
        return
    try:
        select.select([process.stdout], [], [], DESCRIBE_LIMIT_S)
        yield
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # which a check that is killed does too
        try:
            process.wait(timeout=HOLD_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def driver_by_nvidia_smi():
    try:
        result = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return result.stdout.split()[0]
    except (OSError, IndexError, subprocess.SubprocessError):
        return "unknown"


def first_value(file, key):
    try:
        for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return "unknown"


def describe_machine():
    memory_kib = first_value("/proc/meminfo", "MemTotal").removesuffix(" kB")
    return {
        "cpu": first_value("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(memory_kib) / 2**20, 1) if memory_kib.isdigit() else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "c_library": " ".join(platform.libc_ver()).strip() or "unknown",
        "architecture": platform.machine(),
        "shared_memory_mib": shutil.disk_usage("/dev/shm").free >> 20 if os.path.isdir("/dev/shm") else None,
    }


def commit_of(root, build):
    """What the build was made from: its file `commit`, else what git says of the tree."""
    file = build / "commit"
    if file.is_file():
        return file.read_text(encoding="utf-8").strip()
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() or "unknown"
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def slug(text):
    """A part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
