"""fastio.safetensors: checkpoints published by one process and mapped by others."""

from __future__ import annotations

import json
import os
import pathlib
import threading
import zlib
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from checkpoints import (  # noqa: F401  fixtures
    INDEX,
    NUMPY_LACKS,
    TYPES,
    Join,
    Tensors,
    Write,
    bytes_of,
    checkpoint,
    file_of,
    model,
    names,
    random_bytes,
    tensor,
    thousands,
    torch_bytes,
    write,
)
from conftest import RunningService, Script, package


def test_a_real_model_is_what_the_safetensors_package_loads(ctx: fastio.FastIOContext, model: pathlib.Path) -> None:
    torch = package("torch")
    official = package("safetensors.torch").load_file(model)
    assert fastio.safetensors.publish(ctx, model, "model/") == len(official) == 104
    state = fastio.safetensors.load(ctx, "model/")
    assert state.keys() == official.keys()
    for name, expected in official.items():
        assert state[name].dtype == expected.dtype
        assert torch.equal(state[name], expected), name
    assert ctx.stats().bytes_copied == 0


def test_a_real_model_reaches_another_process_without_its_file(
    ctx: fastio.FastIOContext, script: Script, model: pathlib.Path
) -> None:
    official = package("safetensors.numpy").load_file(model)
    user = script.start(
        "import fastio, zlib\n"
        "ctx = fastio.FastIOContext()\n"
        "state = fastio.safetensors.load(ctx, 'm/', timeout=600, framework='numpy')\n"
        "for name, array in sorted(state.items()):\n"
        "    print(name, array.dtype, array.shape, zlib.crc32(array))\n"
        "with open('/proc/self/maps') as maps:\n"
        "    assert 'safetensors' not in maps.read()\n"
    )
    fastio.safetensors.publish(ctx, model, "m/")
    output, errors = user.communicate()
    assert user.returncode == 0, errors
    expected = [f"{n} {a.dtype} {a.shape} {zlib.crc32(a.tobytes())}" for n, a in sorted(official.items())]
    assert output.splitlines() == expected


def test_thousands_of_tensors_of_all_types_have_the_bytes_of_the_file(
    ctx: fastio.FastIOContext,
    other: fastio.FastIOContext,
    write: Write,
    thousands: Tensors,
) -> None:
    path = write(checkpoint(thousands))
    assert fastio.safetensors.publish(ctx, path, "w/") == 3000
    state = fastio.safetensors.load(other, "w/", framework="fastio")
    assert list(state) == list(thousands)
    for name, (dtype, shape, contents) in thousands.items():
        allocation = state[name]
        assert allocation.name == "w/" + name
        assert allocation.dimensions == shape
        wanted = getattr(fastio, TYPES[dtype][1])
        assert allocation.type == (wanted if dtype in NUMPY_LACKS else np.dtype(wanted.name.rstrip("_")))
        assert bytes_of(allocation) == contents, name


def test_thousands_of_tensors_are_what_the_safetensors_package_reads(
    ctx: fastio.FastIOContext, write: Write, thousands: Tensors
) -> None:
    official_package = package("safetensors")
    contents = checkpoint(thousands)
    try:
        official = dict(official_package.deserialize(contents))
    except official_package.SafetensorError as error:  # the last one for Python 3.9 lacks some of the types
        if "unknown variant" not in str(error):
            raise
        thousands = {n: t for n, t in thousands.items() if not t[0].endswith("FNUZ")}
        contents = checkpoint(thousands)
        official = dict(official_package.deserialize(contents))
    fastio.safetensors.publish(ctx, write(contents))
    state = fastio.safetensors.load(ctx, framework="fastio")
    assert state.keys() == official.keys()
    for name, item in official.items():
        assert state[name].dimensions == tuple(item["shape"])
        assert state[name]._data_type == getattr(fastio, TYPES[item["dtype"]][1])
        assert bytes_of(state[name]) == bytes(item["data"]), name


