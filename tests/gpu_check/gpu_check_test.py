#!/usr/bin/env python3
"""`./run gpu-check` from end to end on the emulator: gpu_check_test.py BUILD EMULATOR_FOLDER.

With a copy of the repository's files and a packed build, both away from where they were made, as on a GPU host that
was given them. What the steps find is not judged here.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

import emulated

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD, EMULATOR = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
CARRIED = [
    "run",
    "tools",
    "examples/brain_mri/pipeline.yaml",
    "benchmarks/README.md",
    "python/pyproject.toml",
    "tests/python",
]
HAS_PYTHON = any((BUILD / "python" / "fastio").glob("_core.*.so"))
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PACK_S = 240


def copy_tree(folder):
    for name in CARRIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


class GpuCheck(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="fastio-gpu-check-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.tree, cls.pack = cls.folder / "tree", cls.folder / "pack"
        copy_tree(cls.tree)
        subprocess.run(
            [sys.executable, "-B", ROOT / "tools" / "gpu_check" / "pack.py", BUILD, cls.pack, COMMIT]
            + (["--python"] if HAS_PYTHON else []),
            check=True,
            timeout=PACK_S,
        )
        cls.pack = cls.pack.rename(cls.folder / "moved")

    def gpu_check(self, output, *options):
        with emulated.environment("") as variables:
            variables.pop("LD_LIBRARY_PATH")
            return emulated.run(
                [
                    self.tree / "run",
                    "gpu-check",
                    "--build",
                    self.pack,
                    "--output",
                    output,
                    "--library-path",
                    EMULATOR,
                    *options,
                ],
                variables,
            )

    def read_report(self, output):
        (file,) = output.glob("gpu-check-*.json")
        text = file.read_text(encoding="utf-8")
        return json.loads(text), text + file.with_suffix(".md").read_text(encoding="utf-8")

    def test_a_whole_check(self):
        output = self.folder / "output"
        result = self.gpu_check(output, "--quick")
        found, text = self.read_report(output)
        states = {step["name"]: step["state"] for step in found["steps"]}
        passed = set(states.values()) <= {"passed", "skipped"}
        self.assertEqual(result.returncode, 0 if passed else 1, result.stdout + result.stderr)
        with self.subTest("the top level"):
            for key in ("gpu", "driver", "commit", "library", "date"):
                self.assertIsInstance(found[key], str)
            self.assertEqual(found["library"], "emulator")
            self.assertIn("emulator", found["gpu"])
            self.assertEqual(found["commit"], COMMIT)
            self.assertGreater(found["machine"]["cores"], 0)
        with self.subTest("every step ran, and these work here"):
            self.assertEqual(
                {states[name] for name in ("demo", "benchmarks", "test kernels_gpu_test")}, {"passed"}, found["steps"]
            )
            tests = [states[name] for name in states if name.startswith("test ")]
            self.assertEqual(len(tests), found["tests"]["programs"])
            names = [name for name in states if name.startswith("test ")]
            self.assertEqual(names[0], "test cuda_kernel_order_gpu_test", "what matters most comes first")
            self.assertEqual(names[-1], "test brain_mri_gpu_test")
            self.assertNotIn("test cuda_conformance_gpu_test", names, "conformance is a step of its own")
            self.assertLessEqual(set(tests), {"passed", "failed"}, "some tests of GPUs fail on the emulator")
            self.assertGreater(found["tests"]["skipped"], 0, "kernels do not run here")
            self.assertIsNotNone(found["demo"]["picture"])
        with self.subTest("conformance where the build has it"):
            has_it = (BUILD / "bin" / "fastio_cuda_conformance").is_file()
            self.assertEqual(bool(found["conformance"]), has_it)
            self.assertEqual(states["conformance"] == "missing", not has_it)
        with self.subTest("doctor came first, and its answer is there"):
            self.assertEqual(found["steps"][0]["name"], "doctor")
            self.assertEqual(found["doctor"]["library"], "emulator")
        with self.subTest("Python where the build has it"):
            self.assertEqual(
                states["python packages"] if HAS_PYTHON else states["python"], "passed" if HAS_PYTHON else "skipped"
            )
            if HAS_PYTHON and "fastio" in found["python"] and "torch" in found["python"]:
                self.assertEqual(states["python"], "passed")
                self.assertGreater(found["python"]["skipped"], 0, "there is no GPU here")
        with self.subTest("figures are there and are not judged"):
            self.assertTrue(found["figures"])
            for figure in found["figures"]:
                self.assertIsNone(figure["met"])
                self.assertGreater(figure["target"], 0)
                self.assertGreater(figure["measured"], 0)
        with self.subTest("nothing names this machine's folders, or takes the emulator for a GPU"):
            for path in (self.folder, BUILD, ROOT, tempfile.gettempdir()):
                self.assertFalse(f"{path}/" in text, path)
            self.assertIn("says nothing about a GPU", text)
        with self.subTest("the logs are beside the report, in one file"), tarfile.open(output / "logs.tar.gz") as logs:
            names = logs.getnames()
            self.assertIn("work/logs/doctor.out", names)
            self.assertFalse([name for name in names if name.startswith("work/logs/") and " " in name])

    @unittest.skipUnless(HAS_PYTHON, "the build has no Python package")
    def test_pythons_tests_find_all_libraries_but_those_that_python_has(self):
        beside = {path.name for path in (self.pack / "python" / "lib").iterdir()}
        self.assertFalse([name for name in beside if name.startswith(("libstdc++", "libgcc_s"))])
        for program in ("fastiod", "fastio"):
            result = subprocess.run(["ldd", self.pack / "bin" / program], capture_output=True, text=True, check=True)
            needed = {line.split()[0] for line in result.stdout.splitlines()}
            packed = {path.name for path in (self.pack / "lib").iterdir()}
            missing = {name for name in needed & packed - beside if not name.startswith(("libstdc++", "libgcc_s"))}
            self.assertFalse(missing, program)

    def test_the_emulators_results_are_not_put_among_a_gpus(self):
        results = self.tree / "benchmarks" / "results"
        result = self.gpu_check(results, "--quick")
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertIn("results of GPUs", result.stderr)
        self.assertFalse(results.exists())

    def test_without_a_gpu_it_says_so_and_leaves_a_report_that_says_why(self):
        output = self.folder / "none"
        with emulated.environment(str(EMULATOR), FASTIO_EMU_DRIVER="no-gpu") as variables:
            result = emulated.run([self.tree / "run", "gpu-check", "--build", self.pack, "--output", output], variables)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no GPU to check", result.stderr)
        [report] = output.glob("*.json")
        found = json.loads(report.read_text(encoding="utf-8"))
        self.assertEqual(found["result"], "failed")
        self.assertIn("CUDA says", "".join(found["steps"][0]["lines"]))

    def test_a_check_that_is_killed_leaves_what_it_knew(self):
        build, output = self.folder / "fake", self.folder / "killed"
        (build / "bin").mkdir(parents=True)
        gpu = {"gpu": "a", "driver": "b", "library": "emulator", "runtime": "13.0", "total_bytes": 1 << 30}
        programs = {
            "gpu_process_bench": f"echo '{json.dumps(gpu)}'",
            "fastio_cuda_conformance": 'echo \'{"rule": "1", "verdict": "matches"}\'',
            "kills_test": "kill -9 $PPID",
        }
        for name, line in programs.items():
            program = build / "bin" / name
            program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            program.chmod(0o755)
        (build / "gpu_tests.txt").write_text("kills_test\n", encoding="utf-8")
        result = self.gpu_check(output, "--build", build)
        self.assertNotIn(result.returncode, (0, 1), result.stdout + result.stderr)
        found, text = self.read_report(output)
        self.assertEqual(found["result"], "unfinished")
        self.assertEqual(found["conformance"], [{"rule": "1", "verdict": "matches"}])
        self.assertIn("| conformance | passed |", text)

    def test_a_program_that_does_not_start_is_told_with_its_reason(self):
        broken = self.folder / "broken"
        (broken / "bin").mkdir(parents=True)
        program = broken / "bin" / "gpu_process_bench"
        program.write_text("#!/bin/sh\necho 'libc.so.6: version is too old' >&2\nexit 127\n", encoding="utf-8")
        program.chmod(0o755)
        output = self.folder / "reason"
        result = self.gpu_check(output, "--build", broken)
        self.assertEqual(result.returncode, 1)
        self.assertIn("version is too old", result.stderr)
        found, text = self.read_report(output)
        self.assertEqual((found["result"], found["gpu"]), ("failed", "unknown"))
        self.assertIn("version is too old", found["steps"][0]["lines"][0])
        self.assertIn("could not be found out", text)

    def test_an_interpreter_that_does_not_run_is_not_packed_for(self):
        shim = self.folder / "python3.99"
        shim.write_text("#!/bin/sh\necho 'python3.99: no such version' >&2\nexit 127\n", encoding="utf-8")
        shim.chmod(0o755)
        with emulated.environment("") as variables:
            result = emulated.run([self.tree / "run", "gpu-pack", "--python", shim, self.folder / "unused"], variables)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn("does not run", result.stderr)

    def test_what_is_no_build_is_refused(self):
        result = self.gpu_check(self.folder / "unused", "--build", self.folder)
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
