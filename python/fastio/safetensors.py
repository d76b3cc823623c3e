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
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _core
from ._errors import (
    AlreadyExistsError,
    CorruptInputError,
    Error,
    InvalidArgumentError,
    NotFoundError,
    TimedOutError,
    UnsupportedError,
)
from ._safetensors_file import File, Tensor, opened, read_header

if TYPE_CHECKING:
    from ._core import FastIOAllocation, FastIOContext

_INDEX = "__safetensors__"
_PART = 64 * 2**20  # bytes that are read at a time
_MOST_TRIES = 100
_MOST_NAME_BYTES = 255

#: Called with tensors and bytes done, and of how many.
Progress = Callable[[int, int, int, int], None]


def publish(
    context: FastIOContext,
    path: Union[str, os.PathLike[str]],
    prefix: str = "",
    *,
    replace: bool = False,
    progress: Union[bool, Progress, None] = None,
) -> int:
    """Publishes every tensor of a safetensors file with its type and shape as ``prefix`` + its name.

    Each is read into the memory that it is published in: the file is not needed afterwards.

    When all are published, an index of them is, as ``prefix`` + "__safetensors__": for :func:`load`. ``progress`` is
    called with (tensors done, tensors, bytes done, bytes) after each tensor, and within large ones after each 64 MiB;
    True shows it on standard error, and so does None where that is a terminal. ``replace`` takes the place of what an
    earlier call has published under ``prefix``: meanwhile :func:`load` waits, and afterwards what the new file lacks is
    gone too. Of several that replace at once one stays, whole.

    Returns the number of tensors. Raises IoError; CorruptInputError for a file that is truncated (also by somebody
    else, while it is read), or whose header is no header or has overlapping or wrong offsets; UnsupportedError for a
    type without an equivalent here; InvalidArgumentError for a tensor whose name cannot be published, or a prefix too
    long for that of the index: all but a file that shrinks before anything is published. Raises as
    FastIOContext.publish_array too: then, on Ctrl-C and when ``progress`` raises, what this call has published is
    withdrawn, and so is what it was to replace; unless it has all been published by then.
    """
    _check_context("publish", context)
    _check_prefix("publish", prefix)
    if not isinstance(replace, bool):
        raise TypeError(f"publish was given replace {replace!r}: give a bool")
    path = os.fspath(path)  # not a descriptor
    shown_path = str(path)
    with contextlib.ExitStack() as ending:
        show = _progress_of(progress, shown_path, ending)
        contents = ending.enter_context(opened(path))
        tensors, file_metadata, start = read_header(contents, shown_path)
        _check_names([tensor.name for tensor in tensors], prefix, shown_path)
        for _ in range(_MOST_TRIES):
            begin = time.monotonic()
            published = _publish_all(context, contents, tensors, file_metadata, start, prefix, replace, show)
            if not replace or _is_whole(context, prefix, published):
                return len(tensors)
            # Another publisher was at work meanwhile. If its index comes it has the last word; else it has died.
            patience = 0.05 + (time.monotonic() - begin) * (1 + time.monotonic_ns() % 1000 / 1000)
            if context.find(prefix + _INDEX, newer_than=published[_INDEX], timeout=patience) is not None:
                return len(tensors)
        _withdraw(context, prefix, published)
        raise AlreadyExistsError(f"publish of {shown_path}: each of {_MOST_TRIES} times others replaced '{prefix}' too")