def test_what_this_torch_has_is_what_the_safetensors_package_loads(
    ctx: fastio.FastIOContext, write: Write, thousands: Tensors
) -> None:
    torch = package("torch")
    loaded_by = package("safetensors.torch").load_file
    known = {n: t for n, t in thousands.items() if hasattr(torch, TYPES[t[0]][1].rstrip("_"))}
    assert len(known) > 1500 and "BF16" in {t[0] for t in known.values()}
    path = write(checkpoint(known))
    fastio.safetensors.publish(ctx, path)
    state = fastio.safetensors.load(ctx)
    official = loaded_by(path)
    assert state.keys() == official.keys()
    for name, expected in official.items():
        assert (state[name].dtype, state[name].shape) == (expected.dtype, expected.shape)
        assert torch_bytes(state[name]) == torch_bytes(expected), name


@pytest.mark.parametrize("dtype", list(TYPES))
def test_a_type_is_a_torch_tensor_or_an_error_that_names_it(
    ctx: fastio.FastIOContext, write: Write, dtype: str
) -> None:
    torch = package("torch")
    contents = random_bytes(dtype, (3, 4), np.random.default_rng(1))
    fastio.safetensors.publish(ctx, write(checkpoint({"odd": (dtype, (3, 4), contents)})))
    name = TYPES[dtype][1]
    expected = getattr(torch, name.rstrip("_"), None)
    if expected is None:
        with pytest.raises(fastio.UnsupportedError, match=f"no {name.rstrip('_')}.*'odd'"):
            fastio.safetensors.load(ctx)
    else:
        loaded = fastio.safetensors.load(ctx)["odd"]
        assert (loaded.dtype, tuple(loaded.shape)) == (expected, (3, 4))
        assert torch_bytes(loaded) == contents
    assert bytes_of(fastio.safetensors.load(ctx, framework="fastio")["odd"]) == contents


@pytest.mark.parametrize("dtype", list(TYPES))
def test_a_type_is_a_numpy_array_or_an_error_that_names_it(ctx: fastio.FastIOContext, write: Write, dtype: str) -> None:
    contents = random_bytes(dtype, (3, 4), np.random.default_rng(2))
    fastio.safetensors.publish(ctx, write(checkpoint({"odd": (dtype, (3, 4), contents)})))
    name = TYPES[dtype][1].rstrip("_")
    if dtype in NUMPY_LACKS:
        with pytest.raises(fastio.UnsupportedError, match=name):
            fastio.safetensors.load(ctx, framework="numpy")
    else:
        array = fastio.safetensors.load(ctx, framework="numpy")["odd"]
        assert (array.dtype, array.shape, array.tobytes()) == (np.dtype(name), (3, 4), contents)


@pytest.mark.parametrize("framework", ["torch", "numpy", "fastio"])
@pytest.mark.parametrize("dtype", ["BOOL", "F32", "I64"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,) * 8])
def test_scalars_and_empty_tensors_keep_their_shape(
    ctx: fastio.FastIOContext, write: Write, framework: str, dtype: str, shape: tuple[int, ...]
) -> None:
    if framework == "torch":
        package("torch")
    contents = random_bytes(dtype, shape, np.random.default_rng(3))
    fastio.safetensors.publish(ctx, write(checkpoint({"x": (dtype, shape, contents)})))
    loaded = fastio.safetensors.load(ctx, framework=framework)["x"]
    assert tuple(loaded.shape) == shape
    if framework == "numpy":
        assert loaded.tobytes() == contents
    elif framework == "torch":
        assert torch_bytes(loaded) == contents


def test_a_file_without_tensors_is_an_empty_state_dict(ctx: fastio.FastIOContext, write: Write) -> None:
    assert fastio.safetensors.publish(ctx, write(file_of({})), "none/", progress=True) == 0
    assert fastio.safetensors.load(ctx, "none/", framework="numpy") == {}
    assert fastio.safetensors.metadata(ctx, "none/") == {}


def test_the_header_may_be_padded_and_unordered(ctx: fastio.FastIOContext, write: Write) -> None:
    header = {"b": tensor(4, 8), "a": tensor(0, 4)}
    fastio.safetensors.publish(ctx, write(file_of(json.dumps(header).encode() + b"   ", b"\0\0\x80?\0\0\0@")))
    state = fastio.safetensors.load(ctx, framework="numpy")
    assert {name: array.tolist() for name, array in state.items()} == {"a": [1.0], "b": [2.0]}


