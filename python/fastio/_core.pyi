"""The C++ library of Fast I/O. Private: use the package `fastio`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy
from numpy.typing import NDArray



version: str = '0.1.0'

class DataType:
    """
    The type of one element, as DLPack has it: a kind, bits per lane, and lanes. There is one for each type; attributes of arrays use it for those that NumPy lacks, such as ``fastio.bfloat16``, and numpy.dtype for the others. Equal to what names the same type: another DataType, its name, or a numpy.dtype.
    """

    def __init__(self, code: int, bits: int, lanes: int = 1) -> None:
        """
        ``code`` as DLDataTypeCode of DLPack 1.1. Raises InvalidArgumentError where there is no such type.
        """

    @property
    def code(self) -> int:
        """DLPack's DLDataTypeCode."""

    @property
    def bits(self) -> int:
        """Bits per lane."""

    @property
    def lanes(self) -> int:
        """1 for scalars."""

    @property
    def name(self) -> str:
        """For example "bfloat16"."""

    @property
    def dtype(self) -> numpy.dtype[Any]:
        """The numpy.dtype. Raises AttributeError where NumPy lacks the type."""

    @property
    def itemsize(self) -> int:
        """Bytes per element."""

    def __eq__(self, other: object, /) -> bool: ...

    def __hash__(self) -> int: ...

    def __reduce__(self) -> tuple[Any, ...]: ...

    def __repr__(self) -> str: ...

def _data_type(type: object) -> DataType:
    """What create_array takes as a type."""

int8: DataType = ...

int16: DataType = ...

int32: DataType = ...

int64: DataType = ...

uint8: DataType = ...

uint16: DataType = ...

uint32: DataType = ...

uint64: DataType = ...

float16: DataType = ...

float32: DataType = ...

float64: DataType = ...

bfloat16: DataType = ...

complex64: DataType = ...

complex128: DataType = ...

bool_: DataType = ...

float8_e3m4: DataType = ...

float8_e4m3: DataType = ...

float8_e4m3b11fnuz: DataType = ...

float8_e4m3fn: DataType = ...

float8_e4m3fnuz: DataType = ...

float8_e5m2: DataType = ...

float8_e5m2fnuz: DataType = ...

float8_e8m0fnu: DataType = ...

class PublicationInfo:
    """What is published under one name, when it was listed."""

    @property
    def name(self) -> str:
        """Under which it is published."""

    @property
    def version(self) -> int:
        """From one counter per context."""

    @property
    def type(self) -> numpy.dtype[Any] | DataType:
        """The elements' numpy.dtype, or a fastio.DataType where NumPy has none."""

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Elements per dimension, outermost first."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def device(self) -> str:
        """"host" or "cuda:N"."""

    @property
    def publisher(self) -> str:
        """Operator and process id, e.g. "smooth[1234]"."""

    @property
    def age(self) -> float:
        """Seconds since it was published."""

    @property
    def time_to_live(self) -> float | None:
        """
        Seconds from its publish on after which it goes by itself; None: it stays.
        """

    @property
    def attributes(self) -> dict[str, str]:
        """That it was published with."""

    @property
    def contents(self) -> str:
        """
        "complete", "pending" (its producer's stream has not completed it yet: a get waits) or "lost" (its producer died first, or the service's --fence-limit passed: a get raises ProducerLostError).
        """

    def __repr__(self) -> str: ...

class ContextStats:
    """Counters of a context and of one client of it."""

    @property
    def allocations(self) -> int:
        """Alive in the context."""

    @property
    def publications(self) -> int:
        """Names in the context."""

    @property
    def leases(self) -> int:
        """Held by all clients of the context."""

    @property
    def members(self) -> int:
        """Clients of the context."""

    @property
    def bytes_reserved(self) -> int:
        """In slabs."""

    @property
    def bytes_in_use(self) -> int:
        """In allocations."""

    @property
    def bytes_quarantined(self) -> int:
        """In allocations that only ended clients hold."""

    @property
    def largest_free_block(self) -> int:
        """Bytes that one create gets without a slab."""

    @property
    def quota(self) -> int:
        """Bytes; 0: none."""

    @property
    def own_leases(self) -> int:
        """Held by this client."""

    @property
    def gets(self) -> int:
        """That this client made."""

    @property
    def retries(self) -> int:
        """Lookups repeated because a writer was at work."""

    @property
    def waits(self) -> int:
        """Times that a get, or a create for want of room, slept."""

    @property
    def slabs_mapped(self) -> int:
        """By this client now."""

    @property
    def bytes_published(self) -> int:
        """By this client."""

    @property
    def bytes_copied(self) -> int:
        """Between memories, to serve this client's gets."""

    @property
    def stream_ordering(self) -> str:
        """
        "none", "memory_operations" (streams wait for each other without the host) or "synchronise" (the device cannot: publishing waits).
        """

    @property
    def synchronised_publishes(self) -> int:
        """On a stream, for which the host had to wait."""

    def __repr__(self) -> str: ...

