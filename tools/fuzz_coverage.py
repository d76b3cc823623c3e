#!/usr/bin/env python3
"""Says how much each fuzz target ran and which lines of its subject it reached: fuzz_coverage.py TARGET...

Run from the root of the repository after the targets. Exits with 1 where one has reached less than 95 % of the lines.
"""

import pathlib
import re
import subprocess
import sys

LEAST_PERCENT = 95.0
BUILD = pathlib.Path("build/fuzz")
LOGS = pathlib.Path("out/fuzz")


def lines_of(name: str, subject: list[str]) -> dict[str, dict[int, int]]:
    """For each file, how often each of its lines ran."""
    profile = BUILD / "fuzz_coverage" / f"{name}.profdata"
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-o", profile, profile.with_suffix(".profraw")], check=True)
    report = subprocess.run(
        ["llvm-cov", "export", "-format=lcov", f"-instr-profile={profile}", BUILD / "bin" / f"fuzz_{name}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    root = pathlib.Path.cwd()
    found: dict[str, dict[int, int]] = {}
    lines: dict[int, int] = {}
    for line in report.splitlines():
        if line.startswith("SF:"):
            # Headers come under the links that show them to a layer.
            path = pathlib.Path(line[3:]).resolve()
            file = str(path.relative_to(root)) if path.is_relative_to(root) else ""
            lines = found.setdefault(file, {}) if file in subject else {}
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = max(lines.get(int(number), 0), int(count))
    return found


def executions(name: str) -> int:
    log = (LOGS / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    found = re.findall(r"stat::number_of_executed_units: (\d+)", log)
    return int(found[-1]) if found else 0


def spans(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def main() -> int:
    subjects = dict(line.split(" ", 1) for line in (BUILD / "fuzz_targets.txt").read_text().splitlines())
    short = []
    for name in sys.argv[1:]:
        if name == "safetensors":
            print((LOGS / "safetensors.log").read_text().splitlines()[-1])
            continue
        subject = subjects[name].split()
        counts = lines_of(name, subject)
        missing = {file: sorted(n for n, count in lines.items() if count == 0) for file, lines in counts.items()}
        total = sum(len(lines) for lines in counts.values())
        hit = total - sum(len(numbers) for numbers in missing.values())
        percent = 100.0 * hit / total if total else 0.0
        print(f"{name}: {executions(name):,} executions, {percent:.1f} % of {total} lines")
        for file, numbers in missing.items():
            if numbers:
                print(f"  not reached in {file}: {spans(numbers)}")
        for file in sorted(set(subject) - set(counts)):
            print(f"  no code in {file}")
        if percent < LEAST_PERCENT or set(subject) - set(counts):
            short.append(name)
    if short:
        print(f"below {LEAST_PERCENT} %: {', '.join(short)}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
