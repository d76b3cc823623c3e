#!/usr/bin/env python3
"""Maps the tensors that publish_weights.py has published, reading no file."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import zlib
from typing import Any

import numpy

import fastio


def bytes_of(tensor: Any, framework: str) -> Any:
    """The elements' bytes on the host."""
    if framework == "torch":
        import torch

        return tensor.reshape(-1).view(torch.uint8).cpu().numpy()
    if framework == "fastio":  # its own view on the memory: for types that neither of the others has
        tensor.set_type_and_dimensions("uint8", (tensor.size,))
        return tensor.numpy()
    return tensor.reshape(-1).view(numpy.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="weights/", help="what the tensors' names begin with (default: weights/)")
    parser.add_argument("--timeout-s", type=float, default=600.0, help="seconds to wait for them (default: 600)")
    parser.add_argument(
        "--framework",
        choices=["torch", "numpy", "fastio"],
        default="torch" if importlib.util.find_spec("torch") else "fastio",
        help="what maps them (default: torch if it is installed, else fastio)",
    )
    arguments = parser.parse_args()
    framework = arguments.framework
    if framework == "torch":
        import torch  # not to be measured below  # noqa: F401
    try:
        with fastio.FastIOContext(connect_timeout=10.0) as context:
            fastio.safetensors.metadata(context, arguments.prefix, timeout=arguments.timeout_s)  # waits
            start = time.perf_counter()
            state = fastio.safetensors.load(context, arguments.prefix, framework=framework)
            milliseconds = 1e3 * (time.perf_counter() - start)
            size, checksum = 0, 0
            for name in sorted(state):
                contents = bytes_of(state[name], framework)
                size += contents.nbytes
                checksum = zlib.crc32(contents, checksum)
            print(
                f"{len(state)} tensors, {size} bytes, mapped in {milliseconds:.1f} ms by {framework}, "
                f"crc32 {checksum:08x}",
                flush=True,
            )
    except fastio.Error as error:
        sys.exit(f"use_weights.py: {error}")


if __name__ == "__main__":
    main()
