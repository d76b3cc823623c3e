"""Model weights in shared memory: one process loads a checkpoint, the others map its tensors.

::

    fastio.safetensors.publish(ctx, "model.safetensors", "weights/")     # reads the file, once

    state = fastio.safetensors.load(ctx, "weights/", timeout=60.0)       # in other processes: maps, reads nothing
    model.load_state_dict(state, assign=True)

The format is that of https://github.com/huggingface/safetensors: 8 bytes with the length of the header, the header as
JSON, and the tensors' bytes. Needs no package for it.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _core
from ._errors import CorruptInputError, Error, InvalidArgumentError, IoError, NotFoundError, UnsupportedError

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
_MOST_NAME_BYTES = 255
_MOST_BYTES = 2**63 - 1

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
    that is a terminal. ``replace`` takes the place of what an earlier call has published under ``prefix``: meanwhile
    :func:`load` waits, and afterwards what the new file lacks is gone too.

    Returns the number of tensors. Raises IoError; CorruptInputError for a file that is truncated, or whose header is
    no header or has overlapping or wrong offsets; UnsupportedError for a type without an equivalent here;
    InvalidArgumentError for a tensor whose name cannot be published: all before anything is published. Raises as
    FastIOContext.publish_array too: then, and when ``progress`` raises, what this call has published is withdrawn, and
    so is what it was to replace.
    """
    _check_context("publish", context)
    _check_prefix("publish", prefix)
    if not isinstance(replace, bool):
        raise TypeError(f"publish was given replace {replace!r}: give a bool")
    path = os.fspath(path)  # not a descriptor
    shown_path = str(path)
    show = _progress_of(progress, shown_path)
    with _mapped(path) as contents:
        tensors, file_metadata, start = _read_header(contents, shown_path)
        names = [tensor.name for tensor in tensors]
        _check_names(names, prefix, shown_path)
        previous = _withdraw_index(context, prefix) if replace else []
        published: list[str] = []
        try:
            _publish_all(context, contents, tensors, start, prefix, replace, show, published)
            index = json.dumps({"tensors": names, "metadata": file_metadata}).encode()
            context._publish_buffer(index, "uint8", (len(index),), prefix + _INDEX, replace)
        except BaseException:
            # Without the index nobody would find what is left of the earlier ones.
            _withdraw(context, published + [prefix + name for name in previous])
            raise
    kept = set(names)
    _withdraw(context, [prefix + name for name in previous if name not in kept])
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

    All tensors are of the same call of :func:`publish`, also while another one replaces them.

    Raises NotFoundError or TimedOutError where nothing is published under ``prefix``, NotFoundError where one of the
    tensors is gone; UnsupportedError for a type that the framework lacks; LeaseLimitError for more tensors than this
    process may hold; CorruptInputError where something else has the name of the index.
    """
    _check_context("load", context)
    convert = _converter(framework)
    _check_prefix("load", prefix)
    _check_timeout("load", timeout)
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if end is None else max(end - time.monotonic(), 0.0)
        index, version = _read_index(context, prefix, left if timeout else timeout)
        names = index["tensors"]
        allocations = context.find_many([prefix + name for name in names])
        # Who replaces the tensors withdraws the index first: if it is the same still, none of them is a newer one's.
        again = context.find(prefix + _INDEX)
        if again is not None and again.version == version:
            break
    state: dict[str, Any] = {}
    for name, allocation in zip(names, allocations):
        if allocation is None:
            raise NotFoundError(f"load of '{prefix}': the tensor '{name}' is not published any more")
        state[name] = convert(allocation)
    return state


def metadata(context: FastIOContext, prefix: str = "", *, timeout: Optional[float] = 0) -> dict[str, str]:
    """The file's own metadata, of what :func:`publish` has published under ``prefix``. Raises as :func:`load`."""
    _check_context("metadata", context)
    _check_prefix("metadata", prefix)
    _check_timeout("metadata", timeout)
    found: dict[str, str] = _read_index(context, prefix, timeout)[0]["metadata"]
    return found


def _check_context(call: str, context: object) -> None:
    if not isinstance(context, _core.FastIOContext):
        raise TypeError(f"{call} was given a context of type {type(context).__name__}: give a FastIOContext")


def _check_prefix(call: str, prefix: object) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"{call} was given a prefix of type {type(prefix).__name__}: give a str")


def _check_timeout(call: str, timeout: object) -> None:
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"{call} was given a timeout of type {type(timeout).__name__}: give seconds, or None")
    if not timeout >= 0:
        raise InvalidArgumentError(f"{call} was given timeout {timeout}: give 0 or more seconds, or None")


