"""FastIOContext: joining, creating, getting, listing, watching, closing."""

from __future__ import annotations

import copy
import gc
import json
import os
import pathlib
import pickle
import select
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

import fastio
from conftest import RunningService, program

Join = Callable[..., fastio.FastIOContext]


def test_a_job_is_found_by_its_name(join: Join) -> None:
    one, same, another = join(job="a"), join(job="a"), join(job="b")
    one.publish_array(np.arange(3), "x")
    assert same.get("x").count == 3
    assert another.find("x") is None
    assert (one.job, one.device) == ("a", "host")


def test_environment_variables_give_job_and_socket(service: RunningService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTIO_SOCKET", service.socket)
    monkeypatch.setenv("FASTIO_JOB", "from-environment")
    with fastio.FastIOContext() as ctx:
        assert (ctx.job, ctx.socket) == ("from-environment", service.socket)


def test_an_embedded_context_needs_no_service() -> None:
    with fastio.FastIOContext(job="own", embedded=True, device="host") as ctx:
        ctx.publish_array(np.arange(4), "x")
        with fastio.FastIOContext(job="own", socket=ctx.socket) as other:
            assert np.asarray(other.get("x")).tolist() == [0, 1, 2, 3]


def test_without_a_service_the_error_says_where_it_was_looked_for(tmp_path: object) -> None:
    with pytest.raises(fastio.ServiceUnreachableError, match="nowhere"):
        fastio.FastIOContext(socket=f"{tmp_path}/nowhere", connect_timeout=0)


def test_create_gives_bytes_that_only_this_process_reaches(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(1000)
    assert (a.size, a.nbytes, a.type, a.dimensions, a.name, a.version) == (1000, 1000, np.uint8, (1000,), "", 0)
    assert ctx.list() == []


def test_create_can_clear_and_align(ctx: fastio.FastIOContext) -> None:
    a = ctx.create(size=5000, alignment=4096, zero=True, device="host")
    assert a.data_ptr % 4096 == 0
    assert not np.asarray(a).any()


@pytest.mark.parametrize("dimensions", [(), (0,), (3,), (2, 3, 4), (1,) * 8])
def test_create_array_has_type_and_dimensions(ctx: fastio.FastIOContext, dimensions: tuple[int, ...]) -> None:
    a = ctx.create_array("float32", dimensions)
    assert (a.dimensions, a.dtype, a.shape) == (dimensions, np.float32, dimensions)
    assert a.size == int(np.prod(dimensions, dtype=np.int64)) * 4


def test_create_array_takes_one_extent(ctx: fastio.FastIOContext) -> None:
    assert ctx.create_array(np.int16, 7).dimensions == (7,)


def test_get_waits_for_a_name(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    got: list[fastio.FastIOAllocation] = []
    waiter = threading.Thread(target=lambda: got.append(other.get("late", timeout=None)))
    waiter.start()
    while other.stats().waits == 0:
        pass
    ctx.publish_array(np.array([7]), "late")
    waiter.join()
    assert np.asarray(got[0])[0] == 7


def test_get_gives_up_in_time(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(TimeoutError):
        ctx.get("never", timeout=0.01)
    with pytest.raises(fastio.NotFoundError):
        ctx.get("never")


def test_get_waits_for_a_newer_version(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([1]), "x")
    first = ctx.get("x")
    with pytest.raises(fastio.TimedOutError):
        ctx.get("x", newer_than=first.version, timeout=0.01)
    ctx.publish_array(np.array([2]), "x", replace=True)
    second = ctx.get("x", newer_than=first.version)
    assert second.version > first.version
    assert (np.asarray(first)[0], np.asarray(second)[0]) == (1, 2)


def test_what_is_found_to_be_read_cannot_be_written(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.arange(3), "x")
    for found in (ctx.find("x", read_only=True), *ctx.find_many(["x"], read_only=True)):
        assert found and found.read_only and not found.numpy().flags.writeable
    for found in (ctx.find("x"), *ctx.find_many(["x"])):
        assert found and not found.read_only and found.numpy().flags.writeable


def test_find_gives_none_where_get_raises(ctx: fastio.FastIOContext) -> None:
    assert ctx.find("never") is None
    assert ctx.find("never", timeout=0.01) is None
    ctx.publish_array(np.array([1]), "x")
    found = ctx.find("x")
    assert found is not None and found.name == "x"


def test_find_many_keeps_the_order(ctx: fastio.FastIOContext) -> None:
    for name in ("a", "c"):
        ctx.publish_array(np.array([1]), name)
    found = ctx.find_many(["c", "b", "a"])
    assert [a if a is None else a.name for a in found] == ["c", None, "a"]
    assert ctx.find_many([]) == []
    assert found[2] is not None
    newer = ctx.find_many(["a", "c"], newer_than=found[2].version)
    assert [a if a is None else a.name for a in newer] == [None, "c"]
    assert ctx.find_many(["b", "b"], timeout=0.01) == [None, None]


def test_list_tells_what_is_published(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.zeros((2, 3), np.complex64), "b/x", attributes={"unit": "mm"})
    ctx.create_array(fastio.bfloat16, (4,)).publish("a")
    ctx.publish_array(np.zeros(1), "b/w")
    assert [info.name for info in ctx.list()] == ["a", "b/w", "b/x"]
    info = ctx.list("b/x")[0]
    assert (info.type, info.dimensions, info.size, info.device) == (np.complex64, (2, 3), 48, "host")
    assert info.attributes == {"unit": "mm"}
    assert info.age >= 0 and info.version > 0 and info.publisher
    assert info.contents == "complete"
    assert ctx.list("a")[0].type == fastio.bfloat16
    assert "b/x" in repr(info)


def test_a_name_goes_after_its_time_to_live_and_its_holders_keep_the_memory(ctx: fastio.FastIOContext) -> None:
    with ctx.watch() as changes:
        ctx.publish_array(np.zeros(1), "array", time_to_live=0.001)
        a = ctx.create_array(np.int64, (1,), zero=True)
        a.publish("stays", time_to_live=None)
        a.publish("goes", time_to_live=0.001)
        a.publish("later", time_to_live=3600)
        gone = set()
        while len(gone) < 2:
            event = changes.next(timeout=None)
            assert event is not None
            if event.kind == "unpublished":
                gone.add(event.name)
    assert gone == {"array", "goes"}
    assert {info.name: info.time_to_live for info in ctx.list()} == {"stays": None, "later": 3600.0}
    assert np.asarray(a)[0] == 0
    for call in (lambda: a.publish("x", time_to_live=0), lambda: ctx.publish_array(np.zeros(1), "x", time_to_live=0)):
        with pytest.raises(fastio.InvalidArgumentError, match="time to live"):
            call()


def test_a_get_that_finds_nothing_says_how_many_names_there_are(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.NotFoundError, match="the job has no names"):
        ctx.get("volum")
    for name in "abc":
        ctx.create(1).publish(name)
    with pytest.raises(fastio.TimedOutError, match="the job has 3 names: .* `fastio ls --job test`"):
        ctx.get("volum", timeout=0.001)


def test_a_watch_can_be_closed(ctx: fastio.FastIOContext) -> None:
    for _ in range(100):  # more than there may be at a time
        with ctx.watch() as watch:
            assert watch.next(timeout=0) is None
    watch.close()
    for call in (lambda: watch.next(timeout=0), watch.fileno, lambda: next(watch)):
        with pytest.raises(fastio.ContextClosedError, match="closed"):
            call()


def test_what_belongs_to_a_process_is_not_pickled(ctx: fastio.FastIOContext) -> None:
    for thing, advice in ((ctx, "make one in each process"), (ctx.create(8), "publish it, pass its name")):
        for call in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=advice):
                call(thing)


def test_an_operator_has_the_name_of_its_script(service: RunningService, tmp_path: pathlib.Path) -> None:
    (tmp_path / "segment.py").write_text(
        "import fastio, subprocess, sys\n"
        "ctx = fastio.FastIOContext(job='named', **eval(sys.argv[2]))\n"
        "command = [sys.argv[1], 'stat', '--job', 'named', '--json']\n"
        "print(subprocess.run(command, capture_output=True, text=True).stdout)\n"
    )
    environment = {**os.environ, "FASTIO_SOCKET": service.socket}
    environment.pop("FASTIO_STAGE", None)
    for more, options, name in (({}, "{}", "segment"), ({"FASTIO_STAGE": "stage"}, "{}", "stage"),
                                ({"FASTIO_STAGE": "stage"}, "{'name': 'own'}", "own")):  # fmt: skip
        done = subprocess.run(
            [sys.executable, tmp_path / "segment.py", program("fastio"), options],
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=True,
        )
        assert [session["name"] for session in json.loads(done.stdout)["sessions"]] == [name]
    with pytest.raises(fastio.InvalidArgumentError, match="operator name"):
        fastio.FastIOContext(socket=service.socket, name="x" * 256)


def test_unpublish_removes_a_name_and_keeps_the_memory(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([5]), "x")
    a = ctx.get("x")
    ctx.unpublish("x")
    assert ctx.find("x") is None
    assert np.asarray(a)[0] == 5
    with pytest.raises(KeyError, match="'x'"):
        ctx.unpublish("x")


def test_unpublish_of_a_version_leaves_what_another_has_put_in_its_place(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext
) -> None:
    ctx.publish_array(np.array([1]), "x")
    version = ctx.list("x")[0].version
    other.publish_array(np.array([2]), "x", replace=True)
    with pytest.raises(fastio.NotFoundError, match=f"not {version}"):
        ctx.unpublish("x", version=version)
    assert ctx.get("x").numpy()[0] == 2
    ctx.unpublish("x", version=ctx.list("x")[0].version)
    assert ctx.find("x") is None
    with pytest.raises(fastio.InvalidArgumentError):
        ctx.unpublish("x", version=-1)
    with pytest.raises(TypeError):
        ctx.unpublish("x", version="1")  # type: ignore[arg-type]


def test_watch_tells_changes_below_a_prefix(ctx: fastio.FastIOContext, other: fastio.FastIOContext) -> None:
    watch = ctx.watch("in/")
    assert watch.next(timeout=0) is None
    other.publish_array(np.array([1]), "out/x")
    other.publish_array(np.array([1]), "in/x")
    other.publish_array(np.array([2]), "in/x", replace=True)
    other.unpublish("in/x")
    events = [watch.next(), watch.next(), watch.next()]
    assert [(e.kind, e.name) for e in events if e] == [
        ("published", "in/x"),
        ("replaced", "in/x"),
        ("unpublished", "in/x"),
    ]
    assert watch.next(timeout=0.01) is None


def test_a_watch_can_be_selected_and_iterated(ctx: fastio.FastIOContext) -> None:
    watch = ctx.watch()
    assert select.select([watch], [], [], 0)[0] == []
    ctx.publish_array(np.array([1]), "x")
    assert select.select([watch], [], [])[0] == [watch]
    for event in watch:
        assert (event.kind, event.name, event.job) == ("published", "x", "test")
        assert "published" in repr(event)
        break


def test_stats_count(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.zeros(1000), "x")
    a = ctx.get("x")
    stats = ctx.stats()
    assert (stats.publications, stats.allocations, stats.own_leases, stats.gets) == (1, 1, 1, 1)
    assert stats.bytes_published == 8000 and stats.bytes_copied == 0
    assert stats.stream_ordering == "none"
    a.release()
    assert ctx.stats().own_leases == 0


def test_a_closed_context_says_so(ctx: fastio.FastIOContext) -> None:
    ctx.publish_array(np.array([1.5]), "x")
    a = ctx.get("x")
    assert ctx.alive
    ctx.close()
    assert not ctx.alive
    for call in (
        lambda: ctx.create(1),
        lambda: ctx.get("x"),
        lambda: ctx.list(),
        lambda: ctx.stats(),
        lambda: ctx.watch(),
        lambda: ctx.publish_array(np.array([1]), "y"),
        lambda: a.publish("y"),
        lambda: a.free(),
    ):
        with pytest.raises(fastio.ContextClosedError):
            call()
    # What it gave stays usable until it is released.
    assert np.asarray(a)[0] == 1.5
    a.release()
    ctx.close()


def test_close_ends_a_wait_in_another_thread(ctx: fastio.FastIOContext) -> None:
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            ctx.get("never", timeout=None)
        except fastio.Error as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    while ctx.stats().waits == 0:
        pass
    ctx.close()
    waiter.join()
    assert [type(error) for error in errors] == [fastio.ContextClosedError]


def test_leaving_the_block_closes(join: Join) -> None:
    with join() as ctx:
        assert ctx.alive
    assert not ctx.alive
    assert "closed" in repr(ctx)


def test_a_context_ends_with_its_last_object(join: Join, service: RunningService) -> None:
    context = fastio.FastIOContext(job="collected", socket=service.socket)
    a = context.create(100)
    del context
    gc.collect()
    assert service.totals()["sessions"] == 1
    assert a.size == 100
    del a
    gc.collect()
    assert service.totals()["sessions"] == 0


def test_a_persistent_context_outlives_its_members(service: RunningService) -> None:
    with fastio.FastIOContext(job="kept", socket=service.socket, persistent=True) as ctx:
        ctx.publish_array(np.array([3]), "x")
    del ctx
    gc.collect()
    with fastio.FastIOContext(job="kept", socket=service.socket) as again:
        a = again.get("x")
        assert np.asarray(a)[0] == 3
        a.free()
    del again, a
    service.end()


def test_a_quota_has_an_error_of_its_own(join: Join) -> None:
    ctx = join(job="small", quota=4 << 20)
    with pytest.raises(fastio.QuotaExceededError, match="quota"):
        ctx.create(64 << 20)


def test_a_pool_has_an_error_of_its_own(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(MemoryError):
        ctx.create(1 << 60)


def test_the_death_of_the_service_has_an_error_of_its_own(ctx: fastio.FastIOContext, service: RunningService) -> None:
    ctx.publish_array(np.array([8]), "x")
    a = ctx.get("x")
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            ctx.get("never", timeout=None)
        except fastio.Error as error:
            errors.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    while ctx.stats().waits == 0:
        pass
    service.kill()
    waiter.join()
    assert [type(error) for error in errors] == [fastio.ServiceLostError]
    with pytest.raises(fastio.ServiceLostError):
        ctx.create(1)
    assert np.asarray(a)[0] == 8
    a.release()
