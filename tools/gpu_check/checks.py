"""The steps of a check: doctor, conformance, tests, demo, Python, benchmarks. Each gives its part of the report."""

import json
import pathlib
import re
import shutil
import tempfile
import xml.etree.ElementTree as Xml

import steps
from steps import refuse

LIMIT_S = 8 * 60
# When each part ends at the latest, in seconds after the start, so that a part that hangs takes none of the time of the
# later ones, and one that ends early leaves them what it did not need. What remains is for ending the last program and
# for the report.
ENDS_S = {
    "doctor": 70,
    "conformance": 220,
    "tests": 310,
    "demo": 340,
    "python": 385,
    "benchmarks": LIMIT_S - 15,
}
TEST_LIMIT_S = 60  # of one test program
ON_THE_HOST = "computing on the host"  # what an operator of the example says where no kernel runs
ASK_PYTHON_S = 60  # to import PyTorch and CuPy, from a disk that has not read them yet
# What a Python has of what the tests need; fastio is the build's own.
ASK_PYTHON = """
import importlib, json, platform
found = {"version": platform.python_version()}
for name in ("numpy", "pytest", "fastio", "torch", "cupy"):
    try:
        found[name] = getattr(importlib.import_module(name), "__version__", "unknown")
    except Exception as error:
        found[name + "_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""
# What a test program of gtest says of each case; only at the end of a case is there a time behind its name.
CASE_BEGINS = re.compile(r"^\[ RUN      \] (\S+)$")
CASE_ENDS = re.compile(r"^\[ *(OK|FAILED|SKIPPED) *\] ([^\s,]+)(?:, where .*)? \(\d+ ms\)$")
RESULTS = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
SCAN = re.compile(r"(?<=path: )(/[^\s}]+\.nii\.gz)")


def doctor(runner):
    """What `fastio doctor` finds on this machine, also where that is a problem."""
    step, output = runner.run("doctor", "fastio", ["doctor", "--json"], ENDS_S["doctor"])
    try:
        return json.loads(output)
    except ValueError:
        if step.state == "passed":
            refuse(step, "its answer is no JSON")
        return {}


def conformance(runner):
    """The lines of the conformance program: one object for each rule."""
    step, output = runner.run("conformance", "fastio_cuda_conformance", [], ENDS_S["conformance"])
    found = []
    for line in filter(str.strip, output.splitlines()):
        try:
            found.append(json.loads(line))
        except ValueError:  # the last one of a program that was ended may be cut short
            if step.state == "passed":
                refuse(step, f"a line that is no JSON: {line[:80]}")
    if step.state == "passed" and not found:
        refuse(step, "it said nothing")
    return found


def no_tests():
    return {"programs": 0, "passed": 0, "failed": 0, "skipped": 0, "skipped_cases": [], "failed_cases": []}


def tests(runner, folder, on_gpu, counts=None):
    """Counts over all test programs that the build names in gpu_tests.txt, and the names of what was skipped; in
    `counts`, program by program."""
    counts = no_tests() if counts is None else counts
    listing = runner.build / "gpu_tests.txt"
    programs = listing.read_text(encoding="utf-8").split() if listing.is_file() else []
    variables = {"FASTIO_REQUIRE_GPU": "ON"} if on_gpu else {}  # on the emulator they skip
    for program in programs:
        counts["programs"] += 1
        file = folder / f"{program}.json"
        step, output = runner.run(
            f"test {program}", program, [f"--gtest_output=json:{file}"], ENDS_S["tests"], TEST_LIMIT_S, **variables
        )
        try:
            cases = list(read_cases(file))
        except (ValueError, KeyError) as error:  # the program was ended while it wrote
            cases = []
            if step.state == "passed":
                refuse(step, f"its results cannot be read: {error}")
        if step.state == "passed" and not cases:
            refuse(step, "no test case ran")
        if step.state != "passed" and not cases:  # gtest writes its results at the end of the program only
            cases, unended = said_cases(output)
            if unended is not None:
                step.lines.insert(1, f"{unended} did not end")
                cases.append((unended, "failed"))
        for name, result in cases:
            counts[result] += 1
            if result != "passed":
                counts[f"{result}_cases"].append(name)
    if not programs:
        step, _ = runner.run("tests", "gpu_tests.txt", [], ENDS_S["tests"])
        step.lines = ["the build names no tests: gpu_tests.txt is missing or empty"]
    return counts


def read_cases(file):
    if not file.is_file():  # the program did not come to its end
        return
    for suite in json.loads(file.read_text(encoding="utf-8")).get("testsuites", []):
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                yield name, "failed"
            elif case.get("result") == "SKIPPED":
                yield name, "skipped"
            elif case.get("status") == "RUN":
                yield name, "passed"


def said_cases(output):
    """The results of the cases that ended, as the program told them; and the case that did not, or None."""
    cases, running = [], None
    for line in output.splitlines():
        if begins := CASE_BEGINS.match(line):
            running = begins[1]
        elif ends := CASE_ENDS.match(line):
            cases.append((ends[2], RESULTS[ends[1]]))
            running = None
    return cases, running


def demo(runner, root, folder, on_gpu):
    """The brain MRI on the first GPU: the table of the run, and the name of the picture in the output folder."""
    pipeline = root / "examples" / "brain_mri" / "pipeline.yaml"
    text = pipeline.read_text(encoding="utf-8")
    scan = SCAN.search(text)
    carried = runner.build / "share" / scan.group(1).split("/")[-1] if scan else None
    if carried and carried.is_file():  # the machine need not have the package that it comes with
        pipeline = folder / "pipeline.yaml"
        pipeline.write_text(SCAN.sub(str(carried), text), encoding="utf-8")
    step, output = runner.run(
        "demo",
        "fastio",
        ["run", "--json", "--device", "cuda:0", "--workdir", str(folder), str(pipeline)],
        ENDS_S["demo"],
    )
    pictures = sorted(path.name for path in folder.glob("*.png"))
    if step.state == "passed" and not pictures:
        refuse(step, "the pipeline left no picture")
    if step.state == "passed" and on_gpu and ON_THE_HOST in runner.errors_of(step):
        refuse(step, "an operator computed on the host: see its line in the log")
    try:
        table = json.loads(output)
    except ValueError:
        table = None
    return {"table": table, "picture": pictures[0] if pictures else None}


def python(runner, root, folder, on_gpu):
    """The Python package with this machine's PyTorch and CuPy: what its python3 has, and counts of tests."""
    tests = root / "tests" / "python"
    package = runner.build / "python"
    interpreter = shutil.which("python3", path=runner.variables.get("PATH"))
    reason = (
        "there is no python3"
        if interpreter is None
        else "the build has no Python package: gpu-pack --python makes one"
        if not (package / "fastio").is_dir()
        else "the tests of the Python package are not here"
        if not (tests / "test_gpu.py").is_file()
        else None
    )
    if reason:
        runner.skip("python", reason)
        return {}
    # Without the packed C++ library, which could be older than the one that this Python's packages were made for.
    libraries = runner.variables.get("LD_LIBRARY_PATH", "").split(":")
    packed = str(runner.build / "lib")
    variables = {
        "LD_LIBRARY_PATH": ":".join(str(package / "lib") if path == packed else path for path in libraries),
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FASTIO_BIN": str(runner.build / "bin"),
        **({"FASTIO_REQUIRE_GPU": "ON"} if on_gpu else {}),
    }
    step, output = runner.run(
        "python packages", interpreter, ["-c", ASK_PYTHON], ENDS_S["python"], ASK_PYTHON_S, **variables
    )
    try:
        found = json.loads(output)
    except ValueError:
        return {}
    missing = [name for name in ("fastio", "numpy", "pytest") if name not in found]
    if not missing and "torch" not in found and "cupy" not in found:
        missing = ["torch", "cupy"]
    if on_gpu and "fastio" in missing:
        refuse(step, f"Python {found['version']} cannot import the build's package: {found['fastio_error']}")
        return found
    reason = "; ".join(found[f"{name}_error"] for name in missing)
    if reason:
        runner.skip("python", f"Python {found['version']}: {reason}")
        return found
    results = folder / "python.xml"
    # Sockets are in it, whose paths have 107 bytes at the most.
    base = pathlib.Path(tempfile.mkdtemp(prefix="fastio-"))
    options = ["-m", "pytest", "-q", "-c", root / "python" / "pyproject.toml", "--rootdir", tests]
    options += [f"--basetemp={base / 'p'}", f"--junitxml={results}", tests / "test_gpu.py"]
    try:
        step, _ = runner.run("python", interpreter, map(str, options), ENDS_S["python"], **variables)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    counts = count_cases(results)
    if step.state == "passed" and on_gpu and not counts["passed"]:
        refuse(step, "no test case ran")
    return {**found, **counts}


def count_cases(file):
    """Of a report in the form of JUnit."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        cases = Xml.parse(file).getroot().iter("testcase")
    except (OSError, Xml.ParseError):  # the program did not come to its end
        return counts
    for case in cases:
        kinds = {result.tag for result in case}
        counts["failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"] += 1
    return counts


def benchmarks(runner, folder, quick):
    """What gpu_process_bench measured."""
    file = folder / "gpu_process_bench.json"
    within_s = max(1, int(runner.seconds_until(ENDS_S["benchmarks"])) - steps.ENDING_S)
    options = ["--json", str(file), "--within", str(within_s), *(["--quick"] if quick else [])]
    step, _ = runner.run("benchmarks", "gpu_process_bench", options, ENDS_S["benchmarks"])
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        if step.state == "passed":
            refuse(step, f"its figures cannot be read: {error}")
        return {}


def judged(measured):
    """The figures that something is asked of: how many times faster than what was measured beside them."""
    for case in measured.get("cases", []):
        for row in case.get("figures", []):
            if "at_least" in row:
                yield {
                    "figure": row["what"],
                    "against": row.get("reference"),
                    "target": row["at_least"],
                    "measured": row.get("times_faster"),
                    "met": row.get("met"),
                }