@contextlib.contextmanager
def _mapped(path: Union[str, os.PathLike[str]]) -> Iterator[mmap.mmap]:
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(open(path, "rb"))
            size = os.fstat(file.fileno()).st_size
            if size < 8:
                raise CorruptInputError(f"{path} has {size} bytes, too few for a safetensors file")
            contents = opened.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except OSError as error:
            raise IoError(f"cannot read {path}: {error.strerror}") from error
        yield contents


def _read_index(context: FastIOContext, prefix: str, timeout: Optional[float]) -> tuple[dict[str, Any], int]:
    with context.get(prefix + _INDEX, timeout=timeout) as published:
        text, version = published.numpy().tobytes(), published.version
    try:
        index: dict[str, Any] = json.loads(text)
        if all(isinstance(name, str) for name in index["tensors"]) and isinstance(index["metadata"], dict):
            return index, version
    except (ValueError, KeyError, TypeError):
        pass
    raise CorruptInputError(f"'{prefix}{_INDEX}' is not what fastio.safetensors.publish publishes under that name")


def _withdraw_index(context: FastIOContext, prefix: str) -> list[str]:
    """The tensors of the index, which is gone then."""
    try:
        names: list[str] = _read_index(context, prefix, 0)[0]["tensors"]
        context.unpublish(prefix + _INDEX)
    except NotFoundError:
        return []
    return names


def _withdraw(context: FastIOContext, names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(Error):  # somebody else may have been quicker
            context.unpublish(name)


def _check_names(names: list[str], prefix: str, path: str) -> None:
    for name in names:
        size = len((prefix + name).encode())
        if not 1 <= size <= _MOST_NAME_BYTES or "\0" in name or name == _INDEX:
            raise InvalidArgumentError(
                f"{path}: the tensor {name!r} cannot be published as {prefix + name!r}: a name has 1 to "
                f"{_MOST_NAME_BYTES} bytes of UTF-8 without NUL, and '{_INDEX}' is taken"
            )


def _publish_all(
    context: FastIOContext,
    contents: mmap.mmap,
    tensors: list[_Tensor],
    start: int,
    prefix: str,
    replace: bool,
    show: Optional[Progress],
    published: list[str],
) -> None:
    total = sum(tensor.end - tensor.begin for tensor in tensors)
    done = 0
    with memoryview(contents) as view:
        for count, tensor in enumerate(tensors, 1):
            with view[start + tensor.begin : start + tensor.end] as part:
                context._publish_buffer(part, tensor.type, tensor.shape, prefix + tensor.name, replace)
            published.append(prefix + tensor.name)
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
        header = json.loads(contents[8:start].decode("utf-8"), object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
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


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _read_tensor(name: str, item: Any, path: str) -> _Tensor:
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
    if dtype not in _TYPES:
        raise UnsupportedError(f"{path}: the tensor '{name}' has the type {dtype!r}, which has no equivalent here")
    if len(shape) > _MOST_DIMENSIONS:
        raise UnsupportedError(
            f"{path}: the tensor '{name}' has {len(shape)} dimensions; at most {_MOST_DIMENSIONS} are possible"
        )
    type_name, size = _TYPES[dtype]
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
    from torch.utils.dlpack import from_dlpack

    # What PyTorch's DLPack knows only lately, or not at all, goes through bytes.
    through_bytes: Mapping[str, Any] = {
        name: getattr(torch, name.rstrip("_"), None)
        for name in ("bool_", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
    }
    special = {getattr(_core, name): dtype for name, dtype in through_bytes.items()}
    lacking = {getattr(_core, name) for name in ("uint16", "uint32", "uint64") if getattr(torch, name, None) is None}

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
    if progress is not None and not isinstance(progress, bool):
        raise TypeError(f"publish was given progress {progress!r}: give a bool, a function or None")
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None
    name = os.path.basename(path)
    # On a terminal one line that changes; elsewhere, as in the log of `fastio run`, few lines.
    on_terminal = sys.stderr.isatty()
    step = 1 if on_terminal else 10
    last = -step

    def show(done: int, of: int, bytes_done: int, bytes_of: int) -> None:
        nonlocal last
        percent = 100 * bytes_done // max(bytes_of, 1)
        if percent < last + step and done != of:
            return
        last = percent - percent % step
        line = f"{name}: {done} of {of} tensors, {bytes_done / 1e6:.0f} of {bytes_of / 1e6:.0f} MB ({percent} %)"
        begin, end = ("\r", "\n" if done == of else "") if on_terminal else ("", "\n")
        print(f"{begin}{line}", end=end, file=sys.stderr, flush=True)

    return show
