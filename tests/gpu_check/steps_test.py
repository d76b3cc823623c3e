#!/usr/bin/env python3
"""The steps of `./run gpu-check`: none stops the others, and each says why it did not pass."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import sys
import tarfile
import tempfile
import time
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "gpu_check"))
import checks  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
import steps  # noqa: E402


def is_alive(process):
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


class Steps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = pathlib.Path(folder.name)
        (self.build / "bin").mkdir()
        self.runner = self.make_runner()

    def make_runner(self, started_before_s=0, save=lambda: None):
        variables = {key: value for key, value in os.environ.items() if not key.startswith("FASTIO_")}
        return steps.Runner(
            self.build,
            self.build,
            variables,
            time.monotonic() - started_before_s,
            lambda text: text.replace(str(self.build), "BUILD"),
            save,
        )

    def program(self, name, *lines):
        path = self.build / "bin" / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
        path.chmod(0o755)

    def test_a_program_that_ends_well_passes_and_its_output_is_given(self):
        self.program("good", "echo text; echo noise >&2")
        step, output = self.runner.run("good", "good", [], 60)
        self.assertEqual((step.state, step.lines, output), ("passed", [], "text\n"))

    def test_one_that_fails_tells_its_status_and_the_telling_lines(self):
        self.program("bad", "echo fine", f"echo 'error in {self.build}' >&2", "exit 3")
        step, _ = self.runner.run("bad", "bad", [], 60)
        self.assertEqual((step.state, step.lines), ("failed", ["exit status 3", "error in BUILD"]))

    def test_one_that_hangs_is_ended_with_what_it_started(self):
        self.program("hangs", "tail -f /dev/null & echo $!; wait")
        step, output = self.runner.run("hangs", "hangs", [], 3600, 1)
        self.assertEqual(step.state, "timed out")
        while is_alive(int(output)):  # killed, and gone in its own time
            pass

    def test_one_that_survives_sigkill_is_stuck_and_the_next_one_runs(self):
        # As in state D, in which a signal does nothing.
        self.program("hangs", "echo figures; exec tail -f /dev/null")
        self.program("good")
        started, popen = [], steps.subprocess.Popen
        short = unittest.mock.patch.multiple(
            steps, ENDING_S=0.1, KILLED_S=0.1, end_group=lambda group, signal_number: None
        )
        keep = unittest.mock.patch.object(
            steps.subprocess, "Popen", lambda *args, **options: started.append(popen(*args, **options)) or started[-1]
        )
        with short, keep:
            step, output = self.runner.run("hangs", "hangs", [], 3600, 1)
        self.addCleanup(started[0].wait)
        self.addCleanup(started[0].kill)
        self.assertEqual((step.state, output), ("stuck", "figures\n"))
        self.assertEqual(self.runner.run("good", "good", [], 60)[0].state, "passed")

    def test_one_that_cannot_be_executed_failed_and_says_why(self):
        (self.build / "bin" / "garbage").write_bytes(b"\x7fELF")
        step, _ = self.runner.run("garbage", "garbage", [], 60)
        self.assertEqual(step.state, "failed")
        self.assertIn("Permission denied: 'BUILD/bin/garbage'", step.lines[0])

    def test_after_each_step_what_there_is_is_saved(self):
        saved = []
        self.program("good")
        runner = self.make_runner(save=lambda: saved.append([step.state for step in runner.steps]))
        for name in ("good", "none"):
            runner.run(name, name, [], 60)
        self.assertEqual(saved, [["passed"], ["passed", "missing"]])

    def test_a_part_that_breaks_is_a_step_that_failed(self):
        self.assertEqual(self.runner.part("part", lambda: 1 // 0, otherwise={}), {})
        self.assertEqual(self.runner.steps[-1].lines, ["ZeroDivisionError: integer division or modulo by zero"])
        self.assertEqual(self.runner.part("part", lambda: 3, otherwise={}), 3)

    def test_a_file_of_the_report_is_whole_or_the_one_before(self):
        file = self.build / "report"
        report.replace_file(file, "first")
        with unittest.mock.patch("os.replace", side_effect=OSError), self.assertRaises(OSError):
            report.replace_file(file, "second")
        self.assertEqual(file.read_text(encoding="utf-8"), "first")
        report.replace_file(file, "third")
        self.assertEqual(file.read_text(encoding="utf-8"), "third")

    def test_one_that_is_not_there_is_missing(self):
        step, _ = self.runner.run("none", "none", [], 60)
        self.assertEqual(step.state, "missing")

    def test_after_the_deadline_nothing_starts(self):
        self.program("good")
        step, _ = self.make_runner(60).run("good", "good", [], 60)
        self.assertEqual(step.state, "no time")

    def test_a_part_that_took_all_of_its_time_leaves_the_next_one_its_own(self):
        self.program("fastio_cuda_conformance", "echo '{}'")
        self.program("good_test")
        (self.build / "gpu_tests.txt").write_text("good_test\n", encoding="utf-8")
        late = self.make_runner(checks.ENDS_S["conformance"])
        checks.conformance(late)
        checks.tests(late, self.build, False)
        self.assertEqual([step.state == "no time" for step in late.steps], [True, False])

    def test_all_parts_end_within_what_is_promised(self):
        ends = list(checks.ENDS_S.values())
        self.assertEqual(ends, sorted(ends))
        self.assertLess(ends[-1] + steps.ENDING_S + steps.KILLED_S, checks.LIMIT_S)
        self.assertLess(machine.DESCRIBE_LIMIT_S, ends[0])

    def test_one_that_hangs_is_ended_at_the_deadline(self):
        self.program("hangs", "tail -f /dev/null")
        step, _ = self.make_runner(58).run("hangs", "hangs", [], 60)
        self.assertEqual(step.state, "timed out")

    def test_the_report_has_the_rules_in_their_order(self):
        found = [{"rule": rule, "got": f"answer to {rule}"} for rule in ("G1", "10b", "9", "10a")]
        text = "\n".join(report.conformance_of({"conformance": found}))
        self.assertEqual(re.findall(r"answer to (\w+)", text), ["9", "10a", "10b", "G1"])

    def test_a_gpu_is_held_for_as_long_as_the_block_lasts(self):
        held = self.build / "held"
        self.program("holds", f"echo held; cat >/dev/null; echo gone >{held}")
        with machine.held_gpu(self.build / "bin" / "holds", None):
            self.assertFalse(held.exists())
        self.assertTrue(held.exists())

    def test_a_machine_whose_driver_holds_what_asks_it_is_told(self):
        self.program("hangs", "exec tail -f /dev/null")
        started, popen = [], machine.subprocess.Popen
        short = unittest.mock.patch.multiple(machine, DESCRIBE_LIMIT_S=0.1, KILLED_S=0.1)
        keep = unittest.mock.patch.object(
            machine.subprocess, "Popen", lambda *args, **options: started.append(popen(*args, **options)) or started[-1]
        )
        survives = unittest.mock.patch.object(popen, "kill", lambda process: None)
        with short, keep, survives:
            found = machine.describe_gpu(self.build / "bin" / "hangs", None)
        self.addCleanup(started[0].communicate)
        self.addCleanup(started[0].kill)
        self.assertIn("timed out", found["error"])

    def test_without_what_holds_a_gpu_the_block_runs(self):
        with machine.held_gpu(self.build / "bin" / "none", None):
            pass

    def test_conformance_that_says_nothing_did_not_pass(self):
        self.program("fastio_cuda_conformance")
        self.assertEqual(checks.conformance(self.runner), [])
        self.assertEqual(self.runner.steps[-1].state, "failed")

    def test_conformance_gives_its_lines_also_when_it_fails(self):
        self.program("fastio_cuda_conformance", 'echo \'{"rule": "13", "verdict": "differs"}\'', "exit 1")
        self.assertEqual(checks.conformance(self.runner), [{"rule": "13", "verdict": "differs"}])
        self.assertEqual(self.runner.steps[-1].state, "failed")

    def test_conformance_that_was_ended_keeps_the_lines_that_are_whole(self):
        self.program("fastio_cuda_conformance", 'echo \'{"rule": "1"}\'', "printf '{\"ru'", "kill -9 $$")
        self.assertEqual(checks.conformance(self.runner), [{"rule": "1"}])
        self.assertEqual(self.runner.steps[-1].lines[0], "exit status -9")

    def test_conformance_that_says_something_else_did_not_pass(self):
        self.program("fastio_cuda_conformance", "echo 'all is well'")
        checks.conformance(self.runner)
        self.assertEqual(self.runner.steps[-1].state, "failed")

    def test_a_test_program_that_runs_nothing_did_not_pass(self):
        self.program("empty_test")
        (self.build / "gpu_tests.txt").write_text("empty_test\n", encoding="utf-8")
        counts = checks.tests(self.runner, self.build, True)
        self.assertEqual((counts["programs"], counts["passed"]), (1, 0))
        self.assertEqual(self.runner.steps[-1].state, "failed")

    def test_results_that_are_cut_short_fail_their_step_and_the_next_program_runs(self):
        self.program("cut_test", 'printf \'{"testsu\' >"${1#--gtest_output=json:}"')
        self.program("next_test", "exit 1")
        (self.build / "gpu_tests.txt").write_text("cut_test\nnext_test\n", encoding="utf-8")
        counts = checks.tests(self.runner, self.build, True)
        self.assertEqual(counts["programs"], 2)
        self.assertIn("its results cannot be read", self.runner.steps[0].lines[0])

    def said_by(self, *lines):
        """What is counted of a test program that says this and leaves no results."""
        self.program("broken_test", *(f"echo '{line}'" for line in lines), "kill -9 $$")
        (self.build / "gpu_tests.txt").write_text("broken_test\n", encoding="utf-8")
        return checks.tests(self.runner, self.build, True)

    def test_a_test_program_that_breaks_keeps_the_results_that_it_told(self):
        counts = self.said_by(
            "[ RUN      ] Suite.Good",
            "[       OK ] Suite.Good (3 ms)",
            "[ RUN      ] Suites/Suite.Bad/0",
            "[  FAILED  ] Suites/Suite.Bad/0, where GetParam() = a (b) (12 ms)",
            "[ RUN      ] Suite.Skipped",
            "[  SKIPPED ] Suite.Skipped (0 ms)",
            "[ RUN      ] Suite.Breaks",
        )
        self.assertEqual((counts["passed"], counts["failed"], counts["skipped"]), (1, 2, 1))
        self.assertEqual(counts["failed_cases"], ["Suites/Suite.Bad/0", "Suite.Breaks"])
        self.assertEqual(counts["skipped_cases"], ["Suite.Skipped"])
        self.assertEqual(self.runner.steps[-1].lines[:2], ["exit status -9", "Suite.Breaks did not end"])

    def test_a_test_program_that_breaks_between_its_cases_names_none(self):
        counts = self.said_by(
            "[ RUN      ] Suite.Bad",
            "[  FAILED  ] Suite.Bad (1 ms)",
            "[  FAILED  ] 1 test, listed below:",
            "[  FAILED  ] Suite.Bad",
        )
        self.assertEqual(counts["failed_cases"], ["Suite.Bad"])
        self.assertFalse([line for line in self.runner.steps[-1].lines if "did not end" in line])

    def test_what_failed_is_told_in_more_than_a_few_lines(self):
        self.program("bad", "for i in $(seq 60); do echo error $i; done", "exit 1")
        self.assertIn("error 60", self.runner.run("bad", "bad", [], 60)[0].lines)

    def test_logs_have_names_without_spaces(self):
        self.program("bad", "echo why >&2")
        step, _ = self.runner.run("test of names", "bad", [], 60)
        self.assertTrue((self.build / "test-of-names.out").is_file())
        self.assertEqual(self.runner.errors_of(step), "why\n")

    def test_a_folder_is_packed_under_its_name(self):
        work = self.build / "work"
        (work / "logs").mkdir(parents=True)
        (work / "logs" / "a.out").write_text("said", encoding="utf-8")
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as left_over:
            left_over.bind(str(work / "socket"))
            report.pack_folder(work, self.build / "logs.tar.gz")
        with tarfile.open(self.build / "logs.tar.gz") as archive:
            self.assertEqual(archive.getnames(), ["work/logs/a.out"])

    def test_figures_that_are_cut_short_fail_their_step(self):
        self.program("gpu_process_bench", 'printf \'{"ca\' >"$2"')
        self.assertEqual(checks.benchmarks(self.runner, self.build, True), {})
        self.assertIn("its figures cannot be read", self.runner.steps[0].lines[0])

    def test_benchmarks_know_how_long_they_may_take(self):
        self.program("gpu_process_bench", 'echo "{\\"asked\\": \\"$*\\"}" >"$2"')
        late = self.make_runner(checks.ENDS_S["benchmarks"] - 60)
        words = checks.benchmarks(late, self.build, False)["asked"].split()
        self.assertIn(int(words[words.index("--within") + 1]), range(1, 60))

    def test_a_build_that_names_no_tests_did_not_pass(self):
        checks.tests(self.runner, self.build, True)
        self.assertNotEqual(self.runner.steps[-1].state, "passed")

    def test_on_a_gpu_tests_must_not_skip_for_want_of_one(self):
        self.program("prints_test", 'echo "require=$FASTIO_REQUIRE_GPU"', "exit 1")
        (self.build / "gpu_tests.txt").write_text("prints_test\n", encoding="utf-8")
        for on_gpu, value in ((True, "ON"), (False, "")):
            checks.tests(self.runner, self.build, on_gpu)
            self.assertIn(f"require={value}", self.runner.steps[-1].lines)

    def test_a_demo_that_computed_on_the_host_is_none_of_a_gpu(self):
        work = self.build / "work"
        work.mkdir()
        self.program(
            "fastio", f"touch {work}/picture.png; echo '{{}}'", "echo 'smooth | computing on the host, with copies' >&2"
        )
        for on_gpu, state in ((False, "passed"), (True, "failed")):
            found = checks.demo(self.runner, ROOT, work, on_gpu)
            self.assertEqual((self.runner.steps[-1].state, found["picture"]), (state, "picture.png"))

    def test_a_demo_without_a_picture_did_not_pass(self):
        self.program("fastio", "echo '{}'")
        checks.demo(self.runner, ROOT, self.build, False)
        self.assertEqual(self.runner.steps[-1].state, "failed")

    # What a python3 says of itself, and what pytest leaves.
    PACKAGES = {"version": "3.12.3", "numpy": "2", "pytest": "8", "fastio": "0", "torch": "2", "cupy_error": "none"}
    CASES = "<testsuite><testcase/><testcase><skipped/></testcase></testsuite>"

    def python(self, packages, cases="", on_gpu=True):
        (self.build / "python" / "fastio").mkdir(parents=True, exist_ok=True)
        (self.build / "results").write_text(cases, encoding="utf-8")
        (self.build / "packages").write_text(json.dumps(packages), encoding="utf-8")
        self.program(
            "python3",
            f"if [ $1 = -c ]; then exec cat {self.build}/packages; fi",
            'echo "require=$FASTIO_REQUIRE_GPU path=$PYTHONPATH"',
            f'for word; do case $word in --junitxml=*) cp {self.build}/results "${{word#*=}}" ;; esac; done',
        )
        self.runner.variables["PATH"] = f"{self.build / 'bin'}:{os.environ['PATH']}"
        return checks.python(self.runner, ROOT, self.build, on_gpu)

    def test_the_python_package_is_tested_with_what_this_machine_has(self):
        found = self.python(self.PACKAGES, self.CASES)
        self.assertEqual(found, {**self.PACKAGES, "passed": 1, "failed": 0, "skipped": 1})
        self.assertEqual([step.state for step in self.runner.steps], ["passed", "passed"])
        said = (self.build / "python.out").read_text(encoding="utf-8")
        self.assertEqual(said, f"require=ON path={self.build / 'python'}\n")

    def test_a_gpu_on_which_no_python_test_passed_is_a_failure(self):
        for on_gpu, state in ((True, "failed"), (False, "passed")):
            self.python(self.PACKAGES, "<testsuite><testcase><skipped/></testcase></testsuite>", on_gpu)
            self.assertEqual(self.runner.steps[-1].state, state)

    def test_without_the_package_or_pytorch_and_cupy_python_is_skipped_and_says_why(self):
        without = {
            "ModuleNotFoundError: no fastio for 3.13": {"fastio_error": "ModuleNotFoundError: no fastio for 3.13"},
            "no torch; no cupy": {"fastio": "0", "torch_error": "no torch", "cupy_error": "no cupy"},
        }
        for reason, packages in without.items():
            self.python({"version": "3.13.0", "numpy": "2", "pytest": "8", **packages}, on_gpu=False)
            step = self.runner.steps[-1]
            self.assertEqual((step.name, step.state), ("python", "skipped"))
            self.assertEqual(step.lines, [f"Python 3.13.0: {reason}"])
        shutil.rmtree(self.build / "python")
        self.assertEqual(checks.python(self.runner, ROOT, self.build, True), {})
        self.assertIn("gpu-pack --python", self.runner.steps[-1].lines[0])
        self.assertTrue(steps.all_passed(self.runner.steps), "a skip is seen, and is no failure")

    def test_on_a_gpu_a_package_that_cannot_be_imported_is_a_failure(self):
        self.python({"version": "3.13.0", "numpy": "2", "pytest": "8", "torch": "2", "fastio_error": "no module"})
        (step,) = self.runner.steps
        self.assertEqual(step.state, "failed")
        self.assertEqual(step.lines, ["Python 3.13.0 cannot import the build's package: no module"])

    def test_what_doctor_finds_is_kept_also_where_it_is_a_problem(self):
        self.program("fastio", 'echo \'{"verdict": "problem"}\'; exit 1')
        self.assertEqual(checks.doctor(self.runner), {"verdict": "problem"})
        self.assertEqual(self.runner.steps[-1].state, "failed")
        self.program("fastio", "echo no")
        self.assertEqual(checks.doctor(self.runner), {})
        self.assertEqual(self.runner.steps[-1].state, "failed")

    def test_the_machine_is_described_with_its_kernel_and_c_library(self):
        found = machine.describe_machine()
        self.assertIn(os.uname().release, found["kernel"])
        self.assertRegex(found["c_library"], r"^glibc 2\.\d+$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
