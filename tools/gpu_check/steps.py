"""Runs the programs of a check, each under a deadline of its own."""

import contextlib
import dataclasses
import math
import os
import re
import signal
import subprocess
import time

KEPT_LINES = 20
ENDING_S = 5  # what a program is given to end by itself
LOOKS_LIKE_A_FAILURE = re.compile(r"\[  FAILED  \]|Failure|FAILED|[Ee]rror|differs|did not|cannot|could not|terminate")


@dataclasses.dataclass
class Step:
    name: str
    state: str  # "passed", "failed", "timed out", "missing", "no time"
    seconds: float = 0.0
    lines: list = dataclasses.field(default_factory=list)  # why it did not pass


class Runner:
    """`variables`: the environment of all programs. `start`: the moment that deadlines count from (time.monotonic)."""

    def __init__(self, build, logs, variables, start, scrub):
        self.build = build
        self.steps = []
        self._logs = logs
        self._variables = variables
        self._start = start
        self._scrub = scrub

    def run(self, name, program, options, end_s, limit_s=math.inf, **variables):
        """Runs BUILD/bin/program, until `end_s` after the start at the latest and for at most `limit_s`; its standard
        output as text, and the step, which is also kept in `steps`."""
        step = Step(name, "passed")
        self.steps.append(step)
        path = self.build / "bin" / program
        limit = min(limit_s, self._start + end_s - time.monotonic())
        output = ""
        if not path.is_file():
            step.state = "missing"
            step.lines = [f"the build has no program {program}"]
        elif limit < 1:
            step.state = "no time"
            step.lines = ["the steps before took all of the time"]
        else:
            print(f"== gpu-check: {name}", flush=True)
            output = self._run(step, [str(path), *options], limit, variables)
        print(f"== gpu-check: {name}: {step.state} after {step.seconds:.1f} s", flush=True)
        return step, output

    def errors_of(self, step):
        """What it wrote to its standard error."""
        file = self._logs / f"{step.name}.err"
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def _run(self, step, command, limit, variables):
        files = [self._logs / f"{step.name}.{kind}" for kind in ("out", "err")]
        start = time.monotonic()
        with open(files[0], "wb") as out, open(files[1], "wb") as err:
            # A session of its own, so that what it leaves behind can be ended with it.
            process = subprocess.Popen(
                command,
                env={**self._variables, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                status = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                status = None
                end_group(process.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=ENDING_S)
            end_group(process.pid, signal.SIGKILL)
            process.wait()
        step.seconds = round(time.monotonic() - start, 2)
        output, errors = (file.read_text(encoding="utf-8", errors="replace") for file in files)
        if status is None:
            fail(step, "timed out", [f"ended after its limit of {limit:.0f} s", *self._lines(output, errors)])
        elif status != 0:
            fail(step, "failed", [f"exit status {status}", *self._lines(output, errors)])
        return output

    def _lines(self, output, errors):
        lines = [line for line in self._scrub(errors + output).splitlines() if line.strip()]
        telling = [line for line in lines if LOOKS_LIKE_A_FAILURE.search(line)]
        return telling[:KEPT_LINES] or lines[-KEPT_LINES:]


def fail(step, state, lines):
    step.state = state
    step.lines = lines


def refuse(step, reason):
    """For a program that ended well and did not do what it is for."""
    fail(step, "failed", [reason])
    print(f"== gpu-check: {step.name}: failed: {reason}", flush=True)


def end_group(group, signal_number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal_number)
