"""Threads of one process, and the collector."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Optional

import numpy as np
import pytest

import fastio


def run_together(*works: Callable[[], None]) -> None:
    """Runs each in a thread; what one of them raises is raised here."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error


def test_threads_share_a_context(ctx: fastio.FastIOContext) -> None:
    def work(number: int) -> None:
        for i in range(50):
            name = f"{number}/{i}"
            ctx.publish_array(np.full(10, i), name)
            with ctx.get(name) as a:
                assert np.asarray(a)[0] == i
                a.free()

    run_together(*[lambda number=number: work(number) for number in range(4)])
    assert ctx.stats().allocations == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda ctx, timeout: ctx.create(700, timeout=timeout).release(),
        lambda ctx, timeout: ctx.publish_array(np.zeros(700, np.uint8), "x", timeout=timeout),
    ],
    ids=["create", "publish_array"],
)
def test_memory_is_made_when_another_gives_room_back(
    join: Callable[..., fastio.FastIOContext], make: Callable[[fastio.FastIOContext, Optional[float]], None]
) -> None:
    ctx = join(job="tight", quota=1000)
    other = join(job="tight")
    taken = ctx.create(700)
    with pytest.raises(fastio.QuotaExceededError, match="for 1 ms"):
        make(other, 0.001)
    waited = other.stats().waits

    def give_back() -> None:
        while other.stats().waits == waited:
            pass
        taken.release()

    run_together(lambda: make(other, None), give_back)


def test_threads_share_an_allocation(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1000)

    def publish() -> None:
        for i in range(50):
            a.publish("x", replace=True, attributes={"round": str(i)})

    def change() -> None:
        for i in range(50):
            a.set_type_and_dimensions(np.uint8, (10 * (i + 1),))
            np.asarray(a)[:] = i

    def look() -> None:
        for _ in range(200):
            assert a.attributes.keys() <= {"round"}
            assert a.name in ("", "x") and len(a.dimensions) == 1 and repr(a)

    run_together(publish, change, look)
    a.free()


def test_one_of_many_releases(ctx: fastio.FastIOContext) -> None:
    for _ in range(50):
        a = ctx.create(100)
        released: list[str] = []

        def release(call: Callable[[], None], done: list[str] = released) -> None:
            try:
                call()
                done.append("done")
            except fastio.ReleasedError:
                done.append("too late")

        run_together(*[lambda call=call: release(call) for call in (a.release, a.free, a.release)])
        assert sorted(released) == ["done", "too late", "too late"]
    assert ctx.stats().allocations == 0


def test_an_export_races_with_a_release(ctx: fastio.FastIOContext) -> None:
    for i in range(50):
        ctx.publish_array(np.full(1000, i), "x", replace=True)
        a = ctx.get("x")

        def export(allocation: fastio.FastIOAllocation = a, expected: int = i) -> None:
            try:
                array = np.asarray(allocation)
            except fastio.ReleasedError:
                return
            assert (array == expected).all()

        run_together(export, a.free, export)
    ctx.close()


def test_a_waiting_get_lets_other_threads_run(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    order: list[str] = []

    def wait() -> None:
        ctx.get("x", timeout=None).release()
        order.append("got")

    def publish() -> None:
        while ctx.stats().waits == 0:
            pass
        order.append("published")
        other.publish_array(np.array([1]), "x")

    run_together(wait, publish)
    assert order == ["published", "got"]


def test_the_collector_releases(ctx: fastio.FastIOContext) -> None:
    class Node:
        def __init__(self) -> None:
            self.itself = self
            self.allocation = ctx.create(100)

    nodes = [Node() for _ in range(10)]
    assert ctx.stats().allocations == 10
    del nodes
    gc.collect()
    assert ctx.stats().allocations == 0


def test_objects_can_be_referred_to_weakly(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(100)
    reference = weakref.ref(a)
    assert reference() is a
    del a
    assert reference() is None


def test_arrays_outlive_everything_else(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(1000), "x")
    arrays = [np.asarray(other.get("x")) for _ in range(100)]
    assert other.stats().own_leases == 100
    ctx.unpublish("x")
    other.close()
    gc.collect()
    assert all(array[999] == 999 for array in arrays)
    assert ctx.stats().leases == 100
    del arrays
    gc.collect()
    assert ctx.stats().leases == 0
