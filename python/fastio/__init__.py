"""Device memory that the operators of a pipeline share by name, without copying it.

::

    import fastio

    ctx = fastio.FastIOContext(job="ct-42")           # joins the job, or starts it
    ctx.publish_array(volume, "volume")

    # in another process
    ctx = fastio.FastIOContext(job="ct-42")
    a = ctx.get("volume", timeout=5.0)                # waits for the producer; copies nothing
    view = numpy.asarray(a)                           # on a GPU: torch.from_dlpack(a), cupy.from_dlpack(a)

A service, ``fastiod``, owns the memory; :class:`FastIOContext` with ``embedded=True`` needs none. Operators of
``fastio run`` use :class:`Driver`. Code written for Clara's pipeline driver runs with ``import fastio as clara``.

Every failure of a call is an :class:`Error`, of a class of its own; its text says what was tried, on what, and what to
do. An operator that failed is a :class:`DriverError`; arguments of a wrong type are a TypeError.
"""

from . import safetensors
from ._core import (
    ContextStats,
    DataType,
    FastIOAllocation,
    FastIOContext,
    PublicationInfo,
    Watch,
    WatchEvent,
    bfloat16,
    bool_,
    complex64,
    complex128,
    float8_e3m4,
    float8_e4m3,
    float8_e4m3b11fnuz,
    float8_e4m3fn,
    float8_e4m3fnuz,
    float8_e5m2,
    float8_e5m2fnuz,
    float8_e8m0fnu,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from ._core import version as __version__
from ._driver import Driver, DriverError
from ._entries import FastIOEntry, MappedArray, PayloadCollection, PayloadEntry
from ._errors import (
    AlreadyExistsError,
    ContextClosedError,
    CorruptInputError,
    DeviceError,
    DeviceUnavailableError,
    Error,
    ForkedError,
    IncompatibleHostError,
    InvalidArgumentError,
    IoError,
    LeaseLimitError,
    NotFoundError,
    OutOfMemoryError,
    PeerAccessUnavailableError,
    PermissionDeniedError,
    ProducerLostError,
    ProtocolError,
    QuotaExceededError,
    ReadOnlyError,
    ReleasedError,
    ServiceLostError,
    ServiceUnreachableError,
    TableFullError,
    TimedOutError,
    UnsupportedError,
    VersionMismatchError,
)
from ._payload import Payload

__all__ = [
    "AlreadyExistsError",
    "ContextClosedError",
    "ContextStats",
    "CorruptInputError",
    "DataType",
    "DeviceError",
    "DeviceUnavailableError",
    "Driver",
    "DriverError",
    "Error",
    "FastIOAllocation",
    "FastIOContext",
    "FastIOEntry",
    "ForkedError",
    "IncompatibleHostError",
    "InvalidArgumentError",
    "IoError",
    "LeaseLimitError",
    "MappedArray",
    "NotFoundError",
    "OutOfMemoryError",
    "Payload",
    "PayloadCollection",
    "PayloadEntry",
    "PeerAccessUnavailableError",
    "PermissionDeniedError",
    "ProducerLostError",
    "ProtocolError",
    "PublicationInfo",
    "QuotaExceededError",
    "ReadOnlyError",
    "ReleasedError",
    "ServiceLostError",
    "ServiceUnreachableError",
    "TableFullError",
    "TimedOutError",
    "UnsupportedError",
    "VersionMismatchError",
    "Watch",
    "WatchEvent",
    "__version__",
    "bfloat16",
    "bool_",
    "complex128",
    "complex64",
    "float16",
    "float32",
    "float64",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "int16",
    "int32",
    "int64",
    "int8",
    "safetensors",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
]