def test_the_metadata_of_the_file_can_be_had(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({"x": ("U8", (1,), b"a")}, {"format": "pt", "author": "\u00e4"}))
    fastio.safetensors.publish(ctx, path, "w/")
    assert fastio.safetensors.metadata(ctx, "w/") == {"format": "pt", "author": "\u00e4"}
    with pytest.raises(fastio.NotFoundError):
        fastio.safetensors.metadata(ctx, "v/")
    with pytest.raises(fastio.TimedOutError):
        fastio.safetensors.metadata(ctx, "v/", timeout=0.01)


def test_the_prefix_keeps_checkpoints_apart(ctx: fastio.FastIOContext, write: Write) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"a")})), "one/")
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"b")})), "two/")
    assert names(ctx) == ["one/" + INDEX, "one/x", "two/" + INDEX, "two/x"]
    assert fastio.safetensors.load(ctx, "one/", framework="numpy")["x"].tobytes() == b"a"
    assert fastio.safetensors.load(ctx, "two/", framework="numpy")["x"].tobytes() == b"b"


def test_tensors_can_be_got_one_by_one(ctx: fastio.FastIOContext, write: Write) -> None:
    contents = np.array([1, 2], np.float32).tobytes()
    fastio.safetensors.publish(ctx, write(checkpoint({"x.y": ("F32", (2,), contents)})), "w/")
    assert np.asarray(ctx.get("w/x.y")).tolist() == [1.0, 2.0]


def test_a_path_may_be_text_or_an_object(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    assert fastio.safetensors.publish(ctx, str(path), "a/") == 1
    assert fastio.safetensors.publish(ctx, path, "b/") == 1


def test_loading_waits_for_a_publisher_in_another_process(
    ctx: fastio.FastIOContext, script: Script, write: Write
) -> None:
    path = write(checkpoint({"x": ("I32", (2,), np.array([3, 4], np.int32).tobytes())}))
    publisher = script.start(
        "import fastio, sys\n"
        "ctx = fastio.FastIOContext()\n"
        "print('joined')\n"
        "sys.stdin.readline()\n"
        "fastio.safetensors.publish(ctx, sys.argv[1], 'w/')\n",
        str(path),
    )
    assert publisher.stdout and publisher.stdin
    publisher.stdout.readline()
    loaded: list[dict[str, Any]] = []
    waiter = threading.Thread(
        target=lambda: loaded.append(fastio.safetensors.load(ctx, "w/", timeout=None, framework="numpy"))
    )
    waiter.start()
    while ctx.stats().waits == 0:
        pass
    publisher.communicate("\n")
    waiter.join()
    # The publisher has ended by now.
    assert publisher.returncode == 0
    assert loaded[0]["x"].tolist() == [3, 4]


def test_loading_gives_up_in_time(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.TimedOutError):
        fastio.safetensors.load(ctx, "never/", timeout=0.01, framework="numpy")
    with pytest.raises(fastio.NotFoundError):
        fastio.safetensors.load(ctx, "never/", framework="numpy")


def test_loading_sees_nothing_before_all_is_published(ctx: fastio.FastIOContext, write: Write) -> None:
    seen: list[type] = []

    def look(done: int, of: int, bytes_done: int, bytes_of: int) -> None:
        with pytest.raises(fastio.NotFoundError):
            fastio.safetensors.load(ctx, framework="numpy")
        seen.append(fastio.NotFoundError)

    tensors = dict.fromkeys("abc", ("U8", (1,), b"a"))
    fastio.safetensors.publish(ctx, write(checkpoint(tensors)), progress=look)
    assert len(seen) == 3
    assert len(fastio.safetensors.load(ctx, framework="numpy")) == 3


def test_loading_names_a_tensor_that_is_gone(ctx: fastio.FastIOContext, write: Write) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint(dict.fromkeys("ab", ("U8", (1,), b"a")))), "w/")
    ctx.unpublish("w/b")
    with pytest.raises(fastio.NotFoundError, match="'b'"):
        fastio.safetensors.load(ctx, "w/", framework="numpy")


def test_loaded_tensors_outlive_their_names(ctx: fastio.FastIOContext, write: Write) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("F32", (1,), np.array([7], np.float32).tobytes())})))
    array = fastio.safetensors.load(ctx, framework="numpy")["x"]
    ctx.unpublish("x")
    assert array.tolist() == [7.0]


