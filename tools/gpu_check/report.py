"""The Markdown form of a report, and its files."""

import contextlib
import os
import re
import tarfile


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
    yield ""


def number(value, unit=""):
    return "" if value is None else f"{value:.4g} {unit}".strip()


def verdict(figure):
    return {True: "met", False: "**missed**", None: "not judged"}[figure["met"]]


def head_of(report):
    machine = report["machine"]
    yield f"# gpu-check: {report['gpu']}, {report['date']}"
    yield ""
    if report["library"] == "unknown":
        yield "**What GPU is here could not be found out.**"
        yield ""
    elif report["library"] != "cudart":
        yield f"**Made with the {report['library']} in place of the CUDA runtime: this says nothing about a GPU.**"
        yield ""
    if report["quick"]:
        yield "**A quick run: its times measure nothing.**"
        yield ""
    yield from table(
        ["what", "is"],
        [
            ["GPU", report["gpu"]],
            ["driver", report["driver"]],
            ["runtime", f"{report['library']} {report['runtime']}"],
            ["commit", report["commit"]],
            ["CPU", f"{machine['cpu']}, {machine['cores']} cores"],
            ["memory", f"{machine['memory_gib']} GiB"],
            ["kernel", machine["kernel"]],
            ["C library", machine["c_library"]],
            ["result", f"{report['result']} in {report['seconds']} s"],
        ],
    )


def steps_of(report):
    yield "## Steps"
    yield ""
    yield from table(["step", "state", "seconds"], [[s["name"], s["state"], s["seconds"]] for s in report["steps"]])
    for step in report["steps"]:
        if step["lines"]:
            yield f"{step['name']}, {step['state']}:"
            yield ""
            yield from (f"    {line}" for line in step["lines"])
            yield ""
    tests = report["tests"]
    yield (
        f"Test cases labelled `gpu`: {tests['passed']} passed, {tests['failed']} failed, "
        f"{tests['skipped']} skipped, in {tests['programs']} programs."
    )
    yield ""
    yield from (f"- {kind}: {name}" for kind in ("failed", "skipped") for name in tests[f"{kind}_cases"])
    yield ""


def doctor_of(report):
    yield "## fastio doctor"
    yield ""
    keys = ["subject", "verdict", "found", "remedy"]
    findings = report["doctor"].get("findings", [])
    yield from table(keys, [[finding.get(key, "") for key in keys] for finding in findings])


def python_of(report):
    found = report["python"]
    if found:
        yield "## Python"
        yield ""
        names = [name for name in ("numpy", "pytest", "torch", "cupy") if name in found]
        yield f"Python {found['version']}, " + ", ".join(f"{name} {found[name]}" for name in names)
        if "passed" in found:
            yield f"- {found['passed']} passed, {found['failed']} failed, {found['skipped']} skipped"
        yield from (f"- {key.removesuffix('_error')}: {found[key]}" for key in found if key.endswith("_error"))
        yield ""


def place_of(line):
    """Of a rule among the others: 9, 10a, 10b, G1."""
    letters, number, rest = re.match(r"(\D*)(\d*)(.*)", line.get("rule", "")).groups()
    return letters, int(number or 0), rest


def conformance_of(report):
    yield "## Conformance"
    yield ""
    found = sorted(report["conformance"], key=place_of)  # they came in another order
    verdicts = [line.get("verdict") for line in found]
    yield ", ".join(f"{verdicts.count(one)} {one}" for one in sorted(set(verdicts), key=str)) or "No answers."
    yield ""
    keys = ["rule", "grade", "expected", "got", "verdict"]
    yield from table(keys, [[line.get(key, "") for key in keys] for line in found])


def figures_of(report):
    yield "## Figures that something is asked of"
    yield ""
    yield from table(
        ["figure", "against", "times faster, asked", "measured", ""],
        [
            [f["figure"], f["against"], number(f["target"]), number(f["measured"]), verdict(f)]
            for f in report["figures"]
        ],
    )
    yield "## All figures"
    yield ""
    for case in report["benchmarks"].get("cases", []):
        yield f"### {case['case']}"
        yield ""
        if "error" in case:
            yield f"Failed: {case['error']}"
            yield ""
            continue
        rows = [
            [
                row["what"],
                number(row["median"], row["unit"]),
                number(row.get("p99"), row["unit"]),
                row.get("reference", ""),
                number(row.get("reference_median"), row["unit"]),
                number(row.get("times_faster")),
            ]
            for row in case["figures"]
        ]
        if rows:
            yield from table(["figure", "median", "p99", "against", "its median", "times faster"], rows)
        yield from (f"- left out: {what}" for what in case["left_out"])
        yield from (f"- {note}" for note in case["notes"])
        yield ""


def markdown(report):
    parts = (head_of, steps_of, python_of, figures_of, conformance_of, doctor_of)
    lines = [line for part in parts for line in part(report)]
    text = "\n".join(lines)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip() + "\n"


def pack_folder(folder, file):
    """A compressed archive of what is in the folder, under its name. What cannot be read is left out."""
    part = file.with_name(f".{file.name}.part")
    with tarfile.open(part, "w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or path.is_file():
                with contextlib.suppress(OSError):
                    archive.add(path, f"{folder.name}/{path.relative_to(folder)}")
    os.replace(part, file)


def replace_file(file, text):
    """Writes it anew; whoever looks meanwhile, or after an end in between, finds the old one whole."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)
    return file
