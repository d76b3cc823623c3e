"""Reads safetensors files that are nearly right: safetensors_fuzzer.py [--seconds N | --runs N] [--seed N].

Python's own coverage and a seeded mutator instead of libFuzzer's Python binding, whose wheels are for few interpreters.
Files are put together from parts that are right, wrong or extreme, then some bytes are changed. Every file must be read
or refused with one of the documented errors. The last line says how many ran and how much of the reader they reached;
below 95 % is a failure.
"""

from __future__ import annotations

import argparse
import dis
import json
import mmap
import random
import sys
import time
from types import CodeType, FrameType
from typing import Any, Callable, Optional

from fastio import CorruptInputError, InvalidArgumentError, UnsupportedError, _safetensors_file, safetensors

LEAST_PERCENT = 95.0
DOCUMENTED = (CorruptInputError, UnsupportedError, InvalidArgumentError)
READER: list[Callable[..., Any]] = [
    _safetensors_file.read_header,
    _safetensors_file.without_repetition,
    _safetensors_file.read_tensor,
    safetensors._check_names,
]
NUMBERS: tuple[Any, ...] = (-1, 0, 1, 2, 3, 4, 8, 2**31, 2**62, 2**63 - 1, 2**63, 2**64, 1.0, True, "4", None, [])
PREFIXES = ("\ud800", "p" * 250, "\0", "w/")
TEXTS = ("", "x", "y", "weight", "a" * 255, "a" * 256, "__safetensors__", "\0", "\ud800", "ä")


def lines_of(code: CodeType) -> set[int]:
    """Of the function and of those inside it."""
    lines = {line for _, line in dis.findlinestarts(code) if line is not None and line != code.co_firstlineno}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            lines |= lines_of(constant)
    return lines


class Mutator:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def file(self) -> bytes:
        chance = self._random
        header, data = self._header()
        text = self._json(header)
        for _ in range(chance.choice((0, 0, 0, 1, 3))):
            text = self._damaged(text)
        length = len(text) if chance.random() < 0.9 else chance.choice((0, 7, len(text) + 1, 100_000_001, 2**64 - 1))
        whole = length.to_bytes(8, "little") + text + data
        return self._damaged(whole) if chance.random() < 0.1 else whole

    def _header(self) -> tuple[object, bytes]:
        chance = self._random
        header: dict[str, object] = {}
        at = 0
        if chance.random() < 0.2:
            header["__metadata__"] = chance.choice(({"a": "b"}, {}, {"a": 1}, [], None))
        for _ in range(chance.randrange(4)):
            dtype = chance.choice([*_safetensors_file.TYPES, "F4", ""])
            shape: list[Any] = [chance.randrange(4) for _ in range(chance.choice((0, 1, 2, 9)))]
            size = _safetensors_file.TYPES.get(dtype, ("", 1))[1]
            for extent in shape:
                size *= extent
            offsets: list[Any] = [at, at + size]
            at += size
            item: Any = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
            if chance.random() < 0.2:
                item = self._wrong(item)
            header[chance.choice(TEXTS) if chance.random() < 0.3 else f"t{len(header)}"] = item
        data = bytes(min(at, 1 << 16)) + (b"x" if chance.random() < 0.05 else b"")
        return (header if chance.random() < 0.97 else chance.choice(([], 3, None, "x"))), data

    def _wrong(self, item: dict[str, Any]) -> Any:
        chance = self._random
        where = chance.randrange(6)
        if where == 0:
            return chance.choice(NUMBERS)
        if where == 1:
            del item[chance.choice(list(item))]
        elif where == 2:
            item[chance.choice(list(item))] = chance.choice(NUMBERS)
        elif where == 3:
            item["data_offsets"][chance.randrange(2)] = chance.choice(NUMBERS)
        elif where == 4:
            item["shape"] = [chance.choice(NUMBERS) for _ in range(chance.randrange(3))]
        else:
            item["shape"], item["data_offsets"] = [0, 2**62, 4], [0, 0]
        return item

    def _json(self, header: object) -> bytes:
        text = json.dumps(header)
        if self._random.random() < 0.02 and isinstance(header, dict) and header:
            text = text[:-1] + "," + text[1:]  # every key twice
        if self._random.random() < 0.005:
            text = '{"x":' + "[" * 100_000
        return text.encode()

    def _damaged(self, contents: bytes) -> bytes:
        chance = self._random
        changed = bytearray(contents)
        at = chance.randrange(len(changed) + 1)
        what = chance.randrange(4)
        if what == 0:
            del changed[at:]
        elif what == 1:
            changed[at : at + 1] = bytes([chance.randrange(256)])
        elif what == 2:
            changed[at:at] = chance.choice((b"{", b"[", b'"', b"\xff", b"-", b"1e999", b"NaN"))
        else:
            del changed[at : at + chance.randrange(1, 9)]
        return bytes(changed)


class Coverage:
    """The lines of the reader that ran, while it is entered."""

    def __init__(self) -> None:
        codes = [function.__code__ for function in READER]
        self._wanted = {(code.co_filename, line) for code in codes for line in lines_of(code)}
        self._files = {code.co_filename for code in codes}
        self._reached: set[tuple[str, int]] = set()

    def __enter__(self) -> None:
        sys.settrace(self._enter)

    def __exit__(self, *exception: object) -> None:
        sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Optional[Callable[..., Any]]:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        self._reached.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    @property
    def missing(self) -> list[tuple[str, int]]:
        return sorted(self._wanted - self._reached)

    @property
    def percent(self) -> float:
        return 100.0 * (1 - len(self.missing) / len(self._wanted))


def read(contents: bytes) -> bool:
    """False for a file that was refused as documented."""
    memory = mmap.mmap(-1, max(len(contents), 8))  # a file of fewer bytes is refused before
    try:
        memory[: len(contents)] = contents
        tensors, metadata, start = _safetensors_file.read_header(memory, "file")
        # Which prefix follows from the file, so that a seed repeats it.
        prefix = PREFIXES[min(contents[-1] if contents else 0, len(PREFIXES) - 1)]
        safetensors._check_names([tensor.name for tensor in tensors], prefix, "file")
    except DOCUMENTED:
        return False
    finally:
        memory.close()
    assert all(isinstance(value, str) for value in metadata.values())
    at = 0
    for tensor in tensors:
        assert tensor.begin == at and len(tensor.shape) <= 8
        at = tensor.end
    assert start + at == max(len(contents), 8)
    return True


def fuzz(seed: int, runs: Optional[int], seconds: Optional[float]) -> tuple[int, int, Coverage]:
    """Files that were read, and of them those that were taken."""
    mutator = Mutator(seed)
    coverage = Coverage()
    end = None if seconds is None else time.monotonic() + seconds
    done = taken = 0
    traced = 5_000  # tracing costs most of the time
    while (runs is None or done < runs) and (end is None or time.monotonic() < end):
        contents = mutator.file()
        try:
            if done < traced:
                with coverage:
                    taken += read(contents)
            else:
                taken += read(contents)
        except BaseException:
            print(f"seed {seed}, file {done}: {contents[:4096]!r}", file=sys.stderr)
            raise
        done += 1
    return done, taken, coverage


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    done, taken, coverage = fuzz(options.seed, options.runs, options.seconds)
    for file, line in coverage.missing:
        print(f"not reached: {file}:{line}")
    print(
        f"safetensors: {done:,} executions, {taken:,} files taken, seed {options.seed}, "
        f"{coverage.percent:.1f} % of the reader's lines"
    )
    return 0 if coverage.percent >= LEAST_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
