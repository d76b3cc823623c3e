#!/usr/bin/env python3
"""tools/check_results.py: what is committed passes, and the emulator's results would not."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "check_results.py"


class Results(unittest.TestCase):
    def check(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
            result = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True)
            return result.returncode, result.stdout

    def test_what_is_committed_is_a_gpus(self):
        result = subprocess.run([sys.executable, CHECK], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_gpus_report_passes(self):
        status, _ = self.check("good.json", json.dumps({"gpu": "a GPU", "library": "cudart"}))
        self.assertEqual(status, 0)

    def test_the_emulators_report_is_refused_and_named(self):
        for name in ("bad.json", "bad.jsonl"):
            status, output = self.check(name, json.dumps({"gpu": "no GPU", "library": "emulator"}) + "\n")
            self.assertEqual(status, 1)
            self.assertIn("emulator", output)

    def test_a_report_that_does_not_say_is_refused(self):
        status, _ = self.check("bad.json", json.dumps({"gpu": "a GPU"}))
        self.assertEqual(status, 1)

    def test_what_names_no_gpu_is_none_of_its_business(self):
        status, _ = self.check("other.json", json.dumps([{"median": 1}]))
        self.assertEqual(status, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
