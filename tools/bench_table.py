#!/usr/bin/env python3
"""Prints the JSON file of a Google Benchmark program as a table: the median and spread of the repetitions."""

import json
import statistics
import sys

STANDARD_FIELDS = {
    "name",
    "family_index",
    "per_family_instance_index",
    "run_name",
    "run_type",
    "repetitions",
    "repetition_index",
    "threads",
    "iterations",
    "real_time",
    "cpu_time",
    "time_unit",
    "label",
}
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def duration(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def row(name, runs):
    for run in runs:
        if run.get("error_occurred"):
            return name, "failed", "", run.get("error_message", "")
    times = [run["real_time"] * NANOSECONDS[run["time_unit"]] for run in runs]
    counters = [
        f"{key}={statistics.median(run[key] for run in runs):.5g}"
        for key, value in runs[0].items()
        if key not in STANDARD_FIELDS and isinstance(value, (int, float))
    ]
    label = [runs[0]["label"]] if runs[0].get("label") else []
    spread = f"{duration(min(times))} to {duration(max(times))}"
    return name, duration(statistics.median(times)), spread, "  ".join(counters + label)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)["benchmarks"]
    runs = {}
    for result in results:
        if result["run_type"] == "iteration":
            runs.setdefault(result["run_name"], []).append(result)
    rows = [row(name, group) for name, group in runs.items()]
    table = [("benchmark", "median", "least to most", "")] + rows
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    for name, median, spread, rest in table:
        print(f"{name:<{widths[0]}}  {median:>{widths[1]}}  {spread:<{widths[2]}}  {rest}".rstrip())
    return 1 if not rows or any(line[1] == "failed" for line in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
