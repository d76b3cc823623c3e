#!/usr/bin/env python3
"""Prints the benchmark results in a folder of Google Benchmark JSON files as one table, with their counters."""

import json
import pathlib
import sys

STANDARD_FIELDS = {
    "name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions", "repetition_index",
    "threads", "iterations", "real_time", "cpu_time", "time_unit", "aggregate_name", "aggregate_unit", "label",
    "error_occurred", "error_message", "big_o", "rms",
}
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def duration(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def rows(path):
    for result in json.loads(path.read_text())["benchmarks"]:
        if result.get("error_occurred"):
            yield result["name"], "failed", result.get("error_message", "")
            continue
        counters = [f"{key}={value:.4g}" for key, value in result.items()
                    if key not in STANDARD_FIELDS and isinstance(value, (int, float))]
        label = [result["label"]] if result.get("label") else []
        unit = NANOSECONDS[result.get("time_unit", "ns")]
        yield result["name"], duration(result["real_time"] * unit), "  ".join(counters + label)


def main():
    table = [row for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")) for row in rows(path)]
    widths = [max(len(row[column]) for row in table + [("benchmark", "time", "")]) for column in (0, 1)]
    for name, time, rest in [("benchmark", "time", "counters")] + table:
        print(f"{name:<{widths[0]}}  {time:>{widths[1]}}  {rest}".rstrip())
    return 1 if any(time == "failed" for _, time, _ in table) else 0


if __name__ == "__main__":
    sys.exit(main())
