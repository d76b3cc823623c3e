"""The exceptions of Fast I/O: one class for each way in which a call can fail.

All of them are a :class:`Error`. Where Python has a class of its own for such a failure, the exception is one of
those too, so that ``except KeyError`` catches a name that nobody has published.
"""

from __future__ import annotations

from typing import ClassVar


class Error(Exception):
    """What every failing call raises; ``str(error)`` says what was tried, on what, with which numbers, and what to do.

    ``code`` is the number of the failure, stable across versions, and ``errc`` its name.
    """

    code: ClassVar[int] = 0
    errc: ClassVar[str] = "unknown"

    def __str__(self) -> str:
        # KeyError would print the representation of the message.
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(Error, ValueError):
    """An argument is outside what the call accepts; nothing was done."""

    code = 1
    errc = "invalid_argument"


class NotFoundError(Error, KeyError):
    """No publication, job or device of that name now."""

    code = 2
    errc = "not_found"


class AlreadyExistsError(Error):
    """The name is taken and ``replace`` was not asked for."""

    code = 3
    errc = "already_exists"


class TimedOutError(Error, TimeoutError):
    """The bounded wait ended first."""

    code = 4
    errc = "timed_out"


class OutOfMemoryError(Error, MemoryError):
    """The device's pool has no room for the request."""

    code = 5
    errc = "out_of_memory"


class QuotaExceededError(Error):
    """The context's or the user's quota has no room for the request."""

    code = 6
    errc = "quota_exceeded"


class TableFullError(Error):
    """The context has as many allocations or publications as its table may hold."""

    code = 7
    errc = "table_full"


class LeaseLimitError(Error):
    """This process holds as many leases as it may."""

    code = 8
    errc = "lease_limit"


class ReleasedError(Error):
    """The allocation was released or freed."""

    code = 9
    errc = "released"


class ProducerLostError(Error):
    """The producer died before the contents were complete.

    ``version`` is the one whose contents are lost, of find_many() that of the name in the message: a consumer that goes
    on to the next one gives it to ``newer_than``.
    """

    code = 10
    errc = "producer_lost"
    version: int = 0


class ServiceLostError(Error):
    """The service went away; what is mapped on the host stays readable."""

    code = 11
    errc = "service_lost"


class ServiceUnreachableError(Error):
    """No service answers at the socket."""

    code = 12
    errc = "service_unreachable"


class PermissionDeniedError(Error):
    """The socket, the context or the record belongs to somebody else."""

    code = 13
    errc = "permission_denied"


class VersionMismatchError(Error):
    """Library and service speak different protocols or table layouts."""

    code = 14
    errc = "version_mismatch"


class IncompatibleHostError(Error):
    """Another boot or another machine than the service's."""

    code = 15
    errc = "incompatible_host"


class DeviceUnavailableError(Error):
    """No such device here, or the service does not serve it."""

    code = 16
    errc = "device_unavailable"


class DeviceError(Error):
    """The device's driver reported a failure."""

    code = 17
    errc = "device_error"


class ContextClosedError(Error):
    """The context was closed, its job was ended, or the execute handler that it belonged to has returned."""

    code = 18
    errc = "context_closed"


class ProtocolError(Error):
    """The other side broke the protocol."""

    code = 19
    errc = "protocol_error"


class ForkedError(Error):
    """The object was made before ``os.fork()`` and is used in the child: make a context there, or spawn."""

    code = 20
    errc = "forked"


class PeerAccessUnavailableError(Error):
    """The two GPUs cannot reach each other's memory."""

    code = 21
    errc = "peer_access_unavailable"


class ReadOnlyError(Error):
    """The entry may not be written."""

    code = 22
    errc = "read_only"


class UnsupportedError(Error):
    """Known, and not possible here."""

    code = 23
    errc = "unsupported"


class CorruptInputError(Error):
    """A file or a message is not what it says it is."""

    code = 24
    errc = "corrupt_input"


class IoError(Error):
    """The operating system refused a file operation."""

    code = 25
    errc = "io_error"


#: By ``code``; the first is for numbers that this version does not know.
CLASSES: tuple[type[Error], ...] = (
    Error,
    InvalidArgumentError,
    NotFoundError,
    AlreadyExistsError,
    TimedOutError,
    OutOfMemoryError,
    QuotaExceededError,
    TableFullError,
    LeaseLimitError,
    ReleasedError,
    ProducerLostError,
    ServiceLostError,
    ServiceUnreachableError,
    PermissionDeniedError,
    VersionMismatchError,
    IncompatibleHostError,
    DeviceUnavailableError,
    DeviceError,
    ContextClosedError,
    ProtocolError,
    ForkedError,
    PeerAccessUnavailableError,
    ReadOnlyError,
    UnsupportedError,
    CorruptInputError,
    IoError,
)