def test_an_unknown_framework_is_refused(ctx: fastio.FastIOContext) -> None:
    with pytest.raises(fastio.InvalidArgumentError, match="torch, numpy and fastio"):
        fastio.safetensors.load(ctx, framework="jax")


@pytest.mark.parametrize("index", [b"{}", b"[]", b"\xff", b'{"tensors": [1], "metadata": {}}', b'{"tensors": 3}'])
def test_something_else_under_the_name_of_the_index_is_refused(ctx: fastio.FastIOContext, index: bytes) -> None:
    ctx.publish_array(np.frombuffer(index, np.uint8), "w/" + INDEX)
    with pytest.raises(fastio.CorruptInputError, match=f"w/{INDEX}"):
        fastio.safetensors.load(ctx, "w/", framework="numpy")


def test_a_second_publisher_needs_replace(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({"x": ("U8", (1,), b"a"), "y": ("U8", (1,), b"b")}))
    fastio.safetensors.publish(ctx, path)
    with pytest.raises(fastio.AlreadyExistsError):
        fastio.safetensors.publish(ctx, path)
    # What was there is untouched.
    assert fastio.safetensors.load(ctx, framework="numpy")["x"].tobytes() == b"a"


def test_replace_takes_the_place_of_what_was_there(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, write: Write
) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"a"), "old": ("U8", (1,), b"o")})), "w/")
    before = fastio.safetensors.load(other, "w/", framework="numpy")
    fastio.safetensors.publish(
        ctx, write(checkpoint({"x": ("I8", (2,), b"\1\2"), "new": ("U8", (1,), b"n")})), "w/", replace=True
    )
    after = fastio.safetensors.load(other, "w/", framework="numpy")
    assert {name: array.tolist() for name, array in after.items()} == {"x": [1, 2], "new": [ord("n")]}
    assert {name: array.tobytes() for name, array in before.items()} == {"x": b"a", "old": b"o"}
    assert names(ctx) == ["w/" + INDEX, "w/new", "w/x"]


def test_replace_works_where_nothing_was(ctx: fastio.FastIOContext, write: Write) -> None:
    ctx.publish_array(np.zeros(1), "x")
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"a")})), replace=True)
    assert fastio.safetensors.load(ctx, framework="numpy")["x"].tobytes() == b"a"


def test_loading_never_mixes_two_checkpoints(ctx: fastio.FastIOContext, script: Script, tmp_path: pathlib.Path) -> None:
    for mark in ("a", "b"):
        tensors = {f"t{i}": ("U8", (1,), mark.encode()) for i in range(20)}
        (tmp_path / mark).write_bytes(checkpoint(tensors))
    publisher = script.start(
        "import fastio, sys\n"
        "ctx = fastio.FastIOContext()\n"
        "for i in range(100):\n"
        "    fastio.safetensors.publish(ctx, sys.argv[1 + i % 2], 'w/', replace=True)\n"
        "fastio.safetensors.publish(ctx, sys.argv[1], 'done/')\n"
        "sys.stdin.readline()\n",
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    )
    seen = set()
    while ctx.find("done/" + INDEX) is None:
        assert publisher.poll() is None
        state = fastio.safetensors.load(ctx, "w/", timeout=600, framework="numpy")
        seen.add(b"".join(array.tobytes() for array in state.values()))
    publisher.communicate("\n")
    assert publisher.returncode == 0
    assert seen and seen <= {b"a" * 20, b"b" * 20}


def test_progress_is_told_after_each_tensor(ctx: fastio.FastIOContext, write: Write) -> None:
    told: list[tuple[int, int, int, int]] = []
    tensors = {"a": ("U8", (3,), b"abc"), "b": ("F32", (0,), b""), "c": ("U16", (2,), b"1234")}
    fastio.safetensors.publish(ctx, write(checkpoint(tensors)), progress=lambda *numbers: told.append(numbers))
    assert told == [(1, 3, 3, 7), (2, 3, 3, 7), (3, 3, 7, 7)]


