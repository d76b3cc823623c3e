"""What an execute handler is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._entries import Declaration, FastIOEntry, PayloadCollection, PayloadEntry
from ._errors import ContextClosedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._core import FastIOContext


class Payload:
    """The inputs and outputs of an operator, and the context of its job.

    Valid only inside the execute handler: later calls raise ContextClosedError. What the handler did not release is
    released for it when it returns; memory that an array still uses stays until the array is collected.
    """

    def __init__(self, context: FastIOContext, inputs: Sequence[Declaration], outputs: Sequence[Declaration]) -> None:
        """Waits for the inputs, and allocates the outputs whose shapes are declared."""
        self._context = context
        self._is_open = True
        self._input_entries = PayloadCollection([PayloadEntry(d.name, d.path) for d in inputs if d.on_disk])
        self._output_entries = PayloadCollection([PayloadEntry(d.name, d.path) for d in outputs if d.on_disk])
        # An input's producer may compute as long as it likes, before it publishes and, on a GPU, after that.
        self._fastio_inputs = PayloadCollection(
            [
                FastIOEntry(context, d, context.get(d.name, timeout=None, contents_timeout=None))
                for d in inputs
                if not d.on_disk
            ]
        )
        self._fastio_outputs = PayloadCollection([FastIOEntry(context, d) for d in outputs if not d.on_disk])

    @property
    def input_entries(self) -> PayloadCollection[PayloadEntry]:
        """The disk-based inputs: name and path."""
        self._check_open()
        return self._input_entries

    @property
    def output_entries(self) -> PayloadCollection[PayloadEntry]:
        """The disk-based outputs: name, and the path where the handler is to write it."""
        self._check_open()
        return self._output_entries

    @property
    def fastio_context(self) -> FastIOContext:
        """The job's shared memory."""
        self._check_open()
        return self._context

    @property
    def input_fastio_entries(self) -> PayloadCollection[FastIOEntry]:
        """The inputs in shared memory, read-only; all of them are there."""
        self._check_open()
        return self._fastio_inputs

    @property
    def output_fastio_entries(self) -> PayloadCollection[FastIOEntry]:
        """The outputs in shared memory. The driver publishes those that the pipeline file gives a type."""
        self._check_open()
        return self._fastio_outputs

    def _publish_outputs(self) -> None:
        for entry in self._fastio_outputs:
            entry._publish()

    def _close(self) -> None:
        self._is_open = False
        for entry in (*self._fastio_inputs, *self._fastio_outputs):
            entry._end()
        self._context._end_with_handler()

    def _check_open(self) -> None:
        if not self._is_open:
            raise ContextClosedError("the payload was used after its execute handler had returned")
