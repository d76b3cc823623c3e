"""fastio.Driver in programs of their own: as operators of a pipeline, and how such programs end."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap

import pytest

from conftest import program

OPERATOR = """
    import sys
    import numpy as np
    import fastio as clara

    def execute(driver, payload):
        {body}
        return True

    driver = clara.Driver(execute_handler=execute)
    driver.start()
    driver.wait_for_completion()
"""


def write_operator(folder: pathlib.Path, name: str, body: str) -> str:
    code = textwrap.dedent(OPERATOR).format(body=textwrap.indent(textwrap.dedent(body).strip(), "    ").strip())
    (folder / name).write_text(code)
    return str(folder / name)


def run_pipeline(folder: pathlib.Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / "pipeline.yaml"
    file.write_text(textwrap.dedent(text))
    return subprocess.run(
        [program("fastio"), "run", "--device", "host", "--workdir", str(folder), str(file)],
        capture_output=True,
        text=True,
    )


def test_operators_of_a_pipeline_hand_typed_entries_on(tmp_path: pathlib.Path) -> None:
    first = write_operator(
        tmp_path,
        "first.py",
        """
        entry = payload.output_fastio_entries["ramp"]
        entry.update_shape((2, 4))
        entry.allocate()
        entry.map()[:] = np.arange(8).reshape(2, 4)
        """,
    )
    second = write_operator(
        tmp_path,
        "second.py",
        """
        total = payload.input_fastio_entries["ramp"].map().sum()
        payload.output_fastio_entries["total"].map()[0] = total
        open(payload.output_entries["report"].path, "w").write(f"{driver.stage_name}: {total:g}")
        """,
    )
    done = run_pipeline(
        tmp_path,
        f"""
        name: typed
        operators:
          - name: first
            command: ["{sys.executable}", "{first}"]
            outputs: [{{name: ramp, type: array, element-type: float32, shape: [2, -1]}}]
          - name: second
            command: ["{sys.executable}", "{second}"]
            inputs: [ramp]
            outputs: [{{name: total, type: float64}}, {{name: report, path: report.txt}}]
        """,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.txt").read_text() == "second: 28"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [("return False", "the execute handler returned False"), ("raise ValueError('broken scan')", "broken scan")],
)
def test_fastio_run_reports_a_failed_python_operator(tmp_path: pathlib.Path, body: str, complaint: str) -> None:
    operator = write_operator(tmp_path, "op.py", body)
    done = run_pipeline(
        tmp_path,
        f"""
        name: failing
        operators:
          - name: broken
            command: ["{sys.executable}", "{operator}"]
        """,
    )
    assert done.returncode == 1
    assert "operator 'broken' ended with status 1" in done.stderr
    assert complaint in done.stdout + done.stderr


def test_a_failure_is_told_also_where_nobody_keeps_the_driver(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTIO_SOCKET", str(tmp_path / "nobody"))
    code = """
import fastio, gc, threading
def main():
    fastio.Driver(execute_handler=lambda driver, payload: False).start()
main()
while threading.active_count() > 1:
    pass
gc.collect()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "the execute handler returned False: it returns True when it has done its work" in done.stderr


def test_a_program_that_does_not_wait_for_its_driver_still_completes_and_fails_as_it_should(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTIO_SOCKET", str(tmp_path / "nobody"))
    code = "import fastio\nd = fastio.Driver(cleanup_handler=lambda d: print('cleaned up') or {result})\nd.start()\n"
    for result, status in (("True", 0), ("False", 1)):
        done = subprocess.run([sys.executable, "-c", code.format(result=result)], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (status, "cleaned up\n"), done.stderr
        assert ("returned False" in done.stderr) == (status == 1)
