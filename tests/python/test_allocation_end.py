"""The end of an allocation: release, free, the block, the collector, and the deaths of others."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script

Join = Callable[..., fastio.FastIOContext]

USES: dict[str, Callable[[fastio.FastIOAllocation], Any]] = {
    "publish": lambda a: a.publish("y"),
    "release": lambda a: a.release(),
    "free": lambda a: a.free(),
    "set_type_and_dimensions": lambda a: a.set_type_and_dimensions("uint8", (1,)),
    "copy_from": lambda a: a.copy_from(np.zeros(8, np.uint8)),
    "check": lambda a: a.check(),
    "type": lambda a: a.type,
    "dtype": lambda a: a.dtype,
    "dimensions": lambda a: a.dimensions,
    "shape": lambda a: a.shape,
    "size": lambda a: a.size,
    "nbytes": lambda a: a.nbytes,
    "count": lambda a: a.count,
    "device": lambda a: a.device,
    "name": lambda a: a.name,
    "version": lambda a: a.version,
    "attributes": lambda a: a.attributes,
    "data_ptr": lambda a: a.data_ptr,
    "read_only": lambda a: a.read_only,
    "numpy": lambda a: a.numpy(),
    "map": lambda a: a.map(),
    "unmap": lambda a: a.unmap(),
    "__array__": lambda a: a.__array__(),
    "__array_interface__": lambda a: a.__array_interface__,
    "__dlpack__": lambda a: a.__dlpack__(),
    "__dlpack_device__": lambda a: a.__dlpack_device__(),
    "memoryview": memoryview,
    "asarray": np.asarray,
}


@pytest.mark.parametrize("end", ["release", "free"])
def test_every_use_after_the_end_raises_released(ctx: fastio.FastIOContext, end: str) -> None:
    a = ctx.create(8)
    a.publish("x")
    getattr(a, end)()
    assert a.released
    for name, use in USES.items():
        with pytest.raises(fastio.ReleasedError, match="released or freed"):
            use(a)
            pytest.fail(f"{name} after {end}")
    with pytest.raises(fastio.ReleasedError):
        ctx.publish_array(a, "y")
    assert "released" in repr(a)
    assert ctx.find("y") is None


def test_every_use_before_the_end_works(ctx: fastio.FastIOContext) -> None:
    for use in USES.values():
        a = ctx.create(8)
        use(a)
        if ctx.find("y") is not None:
            ctx.unpublish("y")


def test_release_gives_up_this_reference_alone(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([4, 2]), "x")
    a, same, theirs = ctx.get("x"), ctx.get("x"), other.get("x")
    a.release()
    assert np.asarray(same).tolist() == np.asarray(theirs).tolist() == [4, 2]
    assert (ctx.stats().own_leases, other.stats().own_leases) == (1, 1)
    assert ctx.find("x") is not None


def test_memory_without_a_name_returns_with_its_last_reference(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1000)
    assert ctx.stats().allocations == 1
    a.release()
    assert (ctx.stats().allocations, ctx.stats().bytes_in_use) == (0, 0)


def test_published_memory_outlives_its_references(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1)
    np.asarray(a)[0] = 9
    a.publish("x")
    a.release()
    assert ctx.stats().allocations == 1
    assert np.asarray(ctx.get("x"))[0] == 9


def test_what_is_collected_is_released(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.zeros(1), "x")
    made, got = ctx.create(1), ctx.get("x")
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (1, 2)
    del made, got
    gc.collect()
    assert (ctx.stats().own_leases, ctx.stats().allocations) == (0, 1)


def test_free_removes_every_name_for_everyone(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, script: Script
) -> None:
    a = ctx.create(1)
    for name in ("x", "y", "z"):
        a.publish(name)
    ctx.create(1).publish("unrelated")
    other.get("y").free()
    assert [ctx.find(name) for name in ("x", "y", "z")] == [None] * 3
    assert [info.name for info in other.list()] == ["unrelated"]
    assert script.run("import fastio; print([i.name for i in fastio.FastIOContext().list()])") == "['unrelated']\n"
    assert (a.released, a.size) == (False, 1)


def test_after_free_references_and_arrays_of_others_stay_valid(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext
) -> None:
    ctx.publish_array(np.arange(1000), "x")
    a, theirs = ctx.get("x"), other.get("x")
    array, their_array = np.asarray(a), np.asarray(theirs)
    a.free()
    assert theirs.dimensions == (1000,)
    array[0] = 77
    assert their_array[0] == np.asarray(theirs)[0] == 77
    assert their_array[1:].tolist() == list(range(1, 1000))
    # The memory may be published again by who still has it.
    theirs.publish("again")
    assert np.asarray(ctx.get("again"))[0] == 77


def test_free_of_memory_that_was_replaced_leaves_the_new_one(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([1]), "x")
    first = ctx.get("x")
    ctx.publish_array(np.array([2]), "x", replace=True)
    first.free()
    assert np.asarray(ctx.get("x"))[0] == 2


def test_free_of_what_has_no_name_releases(ctx: fastio.FastIOContext) -> None:
    ctx.create(1).free()
    assert ctx.stats().allocations == 0


def test_two_references_can_both_free(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.zeros(1), "x")
    a, b = ctx.get("x"), ctx.get("x")
    a.free()
    b.free()
    assert (ctx.stats().allocations, ctx.stats().own_leases) == (0, 0)


@pytest.mark.parametrize("end", ["release", "free", "publish"])
def test_a_stream_for_memory_of_the_host_is_refused_and_nothing_happens(ctx: fastio.FastIOContext, end: str) -> None:
    a = ctx.create(1)
    a.publish("x")
    with pytest.raises(fastio.UnsupportedError, match="stream"):
        a.publish("y", stream=1) if end == "publish" else getattr(a, end)(stream=1)
    assert (a.released, a.size, a.name) == (False, 1, "x")
    assert [info.name for info in ctx.list()] == ["x"]


@pytest.mark.parametrize("end", ["release", "free"])
def test_a_stream_is_refused_under_a_live_array_too(ctx: fastio.FastIOContext, end: str) -> None:
    a = ctx.create(1)
    a.publish("x")
    array = np.asarray(a)
    with pytest.raises(fastio.UnsupportedError, match="stream"):
        getattr(a, end)(stream=1)
    assert not a.released
    assert ctx.find("x") is not None
    array[0] = 3
    assert np.asarray(a)[0] == 3


def test_leaving_the_block_releases(ctx: fastio.FastIOContext) -> None:
    with ctx.create(1) as a:
        assert not a.released
    assert a.released
    assert ctx.stats().allocations == 0


def test_a_block_may_release_or_free_itself(ctx: fastio.FastIOContext) -> None:
    with ctx.create(1) as a:
        a.release()
    with ctx.create(1) as b:
        b.free()
    assert a.released and b.released


def test_a_block_lets_errors_through_and_releases(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(ZeroDivisionError), ctx.create(1) as a:
        1 / 0  # noqa: B018
    assert a.released


def test_an_allocation_has_no_copies(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(a)
    with pytest.raises(TypeError):
        fastio.FastIOAllocation()


def test_repr_says_what_it_is(ctx: fastio.FastIOContext) -> None:
    a = ctx.create_array("float32", (2, 3))
    for part in ("FastIOAllocation", "without a name", "float32", "2, 3", "host"):
        assert part in repr(a)
    a.publish("Ünï")
    assert "'Ünï'" in repr(a) and f"version {a.version}" in repr(a)
    assert "bfloat16" in repr(ctx.create_array("bfloat16", (1,)))


def test_the_death_of_the_publisher_changes_nothing(ctx: fastio.FastIOContext, script: Script) -> None:
    script.run(
        "import fastio, numpy; fastio.FastIOContext().publish_array(numpy.arange(5), 'x'); import os; os._exit(0)"
    )
    a = ctx.get("x")
    a.check()
    assert np.asarray(a).tolist() == [0, 1, 2, 3, 4]
    a.publish("y")
    a.free()
    assert ctx.list() == []


def test_after_the_death_of_the_service_memory_stays_readable(
    ctx: fastio.FastIOContext, service: RunningService
) -> None:
    ctx.publish_array(np.array([5]), "x")
    a = ctx.get("x")
    service.kill()
    while ctx.alive:
        pass
    for call in (lambda: a.publish("y"), lambda: a.free()):
        with pytest.raises(fastio.ServiceLostError):
            call()
    assert not a.released
    assert (np.asarray(a)[0], a.dimensions) == (5, (1,))
    a.release()


def test_who_knows_that_the_gpu_is_done_says_so(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(10)
    a.publish("x")
    b = ctx.get("x")
    array = np.asarray(b)
    with pytest.raises(fastio.InvalidArgumentError, match="that arrays share"):
        b.release(completed=True)
    with pytest.raises(fastio.InvalidArgumentError, match="one of them"):
        b.release(1, completed=True)
    del array
    b.release(completed=True)
    with pytest.raises(fastio.ReleasedError):
        b.release(completed=True)
    a.free()
