"""FastIOEntry at its edges: empty outputs, attributes, outputs without a type, uses after the handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import declare, package


def execute(work: Optional[Callable[[fastio.Payload], Any]]) -> None:
    done = []

    def handler(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        assert work is not None
        work(payload)
        done.append(True)
        return True

    driver = fastio.Driver(execute_handler=handler if work is not None else None)
    driver.start()
    driver.wait_for_completion()
    assert done == ([True] if work is not None else [])


def test_a_dynamic_output_may_turn_out_empty(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "float32", "shape": [-1, 3]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        with pytest.raises(fastio.InvalidArgumentError, match="not known yet"):
            entry.allocate()
        entry.update_shape((0, 3))
        assert (entry.shape, entry.size) == ((0, 3), 0)
        entry.allocate()
        assert entry.map().shape == (0, 3)

    execute(work)
    assert np.asarray(ctx.get("x")).shape == (0, 3)


def test_a_dimension_may_stay_open_and_be_set_later(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [0, -1]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        assert (entry.shape, entry.size, entry.dynamic_indices) == ((0, -1), 0, (0, 1))
        entry.update_shape((4, -1))
        with pytest.raises(fastio.InvalidArgumentError, match="not known yet"):
            entry.allocate()
        entry.update_shape((4, 5))
        assert entry.size == 20
        entry.allocate()

    execute(work)


def test_attributes_go_with_an_output_to_an_input(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [2]})

    def produce(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        assert entry.attributes == {}
        entry.attributes = {"spacing": "1.5"}
        entry.map()[:] = 1

    with fastio.FastIOContext():  # so that the job does not end between the two
        execute(produce)
        in_job.delenv("FASTIO_OUTPUTS")
        declare(in_job, "FASTIO_INPUTS", {"name": "x"})

        def consume(payload: fastio.Payload) -> None:
            entry = payload.input_fastio_entries["x"]
            assert entry.attributes == {"spacing": "1.5"}
            entry.attributes["spacing"] = "2"  # a copy
            assert entry.attributes == {"spacing": "1.5"}
            with pytest.raises(fastio.ReadOnlyError):
                entry.attributes = {}

        execute(consume)


def test_an_output_without_a_type_is_the_handlers_to_publish(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x"})

    def work(payload: fastio.Payload) -> None:
        (entry,) = payload.output_fastio_entries
        assert (entry.name, entry.element_type, entry.size, entry.is_allocated) == ("x", None, 0, False)
        for call in (entry.allocate, lambda: entry.update_shape((2,))):
            with pytest.raises(fastio.InvalidArgumentError, match="gives it no type"):
                call()
        payload.fastio_context.publish_array(np.arange(3), entry.name)

    execute(work)
    assert np.asarray(ctx.get("x")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda entry: setattr(entry, "attributes", 3),
        lambda entry: setattr(entry, "attributes", {"a": 1}),
        lambda entry: entry.update_shape(3),
        lambda entry: entry.update_shape(None),
        lambda entry: entry.update_shape("1"),
    ],
)
def test_a_wrong_type_is_a_type_error_that_names_the_entry(
    in_job: pytest.MonkeyPatch, mistake: Callable[[fastio.FastIOEntry], None]
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [-1]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        with pytest.raises(TypeError, match="'x'"):
            mistake(entry)
        entry.update_shape((1,))
        entry.allocate()

    execute(work)


def test_after_the_handler_an_entry_has_a_name_and_nothing_else(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [-1]})
    kept: list[fastio.FastIOEntry] = []

    def work(payload: fastio.Payload) -> None:
        kept.append(payload.output_fastio_entries["x"])
        kept[0].update_shape((1,))
        kept[0].allocate()

    execute(work)
    entry = kept[0]
    assert entry.name == "x" and "x" in repr(entry)
    uses: list[Callable[[], Any]] = [
        lambda: entry.shape,
        lambda: entry.element_type,
        lambda: entry.size,
        lambda: entry.attributes,
        lambda: setattr(entry, "attributes", {}),
        lambda: entry.is_allocated,
        lambda: entry.is_dynamic,
        lambda: entry.dynamic_indices,
        lambda: entry.access,
        lambda: entry.update_shape((2,)),
        entry.allocate,
        entry.map,
    ]
    for use in uses:
        with pytest.raises(fastio.ContextClosedError):
            use()


def test_outputs_that_nothing_fills_are_not_published(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [2]})
    with pytest.raises(fastio.DriverError, match="no execute handler"):
        execute(None)
    assert ctx.find("x") is None


def test_a_shape_that_is_left_open_may_turn_out_to_be_a_scalars(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "float32"})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        with pytest.raises(fastio.InvalidArgumentError, match="not known yet"):
            entry.allocate()
        entry.update_shape(())
        assert entry.size == 4
        entry.allocate()
        entry.map()[()] = 2.5

    execute(work)
    assert np.asarray(ctx.get("x")) == 2.5


def test_elements_may_have_several_lanes(in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "float32x4", "shape": [0]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        assert entry.element_type == fastio.DataType(2, 32, 4)
        entry.update_shape((3,))
        assert entry.size == 48
        entry.allocate()

    execute(work)
    assert ctx.get("x").type == "float32x4"


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn"])
def test_elements_that_numpy_lacks_go_through_dlpack(
    in_job: pytest.MonkeyPatch, ctx: fastio.FastIOContext, name: str
) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": name, "shape": [2]})
    # Here, because a skip in a handler would be the handler's failure.
    torch = package("torch") if name == "bfloat16" else None

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        assert entry.element_type == getattr(fastio, name)
        with pytest.raises(fastio.UnsupportedError, match="from_dlpack"):
            entry.map()
        assert entry.__dlpack_device__() == (1, 0)
        if torch:
            torch.from_dlpack(entry)[:] = 1.5

    execute(work)
    got = ctx.get("x")
    assert got.type == name
    if torch:
        assert torch.from_dlpack(got).tolist() == [1.5, 1.5]


def test_an_entry_without_memory_speaks_no_dlpack(in_job: pytest.MonkeyPatch) -> None:
    declare(in_job, "FASTIO_OUTPUTS", {"name": "x", "type": "array", "element-type": "uint8", "shape": [-1]})

    def work(payload: fastio.Payload) -> None:
        entry = payload.output_fastio_entries["x"]
        for call in (entry.__dlpack__, entry.__dlpack_device__, entry.map):
            with pytest.raises(fastio.InvalidArgumentError, match="not allocated"):
                call()
        entry.update_shape((1,))
        entry.allocate()

    execute(work)
