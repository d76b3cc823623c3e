"""How long arrays keep the memory that they were made of."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastio
from array_views import KEEPERS, filled, first_element
from conftest import RunningService, Script

Join = Callable[..., fastio.FastIOContext]


@pytest.mark.parametrize("kind", KEEPERS)
def test_release_under_a_live_array_keeps_the_memory_until_the_array_is_gone(
    ctx: fastio.FastIOContext, kind: str
) -> None:
    ctx.publish_array(np.full((2, 3), 1.25, np.float32), "x")
    a = ctx.get("x")
    ctx.unpublish("x")
    kept = KEEPERS[kind](a)
    a.release()
    assert a.released
    with pytest.raises(fastio.ReleasedError):
        a.numpy()
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (1, 1)
    # What is created now must not be where the array is.
    np.asarray(ctx.create_array("float32", (2, 3)))[:] = -1
    assert first_element(kept) == 1.25
    del kept
    gc.collect()
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (0, 0)


@pytest.mark.parametrize("kind", KEEPERS)
def test_free_under_a_live_array_takes_the_names_and_leaves_the_memory(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, script: Script, kind: str
) -> None:
    ctx.publish_array(np.full((2, 3), 1.25, np.float32), "x")
    a = ctx.get("x")
    a.publish("y")
    kept = KEEPERS[kind](a)
    a.free()
    assert a.released
    assert (other.list(), ctx.find("x"), other.find("y")) == ([], None, None)
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (1, 1)
    assert first_element(kept) == 1.25
    del kept
    gc.collect()
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (0, 0)


@pytest.mark.parametrize("kind", KEEPERS)
def test_an_array_outlives_an_object_that_is_collected(ctx: fastio.FastIOContext, kind: str) -> None:
    ctx.publish_array(np.full((2, 3), 1.25, np.float32), "x")
    kept = KEEPERS[kind](ctx.get("x"))
    ctx.unpublish("x")
    gc.collect()
    assert ctx.stats().own_leases == 1
    assert first_element(kept) == 1.25
    del kept
    gc.collect()
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (0, 0)


def test_the_last_of_several_arrays_gives_the_memory_up(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    kept = {name: make(a) for name, make in KEEPERS.items()}
    a.release()
    while kept:
        assert ctx.stats().own_leases == 1
        kept.popitem()
        gc.collect()
    assert ctx.stats().own_leases == 0


def test_leaving_the_block_under_a_live_array_keeps_the_memory(ctx: fastio.FastIOContext) -> None:
    with filled(ctx) as a:
        array = np.asarray(a)
        array[0, 0] = 5
    assert a.released
    assert array[0, 0] == 5
    assert ctx.stats().own_leases == 1


def test_a_released_memoryview_gives_its_share_back(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    view = memoryview(a)
    a.release()
    assert ctx.stats().own_leases == 1
    view.release()
    assert ctx.stats().own_leases == 0


def test_a_copy_keeps_nothing(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx)
    copies = [np.array(a, copy=True), a.__array__(np.float64), a.__array__(copy=True), memoryview(a).tobytes()]
    a.release()
    gc.collect()
    assert ctx.stats().own_leases == 0
    assert copies[0].shape == (2, 3)


def test_an_export_that_fails_keeps_nothing(ctx: fastio.FastIOContext) -> None:
    a = filled(ctx, "bfloat16", (4,))
    for call in (lambda: a.numpy(), lambda: memoryview(a), lambda: a.__dlpack__(copy=True), lambda: np.asarray(a)):
        with pytest.raises((fastio.UnsupportedError, BufferError)):
            call()
    a.release()
    gc.collect()
    assert ctx.stats().own_leases == 0


@pytest.mark.parametrize("kind", KEEPERS)
def test_context_allocation_and_array_may_be_collected_in_any_order(service: RunningService, kind: str) -> None:
    for order in itertools.permutations(("context", "allocation", "array")):
        held: dict[str, Any] = {"context": fastio.FastIOContext(job="test", socket=service.socket)}
        held["allocation"] = filled(held["context"])
        np.asarray(held["allocation"])[:] = 1.25
        held["array"] = KEEPERS[kind](held["allocation"])
        for gone in order:
            del held[gone]
            gc.collect()
            if "array" in held:
                assert first_element(held["array"]) == 1.25
            if "allocation" in held:
                assert np.asarray(held["allocation"])[1, 2] == 1.25
            if "context" in held:
                assert held["context"].stats().own_leases == int(len(held) > 1)
        service.assert_nothing_is_left()


@pytest.mark.parametrize("kind", KEEPERS)
def test_an_array_outlives_a_closed_context(ctx: fastio.FastIOContext, service: RunningService, kind: str) -> None:
    a = filled(ctx)
    np.asarray(a)[:] = 1.25
    kept = KEEPERS[kind](a)
    ctx.close()
    assert first_element(kept) == 1.25
    again = KEEPERS[kind](a)
    a.release()
    assert first_element(kept) == first_element(again) == 1.25
    del kept, again
    gc.collect()
    service.assert_nothing_is_left()


@pytest.mark.parametrize("kind", KEEPERS)
def test_an_array_outlives_the_service(ctx: fastio.FastIOContext, service: RunningService, kind: str) -> None:
    a = filled(ctx)
    np.asarray(a)[:] = 1.25
    kept = KEEPERS[kind](a)
    service.kill()
    while ctx.alive:
        pass
    assert first_element(kept) == 1.25
    a.release()
    assert first_element(kept) == 1.25


def test_an_array_that_is_held_at_the_programs_end_is_no_error(ctx: fastio.FastIOContext, script: Script) -> None:
    ctx.publish_array(np.zeros((2, 3), np.float32), "x")
    printed = script.run(
        """
import fastio, numpy
ctx = fastio.FastIOContext()
a = ctx.get("x")
kept = [numpy.asarray(a), a.numpy(), memoryview(a), a.__dlpack__(), a.__dlpack__(max_version=(1, 0))]
cycle = [a, ctx, kept]
cycle.append(cycle)
print("held")
"""
    )
    assert printed == "held\n"
