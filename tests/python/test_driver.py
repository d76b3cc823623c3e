"""Driver and Payload: the life cycle of an operator, alone and under `fastio run`."""

from __future__ import annotations

import gc
import pathlib
import uuid
import weakref
from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import declare


def run_driver(**handlers: Any) -> None:
    driver = fastio.Driver(**handlers)
    driver.start()
    driver.wait_for_completion()


def test_the_handlers_are_called_once_each_in_order(in_job: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def prepare(driver: fastio.Driver) -> bool:
        driver.application_data.append("prepare")
        return True

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        assert isinstance(payload, fastio.Payload)
        driver.application_data.append("execute")
        return True

    def cleanup(driver: fastio.Driver) -> bool:
        driver.application_data.append("cleanup")
        return True

    run_driver(prepare_handler=prepare, execute_handler=execute, cleanup_handler=cleanup, app_data=calls)
    assert calls == ["prepare", "execute", "cleanup"]


def test_inputs_are_waited_for_as_long_as_their_producer_computes(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    declare(in_job, "FASTIO_INPUTS", {"name": "x"})
    ctx.publish_array(np.arange(3), "x")
    waits: list[dict[str, Any]] = []

    class RecordingContext:
        def __init__(self, **options: Any) -> None:
            self.context = fastio.FastIOContext(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.context, name)

        def get(self, name: str, **options: Any) -> fastio.FastIOAllocation:
            waits.append(options)
            return self.context.get(name, **options)

    in_job.setattr(fastio._driver, "FastIOContext", RecordingContext)
    run_driver(execute_handler=lambda driver, payload: payload.input_fastio_entries["x"].is_allocated)
    assert waits == [{"timeout": None, "contents_timeout": None}]


def test_every_handler_is_optional(in_job: pytest.MonkeyPatch) -> None:
    run_driver()


def test_the_driver_knows_job_and_stage(in_job: pytest.MonkeyPatch) -> None:
    driver, same = fastio.Driver(), fastio.Driver()
    assert (driver.job_name, driver.stage_name, driver.application_data) == ("test", "stage-1", None)
    assert isinstance(driver.job_id, uuid.UUID) and driver.job_id == same.job_id
    in_job.setenv("FASTIO_JOB", "another")
    assert fastio.Driver().job_id != driver.job_id


def test_notifications_tell_what_happens(in_job: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    run_driver(notification_handler=lambda driver, kind, message: told.append((kind, message)))
    assert told == [
        ("state", "prepare"),
        ("state", "execute"),
        ("state", "waiting for inputs"),
        ("state", "executing"),
        ("state", "cleanup"),
        ("state", "completed"),
    ]


def test_a_notification_handler_that_raises_changes_nothing(
    in_job: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def notify(driver: fastio.Driver, kind: str, message: str) -> None:
        raise ValueError("a fault of its own")

    run_driver(notification_handler=notify)
    assert "a fault of its own" in capsys.readouterr().err


@pytest.mark.parametrize("step", ["prepare", "execute", "cleanup"])
def test_a_handler_that_returns_false_fails_the_operator(in_job: pytest.MonkeyPatch, step: str) -> None:
    told: list[tuple[str, str]] = []
    handlers = {
        f"{step}_handler": lambda *arguments: False,
        "notification_handler": lambda driver, kind, message: told.append((kind, message)),
    }
    with pytest.raises(fastio.DriverError, match=f"'stage-1': the {step} handler returned False"):
        run_driver(**handlers)
    assert told[-1] == ("state", "failed")
    assert [kind for kind, message in told].count("error") == 1


@pytest.mark.parametrize("step", ["prepare", "execute", "cleanup"])
def test_a_handler_that_raises_fails_the_operator(in_job: pytest.MonkeyPatch, step: str) -> None:
    def handler(*arguments: Any) -> bool:
        raise ZeroDivisionError("in the handler")

    with pytest.raises(fastio.DriverError, match="ZeroDivisionError: in the handler") as raised:
        run_driver(**{f"{step}_handler": handler})
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_execute_is_not_called_after_a_failed_prepare_and_cleanup_is(in_job: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    with pytest.raises(fastio.DriverError):
        run_driver(
            prepare_handler=lambda driver: False,
            execute_handler=lambda driver, payload: calls.append("execute") or True,
            cleanup_handler=lambda driver: calls.append("cleanup") or True,
        )
    assert calls == ["cleanup"]


def test_a_driver_runs_once(in_job: pytest.MonkeyPatch) -> None:
    driver = fastio.Driver()
    with pytest.raises(RuntimeError, match="before start"):
        driver.wait_for_completion()
    driver.start()
    with pytest.raises(RuntimeError, match="twice"):
        driver.start()
    driver.wait_for_completion()
    driver.wait_for_completion()


def test_the_context_lives_as_long_as_the_execute_handler(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    kept: dict[str, Any] = {}

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        context = payload.fastio_context
        assert payload.fastio_context is context
        context.publish_array(np.arange(5), "x")
        kept.update(payload=payload, context=context, created=context.create(100), got=context.get("x"))
        kept["array"] = np.asarray(kept["got"])
        return True

    run_driver(execute_handler=execute)
    for use in (
        lambda: kept["payload"].fastio_context,
        lambda: kept["payload"].input_entries,
        lambda: kept["payload"].output_entries,
        lambda: kept["payload"].input_fastio_entries,
        lambda: kept["payload"].output_fastio_entries,
        lambda: kept["context"].create(1),
        lambda: kept["context"].get("x"),
        lambda: kept["created"].publish("y"),
        lambda: kept["got"].type,
        lambda: np.asarray(kept["got"]),
    ):
        with pytest.raises(fastio.ContextClosedError):
            use()
    # What no array uses was released for it; what one uses lasts as long as that.
    assert ctx.stats().leases == 1
    assert kept["array"].tolist() == [0, 1, 2, 3, 4]
    del kept["array"]
    gc.collect()
    assert ctx.stats().leases == 0


def test_the_context_of_a_failed_handler_ends_too(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    kept: list[fastio.FastIOAllocation] = []

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        kept.append(payload.fastio_context.create(100))
        raise ValueError("no")

    with pytest.raises(fastio.DriverError):
        run_driver(execute_handler=execute)
    assert ctx.stats().allocations == 0
    assert kept[0].released


def execute_once(work: Callable[[fastio.Payload], Optional[bool]]) -> None:
    done = []

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        work(payload)
        done.append(True)
        return True

    try:
        run_driver(execute_handler=execute)
    except fastio.DriverError as error:
        # An assertion of the test itself is what pytest should show.
        if isinstance(error.__cause__, AssertionError):
            raise error.__cause__ from None
        raise
    assert done == [True]


def test_disk_entries_have_names_and_paths(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_INPUTS", {"name": "scan", "path": "/data/brain.nii.gz"})
    declare(
        in_job, "FASTIO_OUTPUTS", {"name": "picture", "path": "/out/brain.png"}, {"name": "log", "path": "/out/log"}
    )

    def work(payload: fastio.Payload) -> None:
        assert [(entry.name, entry.path) for entry in payload.input_entries] == [("scan", "/data/brain.nii.gz")]
        assert payload.output_entries["log"].path == "/out/log"
        assert payload.output_entries[0].name == "picture"
        assert len(payload.output_entries) == 2 and "log" in payload.output_entries
        assert payload.output_entries[:1] == (payload.output_entries[0],)
        with pytest.raises(KeyError, match="'nothing'"):
            payload.output_entries["nothing"]
        assert len(payload.input_fastio_entries) == len(payload.output_fastio_entries) == 0

    execute_once(work)


def test_a_fully_shaped_output_is_allocated_beforehand_and_published_after(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "out", "type": "array", "element-type": "float32", "shape": [2, 3]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["out"]
        assert (entry.name, entry.shape, entry.element_type, entry.size) == ("out", (2, 3), np.float32, 24)
        assert entry.is_allocated and not entry.is_dynamic and entry.access == "read-write"
        assert entry.dynamic_indices == ()
        for refused in (lambda: entry.update_shape((2, 3)), entry.allocate):
            with pytest.raises(fastio.InvalidArgumentError, match="allocated"):
                refused()
        with entry.map() as array:
            array[:] = [[1, 2, 3], [4, 5, 6]]
            assert type(array + 1) is np.ndarray
        assert ctx.find("out") is None

    execute_once(work)
    assert np.asarray(ctx.get("out")).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_dynamic_output_is_shaped_and_allocated_by_the_handler(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "out", "type": "array", "element-type": "int16", "shape": [3, -1, 4, 0]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries[0]
        assert entry.is_dynamic and not entry.is_allocated and entry.dynamic_indices == (1, 3)
        assert (entry.shape, entry.size) == ((3, -1, 4, 0), 0)
        with pytest.raises(fastio.InvalidArgumentError, match="not allocated"):
            entry.map()
        with pytest.raises(fastio.InvalidArgumentError, match="not known yet"):
            entry.allocate()
        with pytest.raises(fastio.InvalidArgumentError, match="dimension 0 is fixed at 3"):
            entry.update_shape((2, 5, 4, 6))
        with pytest.raises(fastio.InvalidArgumentError, match="4 dimensions"):
            entry.update_shape((3, 5, 4))
        entry.update_shape((3, 5, 4, -1))
        with pytest.raises(fastio.InvalidArgumentError, match="not known yet"):
            entry.allocate()
        entry.update_shape([3, 5, 4, 6])
        assert entry.size == 3 * 5 * 4 * 6 * 2
        entry.allocate()
        with entry as array:
            array.fill(7)
        with pytest.raises(fastio.InvalidArgumentError, match="allocated already"):
            entry.update_shape((3, 5, 4, 6))

    execute_once(work)
    out = np.asarray(ctx.get("out"))
    assert out.shape == (3, 5, 4, 6) and (out == 7).all()


def test_strings_and_primitives_are_arrays(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "text", "type": "string"}, {"name": "dose", "type": "float64"})

    def work(payload: fastio.Payload) -> None:
        text, dose = payload.output_fastio_entries
        assert text.is_dynamic and not dose.is_dynamic and dose.shape == (1,)
        text.update_shape((5,))
        text.allocate()
        text.map()[:] = np.frombuffer(b"hello", np.uint8)
        dose.map()[0] = 0.25

    execute_once(work)
    assert np.asarray(ctx.get("text")).tobytes() == b"hello"
    assert np.asarray(ctx.get("dose")).tolist() == [0.25]


def test_a_primitive_may_have_been_published_as_a_scalar(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.float64(0.25), "dose")
    declare(in_job, "FASTIO_INPUTS", {"name": "dose", "type": "float64"})

    def work(payload: fastio.Payload) -> None:
        dose = payload.input_fastio_entries["dose"]
        assert (dose.shape, dose.size, dose.access) == ((1,), 8, "read-only")
        assert dose.map().tolist() == [0.25]

    execute_once(work)
    assert ctx.get("dose").dimensions == ()
    ctx.publish_array(np.zeros((1, 1)), "dose", replace=True)
    with pytest.raises(fastio.DriverError, match=r"declared as \[1\]"):
        run_driver()


def test_inputs_are_there_and_read_only(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(6, dtype=np.float32).reshape(2, 3), "in")
    declare(in_job, "FASTIO_INPUTS", {"name": "in"})

    def work(payload: fastio.Payload) -> None:
        entry = payload.input_fastio_entries["in"]
        assert (entry.shape, entry.element_type, entry.access) == ((2, 3), np.float32, "read-only")
        assert entry.is_allocated
        with entry.map() as array:
            assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1
        for refused in (lambda: entry.update_shape((1, 1)), entry.allocate):
            with pytest.raises(fastio.ReadOnlyError, match="'in'"):
                refused()
        # What the handler gets from the context itself has no such restriction.
        np.asarray(payload.fastio_context.get("in"))[0, 0] = 42

    execute_once(work)
    assert np.asarray(ctx.get("in"))[0, 0] == 42


def test_an_input_that_is_not_as_declared_fails_the_operator(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    ctx.publish_array(np.zeros((2, 3), np.float32), "in")
    for declared, complaint in (
        ({"element-type": "float64"}, "declared as float64"),
        ({"element-type": "float32", "shape": [2, 4]}, r"declared as \[2, 4\]"),
        ({"element-type": "float32", "shape": [-1]}, r"declared as \[-1\]"),
    ):
        declare(in_job, "FASTIO_INPUTS", {"name": "in", "type": "array", **declared})
        with pytest.raises(fastio.DriverError, match=complaint):
            run_driver()
    declare(in_job, "FASTIO_INPUTS", {"name": "in", "type": "array", "element-type": "float32", "shape": [0, 3]})
    run_driver()


def test_an_output_that_was_never_allocated_fails_the_operator(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "out", "type": "array", "element-type": "int8", "shape": [-1]})
    with pytest.raises(fastio.DriverError, match="'out' was declared and never allocated"):
        run_driver()


def test_an_array_without_an_element_type_fails_the_operator(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "out", "type": "array", "shape": [2]})
    with pytest.raises(fastio.DriverError, match="without an element-type"):
        run_driver()


@pytest.mark.parametrize("text", ["nonsense", "[1]", '[{"path": "x"}]', "{"])
def test_entries_that_are_no_entries_fail_the_operator(in_job: pytest.MonkeyPatch, text: str) -> None:
    in_job.setenv("FASTIO_INPUTS", text)
    with pytest.raises(fastio.DriverError, match="FASTIO_INPUTS"):
        run_driver()


def test_alone_a_driver_makes_a_job_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("FASTIO_JOB", raising=False)
    monkeypatch.delenv("FASTIO_STAGE", raising=False)
    monkeypatch.setenv("FASTIO_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("FASTIO_DEVICE", "host")
    names: list[str] = []

    def work(payload: fastio.Payload) -> None:
        payload.fastio_context.publish_array(np.arange(3), "x")
        assert payload.fastio_context.get("x").count == 3
        names.append(payload.fastio_context.job)

    execute_once(work)
    execute_once(work)
    assert names[0] != names[1]


def test_a_driver_that_has_done_its_work_is_collected(ctx: fastio.FastIOContext, in_job: pytest.MonkeyPatch) -> None:
    driver = fastio.Driver(execute_handler=lambda driver, payload: True)
    driver.start()
    driver._ended.wait()
    assert driver._thread is not None
    driver._thread.join()
    watched = weakref.ref(driver)
    del driver
    gc.collect()
    assert watched() is None
