"""Model weights in shared memory: one process loads a checkpoint, the others map its tensors.

::

    fastio.safetensors.publish(ctx, "model.safetensors", "weights/")     # reads the file, once

    state = fastio.safetensors.load(ctx, "weights/", timeout=60.0)       # in other processes: maps, reads nothing
    model.load_state_dict(state, assign=True)

The format is that of https://github.com/huggingface/safetensors: 8 bytes with the length of the header, the header as
JSON, and the tensors' bytes. Needs no package for it.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

from ._errors import CorruptInputError, InvalidArgumentError, IoError, NotFoundError, UnsupportedError

if TYPE_CHECKING:
    from ._core import FastIOAllocation, FastIOContext

#: Names of element types: the format's, and ours.
_TYPES = {
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
_INDEX = "__safetensors__"
_MOST_DIMENSIONS = 8

#: Called with tensors and bytes done, and of how many.
Progress = Callable[[int, int, int, int], None]


@dataclass(frozen=True)
class _Tensor:
    name: str
    type: str
    shape: tuple[int, ...]
    begin: int
    end: int


def publish(
    context: FastIOContext,
    path: Union[str, os.PathLike[str]],
    prefix: str = "",
    *,
    replace: bool = False,
    progress: Union[bool, Progress, None] = None,
) -> int:
    """Publishes every tensor of a safetensors file with its type and shape as ``prefix`` + its name.

    When all are published, an index of them is, as ``prefix`` + "__safetensors__": for :func:`load`. ``progress`` is
    called with (tensors done, tensors, bytes done, bytes); True shows it on standard error, and so does None where
    that is a terminal.

    Returns the number of tensors. Raises CorruptInputError for a file that is truncated, or whose header is no header
    or has overlapping or wrong offsets, before anything is published; IoError; UnsupportedError for a type without a
    DLPack equivalent; and as FastIOContext.publish_array.
    """
    show = _progress_of(progress, os.fspath(path))
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < 8:
                raise CorruptInputError(f"{os.fspath(path)} has {size} bytes, too few for a safetensors file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as contents:
                tensors, metadata, start = _read_header(contents, os.fspath(path))
                _publish_all(context, contents, tensors, start, prefix, replace, show)
    except OSError as error:
        raise IoError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
    index = json.dumps({"tensors": [tensor.name for tensor in tensors], "metadata": metadata}).encode()
    context._publish_buffer(index, "uint8", (len(index),), prefix + _INDEX, replace)
    return len(tensors)


def load(
    context: FastIOContext,
    prefix: str = "",
    *,
    timeout: Optional[float] = 0,
    framework: str = "torch",
) -> dict[str, Any]:
    """Maps what :func:`publish` has published under ``prefix``: a state dict, without reading or copying.

    ``timeout`` in seconds bounds the wait for a publisher; None waits without a bound. ``framework`` is "torch",
    "numpy" or "fastio" (for FastIOAllocation objects). The tensors are views of memory that other processes see too:
    do not write to them.

    Raises NotFoundError or TimedOutError where nothing is published under ``prefix``, NotFoundError where one of the
    tensors is gone; UnsupportedError for a type that the framework lacks.
    """
    convert = _converter(framework)
    with context.get(prefix + _INDEX, timeout=timeout) as published:
        names = json.loads(published.numpy().tobytes())["tensors"]
    allocations = context.find_many([prefix + name for name in names])
    state: dict[str, Any] = {}
    for name, allocation in zip(names, allocations):
        if allocation is None:
            raise NotFoundError(f"load of '{prefix}': the tensor '{name}' is not published any more")
        state[name] = convert(allocation)
    return state


def metadata(context: FastIOContext, prefix: str = "", *, timeout: Optional[float] = 0) -> dict[str, str]:
    """The file's own metadata, of what :func:`publish` has published under ``prefix``. Raises as :func:`load`."""
    with context.get(prefix + _INDEX, timeout=timeout) as published:
        found: dict[str, str] = json.loads(published.numpy().tobytes())["metadata"]
    return found


def _publish_all(
    context: FastIOContext,
    contents: mmap.mmap,
    tensors: list[_Tensor],
    start: int,
    prefix: str,
    replace: bool,
    show: Optional[Progress],
) -> None:
    total = sum(tensor.end - tensor.begin for tensor in tensors)
    done = 0
    with memoryview(contents) as view:
        for count, tensor in enumerate(tensors, 1):
            with view[start + tensor.begin : start + tensor.end] as part:
                context._publish_buffer(part, tensor.type, tensor.shape, prefix + tensor.name, replace)
            done += tensor.end - tensor.begin
            if show is not None:
                show(count, len(tensors), done, total)


