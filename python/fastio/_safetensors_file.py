"""Files in the safetensors format: what is in them, and the checks of it."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Union

from ._errors import CorruptInputError, IoError, UnsupportedError

#: Names of element types: the format's, and ours.
TYPES = {
    "BOOL": ("bool_", 1),
    "U8": ("uint8", 1),
    "I8": ("int8", 1),
    "U16": ("uint16", 2),
    "I16": ("int16", 2),
    "U32": ("uint32", 4),
    "I32": ("int32", 4),
    "U64": ("uint64", 8),
    "I64": ("int64", 8),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "F32": ("float32", 4),
    "F64": ("float64", 8),
    "C64": ("complex64", 8),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "F8_E8M0": ("float8_e8m0fnu", 1),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 1),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 1),
}
_LONGEST_HEADER = 100_000_000  # bytes; the limit of the format's own reader
_MOST_DIMENSIONS = 8
_MOST_BYTES = 2**63 - 1


@dataclass(frozen=True)
class Tensor:
    name: str
    type: str
    shape: tuple[int, ...]
    begin: int
    end: int


class File:
    """The bytes of a file, as a slice of bytes has them."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._size = os.fstat(descriptor).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(self._size)
        read = bytearray(max(end - begin, 0))
        self.read_into(memoryview(read), begin)
        return bytes(read)

    def read_into(self, target: memoryview, begin: int) -> None:
        """All of ``target``, which is of bytes, from there."""
        while target.nbytes > 0:
            try:
                got = os.preadv(self._descriptor, [target], begin)
            except OSError as error:
                raise IoError(f"cannot read {self._path}: {error.strerror}") from error
            if got == 0:
                raise CorruptInputError(f"{self._path} became shorter while it was read: it ends at byte {begin}")
            target, begin = target[got:], begin + got


@contextlib.contextmanager
def opened(path: Union[str, os.PathLike[str]]) -> Iterator[File]:
    with contextlib.ExitStack() as opened:
        try:
            stream = opened.enter_context(open(path, "rb", buffering=0))
            file = File(stream.fileno(), str(path))
        except OSError as error:
            raise IoError(f"cannot read {path}: {error.strerror}") from error
        if len(file) < 8:
            raise CorruptInputError(f"{path} has {len(file)} bytes, too few for a safetensors file")
        yield file


def read_header(contents: Union[File, bytes, mmap.mmap], path: str) -> tuple[list[Tensor], dict[str, str], int]:
    """The tensors in the order of their bytes, the file's metadata, and where the bytes begin."""
    length = int.from_bytes(contents[:8], "little")
    start = 8 + length
    if length > _LONGEST_HEADER or start > len(contents):
        raise CorruptInputError(
            f"{path}: its header is said to have {length} bytes, and the file has {len(contents)}: it is truncated, or "
            "no safetensors file"
        )
    try:
        header = json.loads(contents[8:start].decode("utf-8"), object_pairs_hook=without_repetition)
    except (ValueError, RecursionError) as error:
        raise CorruptInputError(f"{path}: its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise CorruptInputError(f"{path}: its header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CorruptInputError(f"{path}: its __metadata__ is no object of texts")
    tensors = sorted((read_tensor(name, item, path) for name, item in header.items()), key=lambda t: (t.begin, t.end))
    expected = 0
    for tensor in tensors:
        if tensor.begin != expected:
            fault = "overlaps the one before" if tensor.begin < expected else "leaves a hole before it"
            raise CorruptInputError(
                f"{path}: the tensor '{tensor.name}' at {tensor.begin} {fault}, which ends at {expected}"
            )
        expected = tensor.end
    if start + expected != len(contents):
        raise CorruptInputError(
            f"{path}: its tensors end at byte {start + expected}, and the file has {len(contents)}"
            + (": it is truncated" if start + expected > len(contents) else "")
        )
    return tensors, metadata, start


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def read_tensor(name: str, item: Any, path: str) -> Tensor:
    try:
        dtype, shape, (begin, end) = item["dtype"], tuple(item["shape"]), item["data_offsets"]
        name.encode()  # JSON can say what Unicode cannot
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptInputError(
            f"{path}: the tensor {name!r} has no name, dtype, shape and data_offsets as the format wants them"
        ) from error
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)) or begin > end:
        raise CorruptInputError(f"{path}: the tensor '{name}' has the shape {shape} at {begin} to {end}")
    if not isinstance(dtype, str):
        raise CorruptInputError(f"{path}: the tensor '{name}' has the type {dtype!r}")
    if dtype not in TYPES:
        raise UnsupportedError(f"{path}: the tensor '{name}' has the type {dtype!r}, which has no equivalent here")
    if len(shape) > _MOST_DIMENSIONS:
        raise UnsupportedError(
            f"{path}: the tensor '{name}' has {len(shape)} dimensions; at most {_MOST_DIMENSIONS} are possible"
        )
    type_name, size = TYPES[dtype]
    extents = size
    for extent in shape:
        size *= extent
        extents *= max(extent, 1)
    if size != end - begin:
        raise CorruptInputError(
            f"{path}: the tensor '{name}' of type {dtype} and shape {list(shape)} needs {size} bytes, and has "
            f"{end - begin}"
        )
    if extents > _MOST_BYTES:
        raise CorruptInputError(f"{path}: the tensor '{name}' of no bytes has the impossible shape {list(shape)}")
    return Tensor(name, type_name, shape, begin, end)