def load(
    context: FastIOContext,
    prefix: str = "",
    *,
    timeout: Optional[float] = 0,
    framework: str = "torch",
) -> dict[str, Any]:
    """Maps what :func:`publish` has published under ``prefix``: a state dict, without reading the file.

    ``timeout`` in seconds bounds the wait for a publisher; None waits without a bound. ``framework`` is "torch",
    "numpy" or "fastio" (for FastIOAllocation objects). The tensors are views of memory that other processes see too:
    do not write to them. Only NumPy's of a GPU are copies.

    All tensors are of the same call of :func:`publish`, also while others replace them.

    Raises InvalidArgumentError for another ``framework`` and ImportError where it is not installed; NotFoundError (no
    timeout given) or TimedOutError where nothing whole is published under ``prefix``, NotFoundError where one of the
    tensors is gone; UnsupportedError for a type that the framework lacks; LeaseLimitError for more tensors than this
    process may hold; CorruptInputError where something else has the name of the index.
    """
    _check_context("load", context)
    convert = _converter(framework)
    _check_prefix("load", prefix)
    deadline = _Deadline("load", timeout)
    newer_than = 0
    tries = 0
    while True:
        index = _read_index(context, prefix, deadline, newer_than)
        allocations = context.find_many([prefix + name for name in index.names])
        found = {name: allocation for name, allocation in zip(index.names, allocations) if allocation is not None}
        changed = [
            name
            for name, version in zip(index.names, index.versions)
            if name not in found or found[name].version != version
        ]
        if not changed:
            return {name: convert(allocation) for name, allocation in found.items()}
        tries += 1
        if deadline.has_passed or (deadline.is_now and tries == _MOST_TRIES):
            raise (NotFoundError if deadline.is_now else TimedOutError)(
                f"load of '{prefix}': it was replaced each of {tries} times"
            )
        again = context.find(prefix + _INDEX)
        if again is None or again.version != index.version:
            continue  # who replaces the tensors withdraws the index first
        if changed[0] not in found:
            raise NotFoundError(f"load of '{prefix}': the tensor '{changed[0]}' is not published any more")
        if deadline.is_now:
            raise NotFoundError(
                f"load of '{prefix}': the tensor '{changed[0]}' is another publisher's, whose index is not there yet: "
                "give a timeout to wait for it"
            )
        newer_than = index.version


def metadata(context: FastIOContext, prefix: str = "", *, timeout: Optional[float] = 0) -> dict[str, str]:
    """The file's own metadata, of what :func:`publish` has published under ``prefix``. Raises as :func:`load`."""
    _check_context("metadata", context)
    _check_prefix("metadata", prefix)
    return _read_index(context, prefix, _Deadline("metadata", timeout)).metadata


def _check_context(call: str, context: object) -> None:
    if not isinstance(context, _core.FastIOContext):
        raise TypeError(f"{call} was given a context of type {type(context).__name__}: give a FastIOContext")


def _check_prefix(call: str, prefix: object) -> None:
    if not isinstance(prefix, str):
        raise TypeError(f"{call} was given a prefix of type {type(prefix).__name__}: give a str")


class _Deadline:
    """Of a call with a ``timeout`` in seconds; None is without an end."""

    def __init__(self, call: str, timeout: object) -> None:
        #: No timeout was given: what is not there is not waited for.
        self.is_now = False
        self._end = math.inf
        if timeout is None:
            return
        if isinstance(timeout, bool) or not hasattr(type(timeout), "__float__"):
            raise TypeError(f"{call} was given a timeout of type {type(timeout).__name__}: give seconds, or None")
        try:
            seconds = float(timeout)  # type: ignore[arg-type]
        except OverflowError:
            seconds = math.inf
        if not seconds >= 0:
            raise InvalidArgumentError(f"{call} was given timeout {timeout}: give 0 or more seconds, or None")
        self.is_now = seconds == 0
        self._end = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        return not self.is_now and time.monotonic() >= self._end

    @property
    def left(self) -> Optional[float]:
        """For get(): never 0 where there was a timeout, so that its error is that of a timeout."""
        if self.is_now:
            return 0
        return None if self._end == math.inf else max(self._end - time.monotonic(), 1e-9)


@dataclass(frozen=True)
class _Index:
    """What is published beside the tensors when all of them are."""

    names: list[str]  #: without the prefix
    versions: list[int]  #: of their publications
    metadata: dict[str, str]
    version: int  #: of the index


