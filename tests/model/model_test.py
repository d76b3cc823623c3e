#!/usr/bin/env python3
"""Checks one model with Spin, exhaustively: model_test.py MODEL [-DVARIANT] [MUTANT].

Without a mutant no error may be found; with one, Spin must find that an assertion does not hold.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WATCHDOG_S = 600


def run(command, folder):
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WATCHDOG_S)
    return result.returncode, result.stdout + result.stderr


def check(model, variant, mutant):
    defines = [*variant, *([f"-D{mutant}"] if mutant else [])]
    # Where an error comes soon, compiling takes the longest; with T_REVERSE it comes the soonest, in nearly all.
    options = ["-O0", "-DT_REVERSE"] if mutant else ["-O2"]
    with tempfile.TemporaryDirectory(prefix="fastio-model-") as folder:
        for command in (
            ["spin", *defines, "-a", str(HERE / f"{model}.pml")],
            ["gcc", *options, "-w", "-DSAFETY", "-DMEMLIM=4000", "-o", "pan", "pan.c"],
        ):
            status, output = run(command, folder)
            if status != 0 or "rror" in output:
                return f"{command[0]} failed: {output}"
        status, output = run(["./pan", "-m10000", "-w24"], folder)
    print(
        "\n".join(line for line in output.splitlines() if re.search(r"errors:|states, stored|assertion|elapsed", line))
    )
    errors = re.search(r"errors: (\d+)", output)
    # Cut short would be: a depth or a memory limit was reached, and not all states were seen.
    if status != 0 or errors is None or re.search(r"max search depth too small|out of memory|BITSTATE", output):
        return f"the search did not come to its end:\n{output}"
    found = "assertion violated" in output
    if mutant is None and errors[1] != "0":
        return f"the model is wrong:\n{output}"
    if mutant is not None and not found:
        return f"nothing found although {mutant} removes a rule:\n{output}"
    return None


if __name__ == "__main__":
    variants = [argument for argument in sys.argv[2:] if argument.startswith("-D")]
    mutants = [argument for argument in sys.argv[2:] if not argument.startswith("-D")]
    sys.exit(check(sys.argv[1], variants, mutants[0] if mutants else None))
