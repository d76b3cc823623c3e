"""What a pipeline file declares as inputs and outputs of an operator, as its handlers see them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union, overload

import numpy

from . import _core
from ._errors import ContextClosedError, InvalidArgumentError, NotFoundError, ReadOnlyError

if TYPE_CHECKING:
    from ._core import DataType, FastIOAllocation, FastIOContext


@dataclass(frozen=True)
class Declaration:
    """One entry of ``inputs`` or ``outputs`` in a pipeline file, as ``fastio run`` hands it on."""

    name: str
    path: str = ""
    """Not empty: a file."""
    type: str = ""
    """"array", "string" or an element type; empty: not declared."""
    element_type: str = ""
    shape: tuple[int, ...] | None = None
    """0 or -1: this dimension is known only at run time."""

    @property
    def on_disk(self) -> bool:
        return self.path != ""

    @property
    def declared_element_type(self) -> str:
        if self.type == "string":
            return "uint8"
        return self.element_type if self.type == "array" else self.type

    @property
    def is_primitive(self) -> bool:
        return self.type not in ("", "array", "string")

    @property
    def declared_shape(self) -> tuple[int, ...] | None:
        if self.is_primitive:
            return (1,)  # an array of one element, as it was in Clara
        return (-1,) if self.type == "string" else self.shape


def declarations_from_environment(variable: str) -> list[Declaration]:
    """What ``fastio run`` says in ``variable``; nothing outside of it. Raises InvalidArgumentError."""
    text = os.environ.get(variable, "")
    if not text:
        return []
    try:
        return [
            Declaration(
                name=item["name"],
                path=item.get("path", ""),
                type=item.get("type", ""),
                element_type=item.get("element-type", ""),
                shape=tuple(item["shape"]) if "shape" in item else None,
            )
            for item in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidArgumentError(
            f'reading ${variable}: {error!r}; it must be a JSON array like [{{"name": "volume"}}]'
        ) from error


if TYPE_CHECKING:
    _Array = numpy.ndarray[Any, numpy.dtype[Any]]
else:
    _Array = numpy.ndarray


class MappedArray(_Array):
    """What :meth:`FastIOEntry.map` gives on the host: an array, and a context manager whose end unmaps.

    Results of computations with it are plain arrays.
    """

    _entry: FastIOEntry | None = None

    def __enter__(self) -> MappedArray:
        return self

    def __exit__(self, *_: object) -> None:
        if self._entry is not None:
            self._entry.unmap()

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        plain = numpy.asarray(array)
        return plain[()] if return_scalar or plain.ndim == 0 else plain


class FastIOEntry:
    """A typed input or output of an operator, declared in the pipeline file.

    An *output* may be read and written. It is allocated before the execute handler runs if its whole shape is declared,
    and its shape is fixed then; a 0 or -1 in the declared shape makes that dimension dynamic: set it with
    :meth:`update_shape`, then :meth:`allocate`. When the handler has returned True, the driver publishes it. An output
    that the pipeline file gives no type is here as a name: the handler publishes it through the context.

    An *input* may only be read, because several operators may have it mapped; it is there when the handler runs.

    A primitive is an array of one element; an input that is declared as one may also have been published as a scalar.

    Valid only inside the execute handler: later, all but the name and unmap() raises ContextClosedError. A ``with``
    block maps: ``with entry as array: ...``.
    """

    def __init__(
        self, context: FastIOContext, declaration: Declaration, allocation: FastIOAllocation | None = None
    ) -> None:
        self._context = context
        self._declaration = declaration
        self._is_output = allocation is None
        self._allocation = allocation
        self._shape: tuple[int, ...] = declaration.declared_shape or ()
        self._has_rank = declaration.declared_shape is not None
        self._open_indices = self._dynamic_indices()
        self._attributes: dict[str, str] = {}
        self._ended = False
        if allocation is None and declaration.type and not declaration.declared_element_type:
            raise InvalidArgumentError(f"the output '{self.name}' is declared as an array without an element-type")
        if allocation is not None:
            self._check_declared(allocation)
            allocation._set_read_only()
            self._shape = allocation.dimensions
            self._has_rank = True
            self._attributes = allocation.attributes
        elif declaration.type and not self.is_dynamic:
            self._allocate()

    @property
    def name(self) -> str:
        """The name under which it is published."""
        return self._declaration.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements per dimension, outermost first; as declared, 0 or -1, where it is not known yet."""
        self._check_open("shape")
        return self._shape

    @property
    def element_type(self) -> numpy.dtype[Any] | DataType | None:
        """The elements' numpy.dtype, or a DataType where NumPy has none. A string has bytes. None: not declared."""
        self._check_open("element_type")
        if self._allocation is not None:
            return self._allocation.type
        if not self._declaration.type:
            return None
        declared = _core._data_type(self._declaration.declared_element_type)
        dtype: numpy.dtype[Any] | DataType = getattr(declared, "dtype", declared)
        return dtype

    @property
    def size(self) -> int:
        """Bytes; 0 as long as a dimension is not known."""
        element = self.element_type
        if element is None or not self._is_shape_known():
            return 0
        count = 1
        for extent in self._shape:
            count *= extent
        return count * element.itemsize

    @property
    def dynamic_indices(self) -> tuple[int, ...]:
        """The dimensions whose extent the pipeline file leaves open."""
        self._check_open("dynamic_indices")
        return self._dynamic_indices()

    @property
    def is_dynamic(self) -> bool:
        """Whether the pipeline file leaves a dimension, or the whole shape, open."""
        self._check_open("is_dynamic")
        return self._declaration.declared_shape is None or bool(self._dynamic_indices())

    @property
    def attributes(self) -> dict[str, str]:
        """Of an input, those that it was published with, as a copy; of an output, those that it will be.

        May be set on an output, at most 4 KiB in all. Raises ReadOnlyError for an input, TypeError for what maps no str
        to str.
        """
        self._check_open("attributes")
        return dict(self._attributes)

    @attributes.setter
    def attributes(self, value: Mapping[str, str]) -> None:
        self._check_output("setting the attributes")
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
            raise TypeError(f"the attributes of '{self.name}' were given {value!r}: give a mapping of str to str")
        self._attributes = dict(value)

    @property
    def access(self) -> str:
        """ "read-write" for an output, "read-only" for an input."""
        self._check_open("access")
        return "read-write" if self._is_output else "read-only"

    @property
    def is_allocated(self) -> bool:
        """Whether there is memory to map: always for inputs."""
        self._check_open("is_allocated")
        return self._allocation is not None

    def update_shape(self, shape: Sequence[int]) -> None:
        """Sets the dynamic dimensions of an output that is not allocated yet.

        ``shape`` has all of its dimensions, with the fixed ones as they are declared; -1 leaves one open, and 0 makes
        an empty array. Raises ReadOnlyError for an input; InvalidArgumentError for an entry without dynamic dimensions,
        for a change of a fixed dimension, once it is allocated, and without a declared type.
        """
        self._check_output("update_shape")
        self._check_typed("update_shape")
        if self._allocation is not None:
            raise InvalidArgumentError(
                f"update_shape of '{self.name}': it is allocated already"
                + ("" if self.is_dynamic else ", because all of its dimensions are declared")
            )
        if not isinstance(shape, Iterable):
            raise TypeError(f"update_shape of '{self.name}' was given {shape!r}: give a sequence of ints")
        wanted = tuple(_extent(extent, self.name) for extent in shape)
        declared = self._declaration.declared_shape
        if declared is not None:
            if len(wanted) != len(declared):
                raise InvalidArgumentError(
                    f"update_shape of '{self.name}' to {list(wanted)}: it has {len(declared)} dimensions"
                )
            for i, (fixed, extent) in enumerate(zip(declared, wanted)):
                if fixed > 0 and extent != fixed:
                    raise InvalidArgumentError(
                        f"update_shape of '{self.name}' to {list(wanted)}: dimension {i} is fixed at {fixed}; "
                        f"open are {list(self.dynamic_indices)}"
                    )
        self._shape = wanted
        self._has_rank = True
        self._open_indices = tuple(i for i, extent in enumerate(wanted) if extent < 0)

    def allocate(self) -> None:
        """Makes the memory of an output whose dimensions are all known by now; its contents are undefined.

        Raises ReadOnlyError for an input; InvalidArgumentError where it is allocated already, a dimension is open, or
        no type is declared; OutOfMemoryError, QuotaExceededError.
        """
        self._check_output("allocate")
        self._check_typed("allocate")
        if self._allocation is not None:
            raise InvalidArgumentError(f"allocate of '{self.name}': it is allocated already")
        self._allocate()

    def map(self) -> Any:
        """The memory as an array, without a copy; of an input it cannot be written.

        On the host a numpy.ndarray; on a GPU an object that cupy.asarray takes, and torch.from_dlpack of a PyTorch that
        knows DLPack 1.0 (an older one cannot say that an input is read-only, and refuses it). Both are context
        managers. Raises InvalidArgumentError before allocate(), ContextClosedError after the handler, and on the host
        UnsupportedError for elements that NumPy lacks, such as bfloat16: torch.from_dlpack(entry) takes these.
        """
        allocation = self._allocated("map")
        array = allocation.map()
        if array is allocation:
            return _Mapping(allocation)
        mapped = array.view(MappedArray)
        mapped._entry = self
        return mapped

    def __dlpack__(self, **options: Any) -> Any:
        """As FastIOAllocation's: for from_dlpack of a library, without a copy. Raises as :meth:`map` too."""
        return self._allocated("__dlpack__").__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """As FastIOAllocation's."""
        return self._allocated("__dlpack_device__").__dlpack_device__()

    def unmap(self) -> None:
        """The end of a use that map() began. Arrays that are still held stay valid."""

    def __enter__(self) -> Any:
        return self.map()

    def __exit__(self, *_: object) -> None:
        self.unmap()

    def __repr__(self) -> str:
        kind = "output" if self._is_output else "input"
        return f"<fastio.FastIOEntry {kind} '{self.name}': {list(self._shape)}>"

    def _publish(self) -> None:
        if not self._declaration.type:
            return  # what the handler publishes itself
        if self._allocation is None:
            raise NotFoundError(f"the output '{self.name}' was declared and never allocated")
        self._allocation.publish(self.name, attributes=self._attributes)

    def _allocate(self) -> None:
        if not self._is_shape_known():
            raise InvalidArgumentError(
                f"allocate of '{self.name}': its shape {list(self._shape)} is not known yet; call update_shape first"
            )
        self._allocation = self._context.create_array(self._declaration.declared_element_type, self._shape)

    def _is_shape_known(self) -> bool:
        return self._allocation is not None or (self._has_rank and not self._open_indices)

    def _dynamic_indices(self) -> tuple[int, ...]:
        return tuple(i for i, extent in enumerate(self._declaration.declared_shape or ()) if extent <= 0)

    def _end(self) -> None:
        """The execute handler has returned."""
        self._ended = True

    def _check_open(self, call: str) -> None:
        if self._ended:
            raise ContextClosedError(f"{call} of '{self.name}': its execute handler has returned")

    def _allocated(self, call: str) -> FastIOAllocation:
        self._check_open(call)
        if self._allocation is None:
            raise InvalidArgumentError(
                f"{call} of '{self.name}': it is not allocated; update_shape and allocate it first"
            )
        return self._allocation

    def _check_typed(self, call: str) -> None:
        if not self._declaration.type:
            raise InvalidArgumentError(
                f"{call} of '{self.name}': the pipeline file gives it no type; declare one, or create and publish it "
                "through payload.fastio_context"
            )

    def _check_output(self, call: str) -> None:
        self._check_open(call)
        if not self._is_output:
            raise ReadOnlyError(f"{call} of '{self.name}': it is an input, which may only be read")

    def _check_declared(self, allocation: FastIOAllocation) -> None:
        declared, shape = self._declaration.declared_element_type, self._declaration.declared_shape
        got = allocation.type
        name = got.name if declared != "bool" else str(got.name).rstrip("_")
        if declared and name != declared:
            raise InvalidArgumentError(
                f"the input '{self.name}' is declared as {declared}, and has been published as {got.name}"
            )
        actual = allocation.dimensions
        if self._declaration.is_primitive and actual == ():
            allocation.set_type_and_dimensions(got, (1,))  # of this object: what is published stays a scalar
            return
        if shape is not None and (
            len(shape) != len(actual) or any(fixed > 0 and fixed != extent for fixed, extent in zip(shape, actual))
        ):
            raise InvalidArgumentError(
                f"the input '{self.name}' is declared as {list(shape)}, and has been published as {list(actual)}"
            )