def _read_header(contents: mmap.mmap, path: str) -> tuple[list[_Tensor], dict[str, str], int]:
    """The tensors in the order of their bytes, the file's metadata, and where the bytes begin."""
    length = int.from_bytes(contents[:8], "little")
    start = 8 + length
    if length > _LONGEST_HEADER or start > len(contents):
        raise CorruptInputError(
            f"{path}: its header is said to have {length} bytes, and the file has {len(contents)}: it is truncated, or "
            "no safetensors file"
        )
    try:
        header = json.loads(contents[8:start].decode("utf-8"))
    except ValueError as error:
        raise CorruptInputError(f"{path}: its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise CorruptInputError(f"{path}: its header is no JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CorruptInputError(f"{path}: its __metadata__ is no object of texts")
    tensors = sorted((_read_tensor(name, item, path) for name, item in header.items()), key=lambda t: (t.begin, t.end))
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


def _read_tensor(name: str, item: Any, path: str) -> _Tensor:
    try:
        dtype, shape, (begin, end) = item["dtype"], tuple(item["shape"]), item["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptInputError(
            f"{path}: the tensor '{name}' has no dtype, shape and data_offsets in its header"
        ) from error
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)) or begin > end:
        raise CorruptInputError(f"{path}: the tensor '{name}' has the shape {shape} at {begin} to {end}")
    if dtype not in _TYPES:
        raise UnsupportedError(f"{path}: the tensor '{name}' has the type {dtype!r}, which DLPack lacks")
    if len(shape) > _MOST_DIMENSIONS:
        raise UnsupportedError(
            f"{path}: the tensor '{name}' has {len(shape)} dimensions; at most {_MOST_DIMENSIONS} are possible"
        )
    type_name, size = _TYPES[dtype]
    for extent in shape:
        size *= extent
    if size != end - begin:
        raise CorruptInputError(
            f"{path}: the tensor '{name}' of type {dtype} and shape {list(shape)} needs {size} bytes, and has "
            f"{end - begin}"
        )
    return _Tensor(name, type_name, shape, begin, end)


def _converter(framework: str) -> Callable[[FastIOAllocation], Any]:
    if framework == "fastio":
        return lambda allocation: allocation
    if framework == "numpy":
        return lambda allocation: allocation.numpy()
    if framework == "torch":
        return _torch_converter()
    raise InvalidArgumentError(f"load was given the framework {framework!r}: it knows torch, numpy and fastio")


def _torch_converter() -> Callable[[FastIOAllocation], Any]:
    import torch

    from . import _core

    # What PyTorch's DLPack knows only lately, or not at all, goes through bytes.
    through_bytes: Mapping[str, Any] = {
        name: getattr(torch, name.rstrip("_"), None)
        for name in ("bool_", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    }
    special = {getattr(_core, name): dtype for name, dtype in through_bytes.items()}
    lacking = {
        getattr(_core, name) for name in ("uint16", "uint32", "uint64") if getattr(torch, name, None) is None
    }
    from_dlpack = torch.from_dlpack

    def convert(allocation: FastIOAllocation) -> Any:
        element = allocation._data_type
        if element in special:
            dtype = special[element]
            if dtype is None:
                raise UnsupportedError(f"this PyTorch has no {element.name}: '{allocation.name}' needs a newer one")
            shape = allocation.dimensions
            allocation.set_type_and_dimensions(_core.uint8, shape)
            return from_dlpack(allocation).view(dtype)
        if element in lacking:
            raise UnsupportedError(f"this PyTorch has no {element.name}: '{allocation.name}' needs a newer one")
        return from_dlpack(allocation)

    return convert


def _progress_of(progress: Union[bool, Progress, None], path: str) -> Optional[Progress]:
    if callable(progress):
        return progress
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None
    name = os.path.basename(path)
    last = -1

    def show(done: int, of: int, bytes_done: int, bytes_of: int) -> None:
        nonlocal last
        percent = 100 * bytes_done // max(bytes_of, 1)
        if percent == last and done != of:
            return
        last = percent
        end = "\n" if done == of else ""
        line = f"\r{name}: {done} of {of} tensors, {bytes_done / 1e6:.0f} of {bytes_of / 1e6:.0f} MB ({percent} %)"
        print(line, end=end, file=sys.stderr, flush=True)

    return show
