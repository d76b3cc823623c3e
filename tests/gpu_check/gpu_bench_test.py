#!/usr/bin/env python3
"""gpu_process_bench on the emulator: gpu_bench_test.py PROGRAM EMULATOR_FOLDER.

That every case runs, that what cannot is left out with its reason, and that nothing is called a GPU's. The figures
themselves say nothing here.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

import emulated

PROGRAM, EMULATOR = sys.argv[1:3]
WITH_KERNELS = {"kill"}
CASES = {"allocate", "open", "pool", "get", "handover", "upload", "alternate"} | WITH_KERNELS
JUDGED = {"pool": 0, "get": 1, "handover": 1, "upload": 1}  # pool judges a size that a quick run leaves out


class OnTheEmulator(unittest.TestCase):
    def run_bench(self, *options, **settings):
        with tempfile.TemporaryDirectory() as folder, emulated.environment(EMULATOR, **settings) as variables:
            file = pathlib.Path(folder) / "report.json"
            result = emulated.run([PROGRAM, "--json", str(file), *options], variables)
            return result, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def test_every_case_gives_figures_or_the_reason_why_not(self):
        result, report = self.run_bench("--quick")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(report["library"], "emulator")
        self.assertTrue(report["quick"])
        self.assertEqual({case["case"] for case in report["cases"]}, CASES)
        for case in report["cases"]:
            with self.subTest(case=case["case"]):
                self.assertNotIn("error", case)
                self.assertEqual(case["case"] in WITH_KERNELS, not case["figures"])
                self.assertEqual(case["case"] in WITH_KERNELS, bool(case["left_out"]))
                for row in case["figures"]:
                    self.assertTrue(math.isfinite(row["median"]), row)
                    self.assertGreater(row["samples"], 0, row)
                    self.assertNotIn("met", row, "only figures of a GPU are judged")
                if case["case"] == "pool":
                    until_back = [row for row in case["figures"] if row["what"].endswith("until memory is back")]
                    self.assertEqual(len(until_back), 2, "one for each size")
                if case["case"] == "handover":
                    self.assertIn("the clock of these times goes in steps of 1 ns", case["notes"])
                judged = [row for row in case["figures"] if "at_least" in row]
                self.assertEqual(len(judged), JUDGED.get(case["case"], 0))

    def test_a_size_that_does_not_fit_is_left_out_and_named(self):
        result, report = self.run_bench("--case", "open", FASTIO_EMU_MEMORY_MIB="100")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        (case,) = report["cases"]
        self.assertTrue(any(row["what"].endswith("of 64 MiB") for row in case["figures"]))
        self.assertFalse(any(row["what"].endswith("of 256 MiB") for row in case["figures"]))
        self.assertTrue(any(reason.startswith("256 MiB: needs") for reason in case["left_out"]))
        self.assertIn("left out: 256 MiB", result.stdout)

    def test_a_case_that_fails_says_so_and_the_others_go_on(self):
        result, report = self.run_bench(
            "--quick", "--case", "open", "--case", "alternate", FASTIO_EMU_FAIL="cudaIpcCloseMemHandle:1:1"
        )
        self.assertEqual(result.returncode, 1)
        first, second = report["cases"]
        self.assertIn("closing a handle", first["error"])
        self.assertIn("FAILED", result.stdout)
        self.assertTrue(second["figures"])

    def test_a_run_that_is_killed_keeps_the_cases_before(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            emulated.environment(EMULATOR, FASTIO_EMU_CALL_DELAY_US="cudaIpcOpenMemHandle=3600000000") as variables,
        ):
            file = pathlib.Path(folder) / "report.json"
            command = [PROGRAM, "--json", str(file), "--quick", "--case", "allocate", "--case", "open"]
            process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
            while not process.stderr.readline().startswith("measuring open"):
                pass
            process.kill()
            process.communicate()
            cases = json.loads(file.read_text(encoding="utf-8"))["cases"]
            self.assertEqual([case["case"] for case in cases], ["allocate"])
            self.assertTrue(cases[0]["figures"])

    def test_a_case_for_which_no_time_is_left_is_an_error(self):
        hangs = {"FASTIO_EMU_CALL_DELAY_US": "cudaIpcOpenMemHandle=3600000000"}
        result, report = self.run_bench(
            "--quick", "--within", "2", "--case", "open", "--case", "alternate", "--case", "pool", **hangs
        )
        self.assertEqual(result.returncode, 1)
        errors = [case["error"] for case in report["cases"]]
        self.assertIn("did not end within", errors[0])
        self.assertIn("took the 2 s that there were", errors[-1])

    def test_a_gpu_is_held_until_the_input_ends(self):
        with emulated.environment(EMULATOR) as variables:
            pipe = subprocess.PIPE
            process = subprocess.Popen([PROGRAM, "--hold"], env=variables, stdin=pipe, stdout=pipe, text=True)
            self.assertEqual(process.stdout.readline(), "held\n")
            self.assertIsNone(process.poll())
            process.communicate(timeout=emulated.WATCHDOG_S)
            self.assertEqual(process.returncode, 0)

    def test_without_a_gpu_it_is_skipped_in_one_line(self):
        result, report = self.run_bench(FASTIO_EMU_DRIVER="no-gpu")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(result.stdout.splitlines()), 1)
        self.assertIn("skipped", result.stdout)
        self.assertIn("skipped", report)

    def test_a_gpu_that_was_promised_and_is_not_there_is_a_failure(self):
        for settings in ({"FASTIO_EMU_DRIVER": "no-gpu"}, {}):
            result, _ = self.run_bench("--quick", "--require-gpu", **settings)
            self.assertEqual(result.returncode, 1)
            self.assertIn("skipped", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
