"""What the tests of exported arrays have in common: DLPack's structs, and all the views that NumPy can compare."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

import fastio
from conftest import package

Join = Callable[..., fastio.FastIOContext]

NUMPY_TYPES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
OTHER_TYPES = ["bfloat16", "float8_e3m4", "float8_e4m3", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"]
DIMENSIONS = [(), (0,), (2, 0, 3), (1,), (5,), (2, 3, 4), (1,) * 8]

# dlpack.h of DLPack 1.1.


class DLDevice(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class DLDataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", DLDevice),
        ("ndim", ctypes.c_int32),
        ("dtype", DLDataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class DLManagedTensor(ctypes.Structure):
    _fields_ = [("dl_tensor", DLTensor), ("manager_ctx", ctypes.c_void_p), ("deleter", DELETER)]


class DLManagedTensorVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", DLTensor),
    ]


READ_ONLY = 1
IS_COPIED = 2
HOST = (1, 0)
CUDA = (2, 0)

python = ctypes.pythonapi
python.PyCapsule_GetName.restype = ctypes.c_char_p
python.PyCapsule_GetName.argtypes = [ctypes.py_object]
python.PyCapsule_GetPointer.restype = ctypes.c_void_p
python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]

NAMES: dict[bytes, type[ctypes.Structure]] = {
    b"dltensor": DLManagedTensor,
    b"dltensor_versioned": DLManagedTensorVersioned,
}
USED = ctypes.create_string_buffer(b"used_dltensor")  # a capsule keeps the address of its name


def managed(capsule: Any) -> Any:
    """What a capsule points to."""
    name = python.PyCapsule_GetName(capsule)
    return NAMES[name].from_address(python.PyCapsule_GetPointer(capsule, name))


def consume(capsule: Any) -> Any:
    """As a library that takes the tensor: from now on it must call the deleter."""
    tensor = managed(capsule)
    python.PyCapsule_SetName(capsule, ctypes.cast(USED, ctypes.c_char_p))
    return tensor


def by_hand(interface: dict[str, Any]) -> np.ndarray:
    """An array of a dict of the array interface alone."""
    holder = type("Holder", (), {"__array_interface__": interface})()
    return np.asarray(holder)


def torch_tensor(a: fastio.FastIOAllocation) -> Any:
    return package("torch").from_dlpack(a)


def filled(ctx: fastio.FastIOContext, type_: Any = "float32", dimensions: tuple[int, ...] = (2, 3)) -> Any:
    """What was got of a publication that is gone again: one lease, and no name."""
    made = ctx.create_array(type_, dimensions, zero=True)
    made.publish("made")
    got = ctx.get("made")
    made.free()
    return got


# Views that NumPy can compare and write.
VIEWS: dict[str, Callable[[fastio.FastIOAllocation], Any]] = {
    "asarray": np.asarray,
    "numpy": lambda a: a.numpy(),
    "map": lambda a: a.map(),
    "__array__": lambda a: a.__array__(),
    "array_interface": lambda a: by_hand(a.__array_interface__),
    "memoryview": lambda a: np.asarray(memoryview(a)),
    "np.from_dlpack": np.from_dlpack,
    "torch.from_dlpack": lambda a: torch_tensor(a).numpy(),
}

# NumPy before 2.0 makes all that it takes by DLPack read-only.
WRITERS = [name for name in VIEWS if name != "np.from_dlpack"]

# All that can keep an allocation's memory.
KEEPERS: dict[str, Callable[[fastio.FastIOAllocation], Any]] = {
    "asarray": np.asarray,
    "numpy": lambda a: a.numpy(),
    "map": lambda a: a.map(),
    "__array__": lambda a: a.__array__(),
    "array_interface": lambda a: by_hand(a.__array_interface__),
    "the interface's dict": lambda a: a.__array_interface__,
    "memoryview": memoryview,
    "np.from_dlpack": np.from_dlpack,
    "torch": torch_tensor,
    "capsule": lambda a: a.__dlpack__(),
    "versioned capsule": lambda a: a.__dlpack__(max_version=(1, 0)),
    "a slice of an array": lambda a: np.asarray(a)[1:, ::-1],
    "an array of a memoryview": lambda a: np.asarray(memoryview(a)),
}


def first_element(kept: Any) -> float:
    """Of whatever a keeper is, read through what it keeps alone."""
    if isinstance(kept, dict):
        return float(by_hand(kept).flat[0])
    if type(kept).__name__ == "PyCapsule":
        return ctypes.c_float.from_address(managed(kept).dl_tensor.data).value
    if isinstance(kept, memoryview):
        return float(kept[0, 0])
    return float(kept[0, -1]) if isinstance(kept, np.ndarray) and kept.shape == (1, 3) else float(kept[0, 0])