class _Mapping(contextlib.AbstractContextManager[Any]):
    """Memory of a GPU that is mapped: what array libraries ask an allocation for, and a context manager.

    Not how the allocation ends, or what it is called: that is the entry's.
    """

    _SHOWN = frozenset(
        "__array_interface__ __cuda_array_interface__ attributes copy_from count data_ptr device dimensions dtype "
        "nbytes numpy read_only shape size type".split()
    )

    def __init__(self, allocation: FastIOAllocation) -> None:
        self._allocation = allocation

    def __getattr__(self, name: str) -> Any:
        if name not in self._SHOWN:
            raise AttributeError(f"a mapped entry has no {name!r}")
        return getattr(self._allocation, name)

    def __dlpack__(self, **arguments: Any) -> Any:
        return self._allocation.__dlpack__(**arguments)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._allocation.__dlpack_device__()

    def __enter__(self) -> _Mapping:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class PayloadEntry:
    """A disk-based input or output: a name, and the path where it is read or to be written."""

    name: str
    path: str


Item = TypeVar("Item", bound=Union[FastIOEntry, PayloadEntry])


class PayloadCollection(Sequence[Item], Generic[Item]):
    """Entries in the order of the pipeline file; indexed by number or by name."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __contains__(self, value: object) -> bool:
        return any(item is value or item.name == value for item in self._items)

    @overload
    def __getitem__(self, key: int | str) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Item]: ...
    def __getitem__(self, key: int | str | slice) -> Item | Sequence[Item]:
        if not isinstance(key, str):
            return self._items[key]
        for item in self._items:
            if item.name == key:
                return item
        names = [item.name for item in self._items]
        raise NotFoundError(
            f"there is no entry '{key}'; there are {names}"
            if names
            else f"there is no entry '{key}', nor any other: `fastio run` gives operators those of the pipeline file"
        )

    def __repr__(self) -> str:
        return f"PayloadCollection({list(self._items)!r})"


def _extent(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"update_shape of '{name}' was given {value!r}: give ints")
    extent: int = value.__index__()
    if extent < -1:
        raise InvalidArgumentError(f"update_shape of '{name}' was given the extent {extent}: give at least -1")
    return extent
