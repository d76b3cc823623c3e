"""fastio.safetensors with several publishers of one prefix, and with one that is interrupted."""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Optional

import numpy as np
import pytest

import fastio
from checkpoints import INDEX, Write, checkpoint, names, write  # noqa: F401  fixtures
from conftest import Script
from fastio import _safetensors_file


def of_one_letter(letter: str, count: int = 2) -> bytes:
    return checkpoint({f"t{i}": ("U8", (1,), letter.encode()) for i in range(count)})


def letters(ctx: fastio.FastIOContext, prefix: str = "w/", timeout: Optional[float] = 0) -> bytes:
    state = fastio.safetensors.load(ctx, prefix, framework="numpy", timeout=timeout)
    return b"".join(array.tobytes() for array in state.values())


@pytest.fixture
def two(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    """Files of a's and of b's."""
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(of_one_letter(path.name))
    return paths


def test_a_publisher_that_is_overtaken_leaves_no_mixture(ctx: fastio.FastIOContext, two: list[pathlib.Path]) -> None:
    one, other = two
    fastio.safetensors.publish(ctx, one, "w/")
    seen: list[bytes] = []

    def overtake(done: int, *_: int) -> None:
        if done == 1 and not seen:
            fastio.safetensors.publish(ctx, other, "w/", replace=True)
            seen.append(letters(ctx))

    fastio.safetensors.publish(ctx, one, "w/", replace=True, progress=overtake)
    # Its own index was the last, and so it put right what the other had replaced meanwhile.
    assert (seen, letters(ctx)) == ([b"bb"], b"aa")
    assert names(ctx) == ["w/" + INDEX, "w/t0", "w/t1"]


def test_a_publisher_that_fails_leaves_what_is_anothers(ctx: fastio.FastIOContext, two: list[pathlib.Path]) -> None:
    one, other = two

    def overtake(done: int, *_: int) -> None:
        fastio.safetensors.publish(ctx, other, "w/", replace=True)

    with pytest.raises(fastio.AlreadyExistsError):
        fastio.safetensors.publish(ctx, one, "w/", progress=overtake)
    assert letters(ctx) == b"bb"


def test_publishers_that_replace_at_once_never_mix(
    ctx: fastio.FastIOContext, script: Script, tmp_path: pathlib.Path
) -> None:
    publishers = []
    for letter in "ab":
        (tmp_path / letter).write_bytes(of_one_letter(letter, 20 if letter == "a" else 15))
        publishers.append(
            script.start(
                "import fastio, sys\n"
                "ctx = fastio.FastIOContext()\n"
                "for _ in range(40):\n"
                "    fastio.safetensors.publish(ctx, sys.argv[1], 'w/', replace=True)\n",
                str(tmp_path / letter),
            )
        )
    seen = set()
    while any(publisher.poll() is None for publisher in publishers):
        try:
            seen.add(letters(ctx, timeout=0.1))
        except (fastio.TimedOutError, fastio.NotFoundError):
            continue
    for publisher in publishers:
        _, errors = publisher.communicate()
        assert publisher.returncode == 0, errors
    last = letters(ctx)
    assert seen | {last} <= {b"a" * 20, b"b" * 15}
    assert len(names(ctx)) == len(last) + 1


def test_a_mixture_that_a_dead_publisher_left_is_not_loaded(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(of_one_letter("a"))
    fastio.safetensors.publish(ctx, path, "w/")
    ctx.publish_array(np.array([ord("b")], np.uint8), "w/t1", replace=True)
    with pytest.raises(fastio.NotFoundError, match="'t1' is another publisher's"):
        letters(ctx)
    with pytest.raises(fastio.TimedOutError):
        letters(ctx, timeout=0.01)
    fastio.safetensors.publish(ctx, path, "w/", replace=True)
    assert letters(ctx) == b"aa"


def test_a_deadline_that_passes_while_loading_is_a_timeout(ctx: fastio.FastIOContext, write: Write) -> None:
    path = write(of_one_letter("a"))
    fastio.safetensors.publish(ctx, path, "w/")
    caught: list[type] = []

    def load(done: int, *_: int) -> None:
        try:
            letters(ctx, timeout=0.001)
        except fastio.TimedOutError as error:
            caught.append(type(error))

    fastio.safetensors.publish(ctx, path, "w/", replace=True, progress=load)
    assert caught == [fastio.TimedOutError] * 2


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_an_index_that_is_replaced_all_the_time_ends_a_load(
    ctx: fastio.FastIOContext, script: Script, timeout: float
) -> None:
    for i in range(500):
        ctx.publish_array(np.zeros(1, np.uint8), f"w/t{i}")
    member = script.start(
        "import fastio, json, numpy as np\n"
        "ctx = fastio.FastIOContext()\n"
        "index = {'tensors': [f't{i}' for i in range(500)], 'versions': [2**40] * 500, 'metadata': {}}\n"
        "with ctx.create_array('uint8', len(json.dumps(index))) as made:\n"
        "    made.numpy()[:] = np.frombuffer(json.dumps(index).encode(), np.uint8)\n"
        "    made.publish('w/__safetensors__')\n"
        "    print('there', flush=True)\n"
        "    while True:\n"
        "        made.publish('w/__safetensors__', replace=True)\n"
    )
    assert member.stdout is not None and member.stdout.readline() == "there\n"
    with pytest.raises(fastio.TimedOutError if timeout else fastio.NotFoundError):
        letters(ctx, timeout=timeout)
    member.kill()
    member.communicate()


@pytest.mark.parametrize("timeout", [np.float32(0.001), np.int64(0), 0])
def test_a_timeout_may_be_a_number_of_numpy(ctx: fastio.FastIOContext, timeout: Any) -> None:
    expected = fastio.TimedOutError if timeout else fastio.NotFoundError
    with pytest.raises(expected):
        letters(ctx, timeout=timeout)


ODD_INDEXES = {
    "nested": b"[" * 200_000,
    "a text of names": json.dumps({"tensors": "abc", "versions": [1, 2, 3], "metadata": {}}).encode(),
    "an object of names": json.dumps({"tensors": {"a": 1}, "versions": [1], "metadata": {}}).encode(),
    "a name that is no text": json.dumps({"tensors": ["\ud800"], "versions": [1], "metadata": {}}).encode(),
    "a name with NUL": json.dumps({"tensors": ["a\0"], "versions": [1], "metadata": {}}).encode(),
    "a long name": json.dumps({"tensors": ["n" * 300], "versions": [1], "metadata": {}}).encode(),
    "a name twice": json.dumps({"tensors": ["a", "a"], "versions": [1, 1], "metadata": {}}).encode(),
    "the index's name": json.dumps({"tensors": [INDEX], "versions": [1], "metadata": {}}).encode(),
    "metadata of no texts": json.dumps({"tensors": [], "versions": [], "metadata": {"x": [1]}}).encode(),
    "no versions": json.dumps({"tensors": [], "metadata": {}}).encode(),
    "too few versions": json.dumps({"tensors": ["a"], "versions": [], "metadata": {}}).encode(),
    "a version of nothing": json.dumps({"tensors": ["a"], "versions": [0], "metadata": {}}).encode(),
    "versions of no numbers": json.dumps({"tensors": ["a"], "versions": [True], "metadata": {}}).encode(),
}


@pytest.mark.parametrize("index", ODD_INDEXES.values(), ids=ODD_INDEXES.keys())
def test_an_index_that_is_none_is_corrupt_and_can_be_replaced(
    ctx: fastio.FastIOContext, write: Write, index: bytes
) -> None:
    ctx.publish_array(np.frombuffer(index, np.uint8), "w/" + INDEX)
    for call in (fastio.safetensors.load, fastio.safetensors.metadata):
        with pytest.raises(fastio.CorruptInputError, match=f"w/{INDEX}"):
            call(ctx, "w/")
    fastio.safetensors.publish(ctx, write(of_one_letter("a")), "w/", replace=True)
    assert letters(ctx) == b"aa"


def test_an_index_of_elements_that_numpy_lacks_is_corrupt(ctx: fastio.FastIOContext) -> None:
    with ctx.create_array("bfloat16", (3,), zero=True) as made:
        made.publish("w/" + INDEX)
    with pytest.raises(fastio.CorruptInputError):
        letters(ctx)


class AtLine:
    """Does something before one of the lines that a call runs in fastio.safetensors."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._files = {module.__file__ for module in (fastio.safetensors, _safetensors_file)}
        self._act = act
        self.left = number

    def _trace(self, frame: Any, event: str, argument: object) -> Any:
        if frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self._act()
        return self._trace

    def __enter__(self) -> AtLine:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


@pytest.fixture
def three_of_a(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "aaa").write_bytes(of_one_letter("a", 3))
    return tmp_path / "aaa"


@pytest.fixture
def five_of_b(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "bbbbb").write_bytes(of_one_letter("b", 5))
    return tmp_path / "bbbbb"


def nothing_is_left(ctx: fastio.FastIOContext) -> bool:
    for name in names(ctx):
        ctx.unpublish(name)
    return (ctx.stats().allocations, ctx.stats().own_leases) == (0, 0)


@pytest.mark.parametrize("replace", [False, True])
def test_ctrl_c_at_any_line_leaves_all_or_nothing(
    ctx: fastio.FastIOContext, three_of_a: pathlib.Path, five_of_b: pathlib.Path, replace: bool
) -> None:
    interrupted = 0
    for number in range(1, 100_000):
        if replace:
            fastio.safetensors.publish(ctx, five_of_b, "w/")
        with AtLine(number, interrupt) as line:
            try:
                fastio.safetensors.publish(ctx, three_of_a, "w/", replace=replace)
            except KeyboardInterrupt:
                interrupted += 1
        left = names(ctx)
        if left:
            contents = letters(ctx)
            assert contents in ((b"aaa", b"bbbbb") if replace else (b"aaa",)), f"at line {number}"
            assert len(left) == len(contents) + 1, f"at line {number}: {left}"
        assert nothing_is_left(ctx), f"at line {number}: {left}"
        if line.left > 0:
            break
    assert interrupted > 100


def test_another_publisher_at_any_line_leaves_one_of_the_two(
    ctx: fastio.FastIOContext, other: fastio.FastIOContext, three_of_a: pathlib.Path, five_of_b: pathlib.Path
) -> None:
    seen = set()
    for number in range(1, 100_000):
        fastio.safetensors.publish(ctx, five_of_b, "w/")
        with AtLine(number, lambda: fastio.safetensors.publish(other, five_of_b, "w/", replace=True)) as line:
            fastio.safetensors.publish(ctx, three_of_a, "w/", replace=True)
        contents = letters(ctx)
        seen.add(contents)
        assert contents in (b"aaa", b"bbbbb"), f"at line {number}"
        assert len(names(ctx)) == len(contents) + 1, f"at line {number}: {names(ctx)}"
        assert nothing_is_left(ctx), f"at line {number}"
        if line.left > 0:
            break
    assert seen == {b"aaa", b"bbbbb"} and number > 100