class WatchEvent:
    """One change, as Watch gives it."""

    @property
    def kind(self) -> str:
        """
        "published", "replaced", "unpublished", or "lost": events were dropped because this watcher was slow, so list again.
        """

    @property
    def job(self) -> str:
        """Whose name it is."""

    @property
    def name(self) -> str:
        """What was published or unpublished; empty for "lost"."""

    @property
    def version(self) -> int:
        """Of the publication; 0 for events that have none."""

    def __repr__(self) -> str: ...

class Watch:
    """
    A subscription to changes of names, from FastIOContext.watch. Iterating waits for each event. A slow watcher delays nobody: past 1,024 unread events it gets "lost" and the newest. Ends with close(), or when it is collected. A context manager: leaving the block closes.
    """

    def next(self, timeout: float | None = None) -> WatchEvent | None:
        """
        The next event, or None after ``timeout`` seconds (None: waits without a bound; 0: not at all). Ctrl-C ends the wait. Raises ServiceLostError, ContextClosedError, ForkedError.
        """

    def fileno(self) -> int:
        """
        A descriptor that polls readable while next() would return or raise at once; for select and asyncio.
        """

    def close(self) -> None:
        """
        Ends the subscription; a next() of another thread goes on until its event or timeout. Later calls raise ContextClosedError. May be called again.
        """

    def __enter__(self) -> Watch: ...

    def __exit__(self, type: object, value: object, traceback: object) -> None: ...

    def __iter__(self) -> Watch: ...

    def __next__(self) -> WatchEvent: ...

class _Export:
    """
    An array's share in an allocation: the array keeps it, and it keeps the memory.
    """

