#!/usr/bin/env python3
"""Checks that committed results are a GPU's: check_results.py [FOLDER], by default benchmarks/results.

Every *.json with a GPU at its top level, and every such line of a *.jsonl, must have been made with NVIDIA's runtime:
the emulator of the tests is no evidence about GPUs. Prints one line per finding and exits with 1 if there is any.
"""

import json
import pathlib
import sys

RESULTS = pathlib.Path(__file__).resolve().parent.parent / "benchmarks" / "results"


def reports_in(file):
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield f"{file.name}:{number}", json.loads(line)
    else:
        yield file.name, json.loads(text)


def findings(folder):
    for file in sorted(folder.rglob("*.json*")):
        try:
            for where, report in reports_in(file):
                if isinstance(report, dict) and "gpu" in report and report.get("library") != "cudart":
                    yield f"{where}: names the GPU {report['gpu']!r} and the library {report.get('library')!r}"
        except ValueError as error:
            yield f"{file.name}: is no JSON: {error}"


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    found = list(findings(folder))
    print("\n".join([*found, f"results: {len(found)} findings"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
