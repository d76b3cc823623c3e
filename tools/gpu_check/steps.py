"""Runs the programs of a check, each under a deadline of its own."""

import contextlib
import dataclasses
import math
import os
import re
import signal
import subprocess
import time

KEPT_LINES = 80
ENDING_S = 5  # what a program is given to end by itself
KILLED_S = 5  # and the kernel to end it after SIGKILL, which it cannot while a driver holds it
LOOKS_LIKE_A_FAILURE = re.compile(r"\[  FAILED  \]|Failure|FAILED|[Ee]rror|differs|did not|cannot|could not|terminate")


@dataclasses.dataclass
class Step:
    name: str
    state: str  # "passed", "failed", "timed out", "stuck", "missing", "no time", "skipped"
    seconds: float = 0.0
    lines: list = dataclasses.field(default_factory=list)  # why it did not pass


class Runner:
    """`variables`: the environment of all programs. `start`: the moment that deadlines count from (time.monotonic).
    `save` is called after each step: what ends the check itself loses only the step that runs then."""

    def __init__(self, build, logs, variables, start, scrub, save=lambda: None):
        self.build = build
        self.steps = []
        self.save = save
        self._logs = logs
        self.variables = variables
        self._start = start
        self._scrub = scrub

    def run(self, name, program, options, end_s, limit_s=math.inf, **variables):
        """Runs BUILD/bin/program, or a path, until `end_s` after the start at the latest and for at most `limit_s`; its
        standard output as text, and the step, which is also kept in `steps`."""
        step = Step(name, "passed")
        self.steps.append(step)
        path = self.build / "bin" / program
        limit = min(limit_s, self.seconds_until(end_s))
        output = ""
        if not path.is_file():
            step.state = "missing"
            step.lines = [f"the build has no program {program}"]
        elif limit < 1:
            step.state = "no time"
            step.lines = ["the steps before took all of the time"]
        else:
            print(f"== gpu-check: {name}", flush=True)
            try:
                output = self._run(step, [str(path), *options], limit, variables)
            except OSError as error:  # it cannot be executed, or its log cannot be written
                fail(step, "failed", [self._scrub(f"could not be run: {error}")])
        print(f"== gpu-check: {name}: {step.state} after {step.seconds:.1f} s", flush=True)
        self.save()
        return step, output

    def skip(self, name, reason):
        """A step that is not asked for here: the report says why."""
        self.steps.append(Step(name, "skipped", lines=[self._scrub(reason)]))
        print(f"== gpu-check: {name}: skipped: {reason}", flush=True)
        self.save()

    def seconds_until(self, end_s):
        """What is left until `end_s` after the start."""
        return self._start + end_s - time.monotonic()

    def part(self, name, ask, otherwise):
        """What `ask` gives; where it fails, `otherwise`, and a step says why: no part takes the others' report."""
        try:
            return ask()
        except Exception as error:
            step = Step(name, "passed")
            self.steps.append(step)
            refuse(step, self._scrub(f"{type(error).__name__}: {error}"))
            return otherwise

    def errors_of(self, step):
        """What it wrote to its standard error."""
        file = self._log(step, "err")
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def _log(self, step, kind):
        """Without spaces, so that it can be copied from another machine by its name."""
        return self._logs / f"{step.name.replace(' ', '-')}.{kind}"

    def _run(self, step, command, limit, variables):
        files = [self._log(step, kind) for kind in ("out", "err")]
        start = time.monotonic()
        with open(files[0], "wb") as out, open(files[1], "wb") as err:
            # A session of its own, so that what it leaves behind can be ended with it.
            process = subprocess.Popen(
                command,
                env={**self.variables, **variables},
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
            try:
                process.wait(timeout=KILLED_S)
                is_stuck = False
            except subprocess.TimeoutExpired:
                is_stuck = True
        step.seconds = round(time.monotonic() - start, 2)
        output, errors = (file.read_text(encoding="utf-8", errors="replace") for file in files)
        if is_stuck:
            reason = f"still there {KILLED_S} s after SIGKILL, at the end of its limit of {limit:.0f} s"
            fail(step, "stuck", [reason, *self._lines(output, errors)])
        elif status is None:
            fail(step, "timed out", [f"ended after its limit of {limit:.0f} s", *self._lines(output, errors)])
        elif status != 0:
            fail(step, "failed", [f"exit status {status}", *self._lines(output, errors)])
        return output

    def _lines(self, output, errors):
        lines = [line for line in self._scrub(errors + output).splitlines() if line.strip()]
        telling = [line for line in lines if LOOKS_LIKE_A_FAILURE.search(line)]
        return telling[:KEPT_LINES] or lines[-KEPT_LINES:]


def all_passed(steps):
    return all(step.state in ("passed", "skipped") for step in steps)


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