def _read_index(context: FastIOContext, prefix: str, deadline: _Deadline, newer_than: int = 0) -> _Index:
    with context.get(prefix + _INDEX, timeout=deadline.left, newer_than=newer_than) as published:
        index = _index_of(published, prefix)
    if index is None:
        raise CorruptInputError(f"'{prefix}{_INDEX}' is not what fastio.safetensors.publish publishes under that name")
    return index


def _index_of(published: FastIOAllocation, prefix: str) -> Optional[_Index]:
    """None: it is none."""
    try:
        fields = json.loads(published.numpy().tobytes())
        index = _Index(fields["tensors"], fields["versions"], fields["metadata"], published.version)
        return index if _is_index(index, prefix) else None
    except (ValueError, KeyError, TypeError, RecursionError, UnsupportedError):
        return None


def _is_index(index: _Index, prefix: str) -> bool:
    """Anybody may publish anything under that name."""
    names, versions, metadata = index.names, index.versions, index.metadata
    return (
        isinstance(names, list)
        and isinstance(versions, list)
        and isinstance(metadata, dict)
        and all(isinstance(name, str) and _can_be_published(prefix, name) for name in names)
        and all(type(version) is int and version > 0 for version in versions)
        and all(isinstance(value, str) for value in metadata.values())
        and len(set(names)) == len(names) == len(versions)
    )


def _versions_of(context: FastIOContext, prefix: str) -> dict[str, int]:
    """The tensors of the index and, under _INDEX, itself, also where it is none; nothing where nothing is there."""
    published = context.find(prefix + _INDEX)
    if published is None:
        return {}
    with published:
        index = _index_of(published, prefix)
        tensors = {} if index is None else dict(zip(index.names, index.versions))
        return {**tensors, _INDEX: published.version}


def _withdraw_what_is_there(context: FastIOContext, prefix: str, previous: dict[str, int]) -> None:
    """Takes the index away, and notes it and its tensors: whoever publishes one meanwhile is replaced too."""
    for _ in range(_MOST_TRIES):
        current = _versions_of(context, prefix)
        if not current:
            return
        previous.update(current)
        _withdraw(context, prefix, {_INDEX: current[_INDEX]})


def _withdraw(context: FastIOContext, prefix: str, versions: Mapping[str, int]) -> None:
    """Those that are not another publisher's by now."""
    for name, version in versions.items():
        with contextlib.suppress(Error):  # somebody else may have been quicker
            context.unpublish(prefix + name, version=version)


def _is_whole(context: FastIOContext, prefix: str, published: Mapping[str, int]) -> bool:
    """Whether nobody has taken any of this since; or somebody has published an index since, who asks the same."""
    now = {info.name: info.version for info in context.list(prefix)}
    if now.get(prefix + _INDEX, 0) > published[_INDEX]:
        return True
    return all(now.get(prefix + name) == version for name, version in published.items())


def _can_be_published(prefix: str, name: str) -> bool:
    try:
        size = len((prefix + name).encode())
    except UnicodeEncodeError:
        return False
    return 1 <= size <= _MOST_NAME_BYTES and "\0" not in name and name != _INDEX


def _check_names(names: list[str], prefix: str, path: str) -> None:
    try:
        of_index = len((prefix + _INDEX).encode())
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"publish was given the prefix {prefix!r}: it is no text of Unicode") from error
    if of_index > _MOST_NAME_BYTES or "\0" in prefix:
        raise InvalidArgumentError(
            f"publish was given the prefix {prefix!r}: with '{_INDEX}' behind it a name has to have {_MOST_NAME_BYTES} "
            "bytes at most, without NUL"
        )
    for name in names:
        if not _can_be_published(prefix, name):
            raise InvalidArgumentError(
                f"{path}: the tensor {name!r} cannot be published as {prefix + name!r}: a name has 1 to "
                f"{_MOST_NAME_BYTES} bytes of UTF-8 without NUL, and '{_INDEX}' is taken"
            )


