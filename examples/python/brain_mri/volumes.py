"""What the operators have in common: options, names, what a volume is and which attributes it has."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable

import arrays
import fastio


def parser_of(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--library",
        choices=["auto", *arrays.LIBRARIES],
        default="auto",
        help="what computes (default: NumPy on the host; on a GPU CuPy, else PyTorch, else NumPy on copies)",
    )
    return parser


def add_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", help="the name of the volume (default: the pipeline file's first input)")
    parser.add_argument("--output", help="the name to publish (default: the pipeline file's first output)")


def run(execute: Callable[[fastio.Driver, fastio.Payload], bool]) -> None:
    """The operator's life cycle. A failure is one line on standard error and status 1."""
    driver = fastio.Driver(execute_handler=execute)
    driver.start()
    try:
        driver.wait_for_completion()
    except fastio.DriverError as failure:
        sys.exit(" ".join(str(failure).split()))


def wait_for_volume(payload: fastio.Payload, name: str | None) -> fastio.FastIOAllocation:
    """The volume of that name, else of the first input. It has three dimensions z, y, x and is float32."""
    name = name or payload.input_fastio_entries[0].name
    volume = payload.fastio_context.get(name, timeout=None, contents_timeout=None)
    if volume.type != "float32" or len(volume.dimensions) != 3 or volume.count == 0:
        raise ValueError(
            f"using '{name}' as a volume: it is {volume.type} {list(volume.dimensions)}, "
            "not float32 with three dimensions"
        )
    return volume


def output_name(name: str | None) -> str:
    """``name``, else that of the first output. `fastio run` says in $FASTIO_OUTPUTS what the pipeline file declares."""
    declared = json.loads(os.environ.get("FASTIO_OUTPUTS") or "[]")
    if not name and not declared:
        raise ValueError("no --output was given, and $FASTIO_OUTPUTS has none")
    return name or str(declared[0]["name"])


def spacing_of(volume: fastio.FastIOAllocation) -> tuple[float, float, float]:
    """Millimetres, in the order of the dimensions: z, y, x. The attribute has the order x, y, z."""
    text = volume.attributes.get("spacing-mm", "")
    try:
        x, y, z = (float(word) for word in text.split())
    except ValueError:
        x = y = z = math.nan
    if not all(0 < extent < math.inf for extent in (x, y, z)):
        raise ValueError(
            f"using '{volume.name}' as a volume: its attribute \"spacing-mm\" is '{text}', not three positive numbers"
        )
    return z, y, x


def geometry_of(volume: fastio.FastIOAllocation) -> dict[str, str]:
    """The attributes that describe a volume's geometry, to be handed on with what is computed from it."""
    attributes = volume.attributes
    return {key: attributes[key] for key in ("spacing-mm", "orientation") if key in attributes}
