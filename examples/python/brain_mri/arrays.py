"""The array library that reaches a context's memory: NumPy on the host, CuPy or else PyTorch on a GPU.

Where a GPU has neither, NumPy computes on copies. The operators are written once: what the libraries' arrays have in
common (slices, arithmetic in place, comparisons) they use directly, the rest is here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy

import fastio


class Result:
    """An array to be filled and then published."""

    def __init__(
        self, context: fastio.FastIOContext, array: Any, allocation: Optional[fastio.FastIOAllocation]
    ) -> None:
        self.array = array
        self._context = context
        self._allocation = allocation

    def publish(self, name: str, attributes: Mapping[str, str]) -> None:
        """Waits for the GPU, if there is one. The array is not to be changed any more."""
        if self._allocation is None:
            self._context.publish_array(self.array, name, attributes=attributes)
        else:
            self._allocation.publish(name, attributes=attributes)


class NumpyArrays:
    """On the host in place. On a GPU the operator's inputs and results are copied."""

    name = "NumPy"

    def __init__(self, device: str) -> None:
        self.in_place = self.name != "NumPy" or device == "host"

    def view(self, memory: Any) -> Any:
        """An array over what ``get`` or an entry's ``map`` gave."""
        return memory.numpy() if hasattr(memory, "numpy") else memory

    def create(self, context: fastio.FastIOContext, dtype: str, shape: Sequence[int]) -> Result:
        """Memory that will be published, as an array."""
        if not self.in_place:
            return Result(context, numpy.empty(shape, dtype), None)
        allocation = context.create_array(dtype, shape)
        return Result(context, self.view(allocation), allocation)

    def empty(self, shape: Sequence[int]) -> Any:
        """Scratch memory of this process, float32."""
        return numpy.empty(shape, numpy.float32)

    def to_host(self, array: Any) -> Any:
        return array

    def fill(self, array: Any, values: Any) -> None:
        """``values`` is on the host."""
        array[...] = values

    def count(self, bins: Any, number: int) -> Any:
        """How often each of 0 to number - 1 is there, on the host. The fractions of ``bins`` are dropped."""
        return numpy.bincount(bins.ravel().astype(numpy.intp).clip(max=number - 1), minlength=number)

    def maximum(self, array: Any, axis: int) -> Any:
        return array.max(axis)


class CupyArrays(NumpyArrays):
    """On a GPU in place."""

    name = "CuPy"

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self._cupy = importlib.import_module("cupy")
        self._cupy.cuda.Device(int(device.partition(":")[2])).use()

    def view(self, memory: Any) -> Any:
        return self._cupy.asarray(memory)

    def empty(self, shape: Sequence[int]) -> Any:
        return self._cupy.empty(shape, numpy.float32)

    def to_host(self, array: Any) -> Any:
        return self._cupy.asnumpy(array)

    def fill(self, array: Any, values: Any) -> None:
        array[...] = self._cupy.asarray(values)

    def count(self, bins: Any, number: int) -> Any:
        indices = bins.ravel().astype(numpy.intp).clip(max=number - 1)
        return self.to_host(self._cupy.bincount(indices, minlength=number))


class TorchArrays(NumpyArrays):
    """On a GPU in place; on the host too, if asked for."""

    name = "PyTorch"

    def __init__(self, device: str) -> None:
        super().__init__(device)
        self._torch = importlib.import_module("torch")
        if device != "host" and not self._torch.cuda.is_available():
            raise ImportError(f"this PyTorch does not reach {device}")
        self._device = "cpu" if device == "host" else device

    def view(self, memory: Any) -> Any:
        if isinstance(memory, numpy.ndarray):
            return self._torch.from_numpy(memory if memory.flags.writeable else memory.copy())
        try:
            return self._torch.from_dlpack(memory)
        except BufferError:
            # An input entry is read-only, which a PyTorch from before DLPack 1.0 cannot express.
            return self._torch.tensor(memory.numpy(), device=self._device)

    def empty(self, shape: Sequence[int]) -> Any:
        return self._torch.empty(tuple(shape), dtype=self._torch.float32, device=self._device)

    def to_host(self, array: Any) -> Any:
        return array.cpu().numpy()

    def fill(self, array: Any, values: Any) -> None:
        array.copy_(self._torch.from_numpy(values))

    def count(self, bins: Any, number: int) -> Any:
        indices = bins.reshape(-1).to(self._torch.int64).clamp(max=number - 1)
        return self.to_host(self._torch.bincount(indices, minlength=number))

    def maximum(self, array: Any, axis: int) -> Any:
        return array.amax(axis)


LIBRARIES = {"numpy": NumpyArrays, "cupy": CupyArrays, "torch": TorchArrays}


def choose(context: fastio.FastIOContext, wanted: str = "auto") -> NumpyArrays:
    """The library for the context's memory, or the one that is ``wanted``."""
    device = context.device
    if wanted != "auto":
        return LIBRARIES[wanted](device)
    if device == "host":
        return NumpyArrays(device)
    for library in (CupyArrays, TorchArrays):
        try:
            return library(device)
        except ImportError:
            continue
    print(f"neither CuPy nor PyTorch: computing on the host, with copies from and to {device}", file=sys.stderr)
    return NumpyArrays(device)
