"""Checks a build on a GPU and writes a report; `./run gpu-check` calls it. Needs Python only: neither cmake nor ctest.

Exit status: 0 if every step passed, 1 if one did not or there is no GPU, 2 for wrong usage.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

import checks
import machine
import report as reports
from steps import Runner, Step, all_passed

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
# Where the sources were when a carried build was made: what stands before them in messages of its tests.
SOURCE_FOLDER = re.compile(r"(?<![\w./-])(?:/[\w.+-]+)+?/(?=(?:benchmarks|cuda|examples|src|tests)/)")


def options():
    parser = argparse.ArgumentParser(prog="./run gpu-check", description="Checks a build on this machine's first GPU.")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the build's folder, carried or made here")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=ROOT / "out" / "gpu-check",
        help="where the report goes (default: out/gpu-check)",
    )
    parser.add_argument("--library-path", type=pathlib.Path, help="a folder that comes first for libraries (for tests)")
    parser.add_argument("--quick", action="store_true", help="benchmarks only show that they work (for tests)")
    chosen = parser.parse_args()
    chosen.build = chosen.build.resolve()
    chosen.output = chosen.output.resolve()
    if not (chosen.build / "bin").is_dir():
        parser.error(f"{chosen.build} is no build: it has no folder bin")
    return chosen


def environment(chosen):
    variables = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("FASTIO_") or key.startswith("FASTIO_EMU_")
    }
    # What a carried build has in lib comes before what its programs were linked with.
    paths = [
        chosen.library_path and chosen.library_path.resolve(),
        chosen.build / "lib",
        os.environ.get("LD_LIBRARY_PATH"),
    ]
    variables["LD_LIBRARY_PATH"] = ":".join(str(path) for path in paths if path)
    variables["PATH"] = f"{chosen.build / 'bin'}:{variables.get('PATH', os.defpath)}"
    return variables


def stop(status, text):
    print(f"gpu-check: {text}", file=sys.stderr)
    sys.exit(status)


def fresh_folder(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def work_folder(output):
    """For logs and the like, which are not committed."""
    if output.is_relative_to(RESULTS):
        return pathlib.Path(tempfile.mkdtemp(prefix="fastio-gpu-check-"))
    return fresh_folder(output / "work")


def scrubber(chosen, work):
    """Reports are committed: they name no folder of this machine."""
    names = [
        (str(work), "WORK"),
        (str(chosen.output), "OUTPUT"),
        (str(chosen.build), "BUILD"),
        (str(ROOT), "ROOT"),
        (tempfile.gettempdir(), "TMP"),
        (str(pathlib.Path.home()), "~"),
    ]

    def scrub(text):
        for path, name in names:
            if path != "/":
                text = text.replace(path, name)
        return SOURCE_FOLDER.sub("", text)

    return scrub


def main():
    chosen = options()
    start = time.monotonic()
    variables = environment(chosen)
    gpu = machine.describe_gpu(chosen.build / "bin" / "gpu_process_bench", variables)
    on_gpu = gpu.get("library") == "cudart"
    if why := gpu.get("why_none") or gpu.get("error"):
        leave_the_reason(chosen, why, time.monotonic() - start)
        stop(1, f"no GPU to check: {why}")
    if not on_gpu and chosen.output.is_relative_to(RESULTS):
        stop(2, f"{chosen.output} is for results of GPUs, and this is the {gpu['library']}")

    chosen.output.mkdir(parents=True, exist_ok=True)
    work = work_folder(chosen.output)
    folders = {name: fresh_folder(work / name) for name in ("logs", "tests", "demo")}
    scrub = scrubber(chosen, work)
    found = nothing_found_yet(chosen, gpu)

    def save():
        found["steps"] = [dataclasses.asdict(step) for step in runner.steps]
        found["seconds"] = round(time.monotonic() - start, 1)
        return write(chosen.output, found, scrub)

    runner = Runner(chosen.build, folders["logs"], variables, start, scrub, save)
    save()
    try:
        with machine.held_gpu(chosen.build / "bin" / "gpu_process_bench", variables):
            ask(found, runner, folders, work, chosen, on_gpu)
        found["result"] = "passed" if all_passed(runner.steps) else "failed"
        say_what_was_found(found, save())
    finally:
        if work.is_relative_to(chosen.output):  # else the output is a folder of committed results
            reports.pack_folder(work, chosen.output / "logs.tar.gz")
            shutil.rmtree(work, ignore_errors=True)  # what comes back from a GPU host are three files
    return 0 if found["result"] == "passed" else 1


def leave_the_reason(chosen, error, seconds):
    """A report of a machine of whose GPU nothing could be found out, unless it would be among results of GPUs."""
    if chosen.output.is_relative_to(RESULTS):
        return
    chosen.output.mkdir(parents=True, exist_ok=True)
    found = nothing_found_yet(chosen, {})
    found["steps"] = [dataclasses.asdict(Step("describe", "failed", round(seconds, 2), error.splitlines()))]
    found.update(result="failed", seconds=round(seconds, 1))
    print(write(chosen.output, found, scrubber(chosen, chosen.output / "work")))


def nothing_found_yet(chosen, gpu):
    """A report before its first step."""
    return {
        "gpu": gpu.get("gpu", "unknown"),
        "driver": gpu.get("driver", "unknown"),
        "commit": machine.commit_of(ROOT, chosen.build),
        "library": gpu.get("library", "unknown"),
        "runtime": gpu.get("runtime", "unknown"),
        "gpu_memory_gib": round(gpu.get("total_bytes", 0) / 2**30, 1),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "machine": machine.describe_machine(),
        "quick": chosen.quick,
        "doctor": {},
        "conformance": [],
        "tests": checks.no_tests(),
        "demo": {},
        "python": {},
        "benchmarks": {},
        "figures": [],
        "steps": [],
        "result": "unfinished",
        "seconds": 0.0,
    }


def ask(found, runner, folders, work, chosen, on_gpu):
    """All parts, each into its place in `found`."""
    tests = found["tests"]
    parts = {
        "doctor": lambda: checks.doctor(runner),
        "conformance": lambda: checks.conformance(runner),
        "tests": lambda: checks.tests(runner, folders["tests"], on_gpu, tests),
        "demo": lambda: checks.demo(runner, ROOT, folders["demo"], on_gpu),
        "python": lambda: checks.python(runner, ROOT, folders["tests"], on_gpu),
        "benchmarks": lambda: checks.benchmarks(runner, work, chosen.quick),
        "figures": lambda: list(checks.judged(found["benchmarks"])),
    }
    for name, part in parts.items():
        found[name] = runner.part(name, part, otherwise=found[name])
        runner.save()


def write(output, found, scrub):
    """The report's two files, each whole at any time; gives the second one."""
    name = f"gpu-check-{found['date']}-{machine.slug(found['gpu'])}"
    reports.replace_file(output / f"{name}.json", scrub(json.dumps(found, indent=1, ensure_ascii=False)) + "\n")
    return reports.replace_file(output / f"{name}.md", scrub(reports.markdown(found)))


def say_what_was_found(found, file):
    missed = [figure["figure"] for figure in found["figures"] if figure["met"] is False]
    for figure in missed:
        print(f"== gpu-check: asked and not met: {figure}")
    print(f"== gpu-check: {found['result']} in {found['seconds']} s; the report:")
    print(file)


if __name__ == "__main__":
    sys.exit(main())