def test_progress_is_shown_on_standard_error(
    ctx: fastio.FastIOContext, model: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fastio.safetensors.publish(ctx, model, progress=True)
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert shown.out == ""
    # Few lines where it is no terminal.
    assert 3 <= len(lines) <= 12
    assert lines[-1] == "model.safetensors: 104 of 104 tensors, 91 of 91 MB (100 %)"
    percents = [int(line.rpartition("(")[2].partition(" ")[0]) for line in lines]
    assert percents == sorted(percents)


@pytest.mark.parametrize("progress", [None, False])
def test_progress_is_not_shown_unasked(
    ctx: fastio.FastIOContext, write: Write, capsys: pytest.CaptureFixture[str], progress: Optional[bool]
) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"a")})), progress=progress)
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal_is_one_line(service: RunningService, script: Script, write: Write) -> None:
    path = write(checkpoint({f"t{i}": ("U8", (10,), bytes(10)) for i in range(50)}))
    output = script.run(
        "import fastio, os, sys\n"
        "leader, follower = os.openpty()\n"
        "os.dup2(follower, 2)\n"
        "sys.stderr = os.fdopen(2, 'w')\n"
        "ctx = fastio.FastIOContext()\n"
        "fastio.safetensors.publish(ctx, sys.argv[1])\n"
        "shown = b''\n"
        "while not shown.endswith(b'\\n'):\n"
        "    shown += os.read(leader, 1 << 16)\n"
        "print(shown)\n",
        str(path),
    )
    shown: bytes = eval(output)
    assert shown.count(b"\n") == 1 and shown.count(b"\r") >= 50
    assert b"50 of 50 tensors" in shown


def test_a_failing_progress_withdraws_what_was_published(ctx: fastio.FastIOContext, write: Write) -> None:
    def fail(done: int, of: int, bytes_done: int, bytes_of: int) -> None:
        if done == 2:
            raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError, match="nobody listens"):
        fastio.safetensors.publish(
            ctx, write(checkpoint(dict.fromkeys("abc", ("U8", (1,), b"a")))), "w/", progress=fail
        )
    assert names(ctx) == []


def test_a_quota_withdraws_what_was_published(join: Join, write: Write) -> None:
    ctx = join(job="small", quota=8 << 20)
    tensors = {f"t{i}": ("U8", (1 << 20,), bytes(1 << 20)) for i in range(20)}
    with pytest.raises((fastio.QuotaExceededError, fastio.OutOfMemoryError)):
        fastio.safetensors.publish(ctx, write(checkpoint(tensors)))
    assert names(ctx) == []
    assert ctx.stats().allocations == 0


def test_a_taken_name_withdraws_what_was_published(ctx: fastio.FastIOContext, write: Write) -> None:
    ctx.publish_array(np.array([5]), "w/b")
    with pytest.raises(fastio.AlreadyExistsError, match="w/b"):
        fastio.safetensors.publish(ctx, write(checkpoint(dict.fromkeys("abc", ("U8", (1,), b"a")))), "w/")
    assert names(ctx) == ["w/b"]
    assert np.asarray(ctx.get("w/b"))[0] == 5


@pytest.mark.parametrize("name", ["", "x" * 300, "a\0b", INDEX])
def test_a_name_that_cannot_be_published_is_refused_beforehand(
    ctx: fastio.FastIOContext, write: Write, name: str
) -> None:
    tensors = {"first": ("U8", (1,), b"a"), name: ("U8", (1,), b"b")}
    with pytest.raises(fastio.InvalidArgumentError, match="cannot be published"):
        fastio.safetensors.publish(ctx, write(checkpoint(tensors)))
    assert names(ctx) == []


def test_a_file_that_becomes_shorter_while_it_is_read_is_corrupt(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({name: ("U8", (1 << 20,), name.encode() * (1 << 20)) for name in "abc"}))

    def shorten(done: int, of: int, *_: int) -> None:
        if done == 1:
            os.truncate(path, os.path.getsize(path) - (3 << 19))

    with pytest.raises(fastio.CorruptInputError, match="became shorter while it was read"):
        fastio.safetensors.publish(ctx, path, "w/", progress=shorten)
    assert ctx.list() == []


@pytest.mark.parametrize("prefix", ["p" * 245, "a\0b", "\ud800"])
def test_a_prefix_that_cannot_be_published_is_refused_first(
    ctx: fastio.FastIOContext, write: Write, prefix: str
) -> None:
    told: list[int] = []
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    with pytest.raises(fastio.InvalidArgumentError):
        fastio.safetensors.publish(ctx, path, prefix, progress=lambda done, *_: told.append(done))
    assert told == [] and ctx.list() == []
