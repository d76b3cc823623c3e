"""safetensors files that are not what they say, or cannot be read: each is refused before anything is published."""

from __future__ import annotations

import gc
import json
import os
import pathlib

import numpy as np
import pytest

import fastio
from checkpoints import (
    Header,
    Join,
    Write,
    checkpoint,
    file_of,
    names,
    tensor,
    write,  # noqa: F401  fixtures
)

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
        file_of(
            b'{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
            b'"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            b"a",
        ),
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
def test_a_corrupt_file_publishes_nothing(ctx: fastio.FastIOContext, write: Write, what: str, replace: bool) -> None:
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


def test_a_file_that_cannot_be_read_has_an_error_of_its_own(ctx: fastio.FastIOContext, tmp_path: pathlib.Path) -> None:
    with pytest.raises(fastio.IoError, match="nowhere.*No such file"):
        fastio.safetensors.publish(ctx, tmp_path / "nowhere")
    with pytest.raises(fastio.IoError, match="directory"):
        fastio.safetensors.publish(ctx, tmp_path)


def test_a_mistake_in_an_argument_takes_nothing_away(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    fastio.safetensors.publish(ctx, path)
    before = names(ctx)
    for wrong in ({"replace": 1}, {"replace": True, "progress": "no"}):
        with pytest.raises(TypeError):
            fastio.safetensors.publish(ctx, path, **wrong)  # type: ignore[arg-type]
    assert names(ctx) == before


def test_a_closed_context_says_so_and_not_that_the_file_is_bad(join: Join, write: Write) -> None:
    ctx = join()
    ctx.close()
    path = write(checkpoint({"x": ("U8", (1,), b"a")}))
    with pytest.raises(fastio.ContextClosedError):
        fastio.safetensors.publish(ctx, path)
    with pytest.raises(fastio.ContextClosedError):
        fastio.safetensors.load(ctx, framework="numpy")


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
