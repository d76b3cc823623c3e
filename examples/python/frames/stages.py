"""What is computed, as examples/frames/compute/pixels.hpp has it, to the bit: by NumPy, or by PyTorch in a stream."""

import contextlib

import numpy

import fastio


class NumpyStage:
    """On the host, in place; on a GPU on copies."""

    stream = None  # calls of Fast I/O are done when they return

    def make(self, sequence: int, frame: fastio.FastIOAllocation) -> None:
        height, width = frame.shape
        rows = (31 * sequence + 5 * numpy.arange(height)) % 256
        columns = 3 * numpy.arange(width) % 256
        frame.copy_from(rows.astype(numpy.uint8)[:, None] + columns.astype(numpy.uint8))  # bytes, modulo 256

    def infer(self, frame: fastio.FastIOAllocation, result: fastio.FastIOAllocation) -> None:
        pixels, on_host = frame.numpy(), result.device == "host"
        values = result.numpy() if on_host else numpy.empty(result.shape, numpy.float32)
        numpy.divide(pixels.astype(numpy.float32), numpy.float32(255), out=values[:, :-1])
        values[:, -1] = pixels.sum(axis=1).astype(numpy.float32) / numpy.float32(255 * pixels.shape[1])
        if not on_host:
            result.copy_from(values)

    def mark(self):
        """A function that waits for all that is queued so far."""
        return lambda: None


class TorchStage:
    """On a GPU in place, queued in a stream."""

    def __init__(self, torch, device: str) -> None:
        torch.cuda.set_device(int(device.partition(":")[2]))
        self.torch, self.stream = torch, torch.cuda.Stream()

    # The tensors end with these functions: an allocation is released in a stream only when no array has it any more.

    def make(self, sequence: int, frame: fastio.FastIOAllocation) -> None:
        with self.torch.cuda.stream(self.stream):
            pixels = self.torch.from_dlpack(frame)
            y, x = (self.torch.arange(extent, device=pixels.device) for extent in frame.shape)
            rows, columns = (31 * sequence + 5 * y) % 256, 3 * x % 256
            self.torch.add(rows.byte()[:, None], columns.byte(), out=pixels)  # bytes, modulo 256

    def infer(self, frame: fastio.FastIOAllocation, result: fastio.FastIOAllocation) -> None:
        with self.torch.cuda.stream(self.stream):
            pixels, values = self.torch.from_dlpack(frame), self.torch.from_dlpack(result)
            # A tensor: PyTorch may multiply with the reciprocal of a number instead, which rounds otherwise.
            full = self.torch.full((1,), 255.0, device=pixels.device)
            values[:, :-1] = pixels.float() / full
            values[:, -1] = pixels.sum(dim=1).float() / (full * pixels.shape[1])

    def mark(self):
        event = self.torch.cuda.Event()
        event.record(self.stream)
        return event.synchronize


def make_stage(device: str):
    if device != "host":
        with contextlib.suppress(ImportError):
            import torch

            if torch.cuda.is_available():
                return TorchStage(torch, device)
    return NumpyStage()