def _publish_all(
    context: FastIOContext,
    contents: File,
    tensors: list[Tensor],
    file_metadata: dict[str, str],
    start: int,
    prefix: str,
    replace: bool,
    show: Optional[Progress],
) -> dict[str, int]:
    """The tensors, then the index. Gives the version of each, and under _INDEX that of the index."""
    total = sum(tensor.end - tensor.begin for tensor in tensors)
    published: dict[str, int] = {}
    previous: dict[str, int] = {}
    try:
        if replace:
            _withdraw_what_is_there(context, prefix, previous)
        for tensor in tensors:

            def advance(done: int, tensor: Tensor = tensor) -> None:
                if show is not None:
                    show(len(published), len(tensors), tensor.begin + done, total)

            with _made(context, tensor.end - tensor.begin) as made:
                _fill(made, contents, start + tensor.begin, advance)
                made.set_type_and_dimensions(tensor.type, tensor.shape)
                made.publish(prefix + tensor.name, replace=replace)
                published[tensor.name] = made.version
            advance(tensor.end - tensor.begin)
        index = {"tensors": list(published), "versions": list(published.values()), "metadata": file_metadata}
        text = json.dumps(index).encode()
        with _made(context, len(text)) as made:
            made._copy_bytes(text, 0)
            _publish_index(context, made, prefix, replace, previous)
            published[_INDEX] = made.version
        _withdraw(context, prefix, {name: version for name, version in previous.items() if name not in published})
    except BaseException:
        # Without the index nobody would find what is left of the earlier ones.
        _withdraw(context, prefix, published)
        _withdraw(context, prefix, previous)
        raise
    return published


def _publish_index(
    context: FastIOContext, made: FastIOAllocation, prefix: str, replace: bool, previous: dict[str, int]
) -> None:
    """Only where there is none: so who takes one away knows which tensors are nobody's then."""
    for _ in range(_MOST_TRIES):
        try:
            made.publish(prefix + _INDEX)
            return
        except AlreadyExistsError:
            if not replace:
                raise
        _withdraw_what_is_there(context, prefix, previous)
    raise AlreadyExistsError(f"publish: each of {_MOST_TRIES} times others replaced '{prefix}' too")


@contextlib.contextmanager
def _made(context: FastIOContext, size: int) -> Iterator[FastIOAllocation]:
    """Memory that goes with its names where its publisher does not come to an end, be it by Ctrl-C."""
    with context.create_array("uint8", (size,)) as made:
        try:
            yield made
        except BaseException:
            with contextlib.suppress(Error):
                made.free()
            raise


def _fill(made: FastIOAllocation, contents: File, begin: int, advance: Callable[[int], None]) -> None:
    """From the file; tells what is done before each further part."""
    on_host = made.device == "host"
    size = made.size
    for offset in range(0, size, _PART):
        end = min(offset + _PART, size)
        if offset > 0:
            advance(offset)
        if on_host:
            contents.read_into(made.numpy().data[offset:end], begin + offset)
        else:
            part = bytearray(end - offset)
            contents.read_into(memoryview(part), begin + offset)
            made._copy_bytes(part, offset)


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


def _progress_of(progress: Union[bool, Progress, None], path: str, ending: contextlib.ExitStack) -> Optional[Progress]:
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
    is_open = False

    def end_line() -> None:
        if is_open:
            print(file=sys.stderr, flush=True)

    ending.callback(end_line)  # of what fails in the middle

    def show(done: int, of: int, bytes_done: int, bytes_of: int) -> None:
        nonlocal last, is_open
        percent = 100 * bytes_done // max(bytes_of, 1)
        if percent < last + step and done != of:
            return
        last = percent - percent % step
        is_open = on_terminal and done != of
        line = f"{name}: {done} of {of} tensors, {bytes_done / 1e6:.0f} of {bytes_of / 1e6:.0f} MB ({percent} %)"
        begin, end = ("\r", "\n" if done == of else "") if on_terminal else ("", "\n")
        print(f"{begin}{line}", end=end, file=sys.stderr, flush=True)

    return show