class FastIOAllocation:
    """
    A reference to memory that operators of one job share, with a type and dimensions of its own.

    Made by FastIOContext.create and FastIOContext.get, whose results differ in nothing but where the metadata comes from. The memory stays as long as an allocation object or an array made of one, in any process, or any name refers to it. Arrays share it without a copy: ``numpy.asarray(a)`` on the host, ``torch.from_dlpack(a)``, ``cupy.from_dlpack(a)``; each keeps the memory until it is collected, also when the object is released first.

    Threads may share an object. When the process that published the memory dies, nothing changes here; when the service dies, the memory stays readable and calls that need the service raise ServiceLostError. In a child made by os.fork() what uses the memory or the service raises ForkedError; after release() or free() it raises ReleasedError, and after the execute handler that this belonged to ContextClosedError. repr(), ``released`` and the end of a ``with`` block raise nothing.

    A context manager: leaving the block releases.
    """

    def publish(self, name: str, *, replace: bool = False, stream: object = None, attributes: Mapping[str, str] | None = None, time_to_live: float | None = None) -> None:
        """
        Binds ``name`` (1 to 255 bytes of UTF-8) to this memory, with a copy of the present type, dimensions and ``attributes`` (at most 4 KiB in all; None: those that this object has, {}: none). Every operator of the job can then get it. May be called again, under further names, by every holder.

        With a ``stream`` the call returns at once and the publication is complete when the stream's work so far is; without one it waits for the GPU first. ``replace`` moves a taken name to this memory. After ``time_to_live`` seconds (None: never) the service removes the name, if it still has this version, as unpublish() would; whoever holds the memory keeps it.

        Raises AlreadyExistsError, InvalidArgumentError, TableFullError, UnsupportedError (a stream with host memory), ReleasedError, ServiceLostError, ContextClosedError; nothing is published then.
        """

    def release(self, stream: object = None, *, completed: bool = False) -> None:
        """
        Gives up this reference. The memory returns when the last one and the last name are gone; arrays that were made of this object stay valid until they are collected. With a ``stream``, the reference goes once the stream's work so far is done; without one, while arrays share the memory, it goes with the last of them, behind all of the device. On a GPU an object that was asked for __cuda_array_interface__ counts as such an array.

        With ``completed`` it goes at once, and nothing is asked of the GPU: for who has waited for an event or a stream, so that no work on this memory is left. InvalidArgumentError while arrays share it.

        Raises ReleasedError, UnsupportedError (a stream with host memory, or one that is being captured).
        """

    def free(self, stream: object = None) -> None:
        """
        Removes every name of this memory, for all operators, and gives up this reference. References and arrays that others hold stay valid; the memory returns with the last. ``stream`` as for release(). Raises ReleasedError, ServiceLostError, ServiceUnreachableError, ContextClosedError, UnsupportedError (a stream with host memory, or one that is being captured). Where the call is given up, as when Ctrl-C ends a wait for a stopped service, this reference is gone all the same, unless arrays share it, because the service may serve the call later.
        """

    def unpublish(self) -> None:
        """
        Removes every name of this memory, for all operators, and keeps this reference: it may be published again. Raises LeaseLimitError, ReleasedError, ServiceLostError, ContextClosedError.
        """

    def order(self, first: object, later: object) -> None:
        """
        Makes what is queued in the stream ``later`` from now on wait for what ``first`` was given so far; the host does not wait. For a library that works on this memory in a stream of its own. Raises TypeError, InvalidArgumentError (None), UnsupportedError (host memory, a stream that is being captured), DeviceError, ReleasedError.
        """

    def set_type_and_dimensions(self, type: object, dimensions: Sequence[int] | int) -> None:
        """
        Changes this object's metadata, neither the memory nor what is already published. ``type`` is a numpy.dtype or what makes one, a fastio.DataType, a torch.dtype, or a name; ``dimensions`` are elements, outermost first, at most 8. Raises InvalidArgumentError where they need more than ``size`` bytes, TypeError for what is no type or no dimensions, ReleasedError.
        """

    def copy_from(self, array: Any, *, stream: object = None) -> None:
        """
        Copies ``array``, of this object's type and dimensions, into the memory: what publish_array takes, on the host or on this memory's GPU. With a ``stream`` the copy is enqueued there, and the array must stay as it is until the stream is done; without one it is done when the call returns. Raises TypeError, InvalidArgumentError, ReadOnlyError (an operator's input), UnsupportedError (a stream with host memory, an array of another device), ReleasedError.
        """

    def _copy_bytes(self, buffer: Any, offset: int) -> None:
        """
        For fastio.safetensors: the bytes of ``buffer`` to those of the memory from ``offset`` on.
        """

    def check(self) -> None:
        """
        After the stream given to get() was synchronised: raises ProducerLostError if the contents that this get gave were never completed.
        """

    @property
    def type(self) -> numpy.dtype[Any] | DataType:
        """The elements' numpy.dtype, or a fastio.DataType where NumPy has none."""

    @property
    def _data_type(self) -> DataType: ...

    @property
    def dtype(self) -> numpy.dtype[Any] | DataType:
        """The same as ``type``."""

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Elements per dimension, outermost first."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The same as ``dimensions``."""

    @property
    def size(self) -> int:
        """
        Bytes, as asked for at create. (NumPy's ``size`` counts elements: see ``count``.)
        """

    @property
    def nbytes(self) -> int:
        """The same as ``size``."""

    @property
    def count(self) -> int:
        """Elements: the product of ``dimensions``."""

    @property
    def device(self) -> str:
        """"host" or "cuda:N", as this process numbers its GPUs."""

    @property
    def name(self) -> str:
        """
        The name that this was got by or last published under; "" before the first publish.
        """

    @property
    def version(self) -> int:
        """
        The version of that publication, from one counter per context; 0 before the first publish.
        """

    @property
    def attributes(self) -> dict[str, str]:
        """
        As they were got, or last published by this object; empty for what was created.
        """

    @property
    def data_ptr(self) -> int:
        """
        The address in this process, of host or of device memory. It keeps nothing: hold the object. Of a GPU's memory that was asked for it, nobody knows in which streams it is used: it is given up behind all of the device.
        """

    @property
    def read_only(self) -> bool:
        """
        Whether arrays made of this may not be written: so for an operator's inputs, and after ``get(read_only=True)``.
        """

    @property
    def released(self) -> bool:
        """Whether release() or free() was called."""

    def __enter__(self) -> FastIOAllocation: ...

    def __exit__(self, type: object, value: object, traceback: object) -> None: ...

    def __reduce__(self) -> tuple[Any, ...]:
        """Raises TypeError: it belongs to its process."""

    def __repr__(self) -> str: ...

    def __buffer__(self, flags: int, /) -> memoryview: ...

    def _set_read_only(self) -> None:
        """For FastIOEntry: arrays made from now on may not be written."""

    def numpy(self) -> NDArray[Any]:
        """
        On the host an array over this memory, without a copy; from a GPU a copy. Raises UnsupportedError for types that NumPy lacks, ReleasedError.
        """

    def map(self) -> Any:
        """
        What array libraries take: on the host a numpy.ndarray over this memory, on a GPU this object. Raises UnsupportedError for types that NumPy lacks, ReleasedError.
        """

    def unmap(self) -> None:
        """
        The end of a use that map() began. Arrays that are still held stay valid. Raises ReleasedError.
        """

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """As NumPy asks for it. Raises TypeError for memory of a GPU."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Of memory on the host; else there is no such attribute."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """Version 3, of memory on a GPU; else there is no such attribute."""

    def __dlpack_device__(self) -> tuple[int, int]:
        """DLPack's device type (1: host, 2: CUDA) and number."""

    def __dlpack__(self, *, stream: Any = None, max_version: tuple[int, int] | None = None, dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any:
        """
        A capsule with a DLPack tensor over this memory, of version 1.1 if ``max_version`` allows. The tensor keeps the memory. On a GPU the consumer's ``stream`` is made to wait for the contents. The memory is given up behind the work of that stream: in it where it is the legacy default stream, else behind all of the device, because the stream may be destroyed by then, or be another thread's. Raises BufferError for another device, a copy, or read-only memory without a version.
        """

class FastIOContext:
    """
    The shared memory of one job: operators that name the same job at the same service share one context, made by the first of them, which ends with the last (unless ``persistent``).

    ``job`` defaults to $FASTIO_JOB, else "default"; ``socket`` to $FASTIO_SOCKET, else the user's, else the system's; ``device`` ("auto", "host", "cuda:N" or "cuda:UUID") to $FASTIO_DEVICE, else the service's first, or the first of its GPUs that this process sees. ``embedded`` hosts the service in this process, so that no fastiod is needed; others join through its socket. ``quota`` is the most bytes that the context may hold (0: the service's), of the process that makes it: whoever joins later changes nothing. ``connect_timeout`` in seconds is for a service that is starting. ``name`` is this operator's, as `fastio stat` shows it: by default $FASTIO_STAGE, else the script's.

    All methods may be called from any thread; all that can wait let other threads run. When another operator dies nothing changes here; when the service dies every call raises ServiceLostError, also those that wait. In a child made by os.fork() every call but close() and ``alive`` raises ForkedError: make a FastIOContext there.

    Calls other than get(), find() and find_many() of mapped memory, and release(), ask the service, and wait until it answers. Where it is stopped (SIGSTOP) ``request_timeout`` in seconds ends that, and so does Ctrl-C, two seconds later: nobody knows then what was served, so that this FastIOContext is over, as if the service had died, and the call raises ServiceUnreachableError, or what the handler of SIGINT raises: KeyboardInterrupt. Handlers of other signals run when the call has returned.

    A context manager: leaving the block closes.

    Raises ServiceUnreachableError, PermissionDeniedError, VersionMismatchError, IncompatibleHostError, DeviceUnavailableError, InvalidArgumentError, QuotaExceededError (too many clients).
    """

    def __init__(self, job: str | None = None, socket: str | None = None, device: str | None = None, embedded: bool = False, quota: int = 0, persistent: bool = False, connect_timeout: float | None = 1.0, request_timeout: float | None = None, name: str | None = None) -> None: ...

    def create(self, size: int, *, device: str | None = None, alignment: int = 256, zero: bool = False, stream: object = None, timeout: float | None = 0) -> FastIOAllocation:
        """
        ``size`` bytes of memory of type uint8 and dimensions (size,), which only this process can reach until it is published. ``device`` is "host" or "cuda:N", None the context's. ``alignment`` is a power of two, 256 bytes to 2 MiB; ``zero`` clears, on ``stream`` if there is one; otherwise the contents are undefined. ``stream`` is that of the first use: an int, or an object of CuPy, PyTorch or cuda.core. Default streams (0, 1, 2, or a library's) mean those of the context's GPU, whatever device is current.

        Where there is no room, ``timeout`` in seconds bounds the wait for others to give some back; 0 does not wait, None waits without a bound, and what is too much for the pool or a quota is refused at once. Ctrl-C ends the wait.

        Raises InvalidArgumentError (0 or a negative number of bytes), OutOfMemoryError, QuotaExceededError, TableFullError, DeviceUnavailableError, UnsupportedError (a stream with host memory), ServiceLostError, ContextClosedError.
        """

    def create_array(self, type: object, dimensions: Sequence[int] | int, *, device: str | None = None, alignment: int = 256, zero: bool = False, stream: object = None, timeout: float | None = 0) -> FastIOAllocation:
        """
        The same for an array: elements of ``type`` in ``dimensions``, outermost first, at most 8. () is a scalar, and a 0 among them an empty array. Raises what create() does (InvalidArgumentError for types that cannot be shared), and TypeError for what is no type.
        """

    def get(self, name: str, *, timeout: float | None = 0, newer_than: int = 0, stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) -> FastIOAllocation:
        """
        A new reference to what is published as ``name``, with a copy of its metadata. What is returned acts as what create() returns.

        ``timeout`` in seconds bounds the wait for the name, or for a version above ``newer_than``; 0 does not wait, None waits without a bound. For the contents the GPU waits in ``stream``; without one this call waits, at most ``contents_timeout`` seconds. Ctrl-C ends either wait. With ``read_only`` arrays made of the result cannot be written, nor can copy_from(): a courtesy, the memory is shared for writing.

        Raises NotFoundError (no timeout given), TimedOutError, ProducerLostError, LeaseLimitError, DeviceError, UnsupportedError (a stream with host memory), ServiceLostError, ContextClosedError.
        """

    def find(self, name: str, *, timeout: float | None = 0, newer_than: int = 0, stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) -> FastIOAllocation | None:
        """
        get(), with None where the name, or a version above ``newer_than``, is not there, or does not come within ``timeout``. Raises get()'s other errors; contents that are not complete within ``contents_timeout`` are a TimedOutError here too.
        """

    def find_many(self, names: Iterable[str], *, timeout: float | None = 0, newer_than: int = 0, stream: object = None, contents_timeout: float | None = 30.0, read_only: bool = False) -> list[FastIOAllocation | None]:
        """
        find() for each of ``names``, in their order. ``timeout`` seconds are for all of them together, ``contents_timeout`` for each one's contents. Ctrl-C ends either wait. Raises what find() does, and nothing is held then.
        """

    def publish_array(self, array: Any, name: str, *, replace: bool = False, stream: object = None, attributes: Mapping[str, str] | None = None, timeout: float | None = 0, time_to_live: float | None = None) -> None:
        """
        Allocates memory for ``array``, sets its type and dimensions, copies its elements in C order, and publishes it as ``name``.

        ``array`` is a numpy.ndarray with any strides and byte order, or anything with __dlpack__, __cuda_array_interface__, __array_interface__ or the buffer protocol. Arrays of a GPU, which must be the context's, are copied within it, after their own stream's work, and must be in C order; with a ``stream``, the array stays until the stream is done. ``timeout`` is as create()'s, ``time_to_live`` as FastIOAllocation.publish()'s.

        Raises TypeError for what is no array; InvalidArgumentError for objects, texts, dates, structures, masked arrays; UnsupportedError for an array of a GPU in a context of the host; and as create and publish.
        """

    def unpublish(self, name: str, *, version: int = 0) -> None:
        """
        Removes one name; the memory stays while references or other names hold it. With a ``version`` only if that is what the name has: so that nobody removes what another process has put in its place.

        Raises NotFoundError, also where the name has another version; ServiceLostError, ContextClosedError.
        """

    def list(self, prefix: str = '') -> list[PublicationInfo]:
        """
        The publications whose name starts with ``prefix``, in order of their names. Raises ServiceLostError, ContextClosedError.
        """

    def watch(self, prefix: str = '') -> Watch:
        """
        Changes from now on to names that start with ``prefix``. Raises ServiceLostError, ContextClosedError.
        """

    def stats(self) -> ContextStats:
        """
        Counters of the context and of this client. Raises ServiceLostError, ContextClosedError.
        """

    @property
    def alive(self) -> bool:
        """
        False once a call would raise ServiceLostError, ContextClosedError or ForkedError.
        """

    def close(self) -> None:
        """
        Ends this context here: calls and waits, also those of other threads, raise ContextClosedError. Allocations and arrays stay usable until they are released.
        """

    @property
    def job(self) -> str:
        """The job's name."""

    @property
    def socket(self) -> str:
        """The service's socket, for others to join an embedded one."""

    @property
    def device(self) -> str:
        """Where create() allocates by default: "host" or "cuda:N"."""

    def __enter__(self) -> FastIOContext: ...

    def __exit__(self, type: object, value: object, traceback: object) -> None: ...

    def __reduce__(self) -> tuple[Any, ...]:
        """Raises TypeError: it belongs to its process."""

    def __repr__(self) -> str: ...

    def _end_with_handler(self) -> None:
        """For Payload: releases what was not released, and closes."""
