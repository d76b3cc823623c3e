#!/usr/bin/env python3
"""Smooths a float32 volume with a Gaussian of --sigma-mm millimetres: op-smooth, in Python."""

from __future__ import annotations

import math
from typing import Any

import arrays
import fastio
import volumes

LARGEST_SIGMA = 250.0  # voxels: a kernel of 2001 weights per axis
BLOCK_VOXELS = {"host": 1 << 18, "gpu": 1 << 26}  # on the host they stay in the processor's cache


def gaussian_weights(sigma: float) -> list[float]:
    """The middle one and those to one side. All of them, to both sides, have the sum 1."""
    radius = math.floor(4.0 * sigma + 0.5)
    half = [math.exp(-0.5 * (distance / sigma) ** 2) if distance else 1.0 for distance in range(radius + 1)]
    total = half[0] + 2.0 * sum(half[1:])
    return [weight / total for weight in half]


def convolve(
    library: arrays.NumpyArrays, source: Any, target: Any, axis: int, weights: list[float], voxels: int
) -> None:
    """Along one axis, in blocks of about ``voxels``. Beyond the border the nearest voxel counts."""
    radius = len(weights) - 1
    length = source.shape[axis]
    across = 1 if axis == 0 else 0
    count = source.shape[across]
    thickness = max(1, voxels * count // math.prod(source.shape))
    inside = slice(radius, radius + length)
    for first in range(0, count, thickness):
        block = at(across, slice(first, first + thickness))
        part = source[block]
        shape = list(part.shape)
        shape[axis] += 2 * radius
        padded = library.empty(shape)
        padded[at(axis, inside)] = part
        padded[at(axis, slice(0, radius))] = part[at(axis, slice(0, 1))]
        padded[at(axis, slice(radius + length, None))] = part[at(axis, slice(length - 1, length))]
        total = padded[at(axis, inside)] * weights[0]
        for distance in range(1, radius + 1):
            pair = padded[at(axis, slice(radius - distance, radius - distance + length))]
            pair = pair + padded[at(axis, slice(radius + distance, radius + distance + length))]
            pair *= weights[distance]
            total += pair
        target[block] = total


def at(axis: int, part: slice) -> tuple[slice, ...]:
    index = [slice(None)] * 3
    index[axis] = part
    return tuple(index)


def main() -> None:
    parser = volumes.parser_of("Smooths a float32 volume with a Gaussian of --sigma-mm millimetres.")
    volumes.add_names(parser)
    parser.add_argument("--sigma-mm", type=float, default=1.5, help="standard deviation in millimetres (default: 1.5)")
    arguments = parser.parse_args()
    if not 0 <= arguments.sigma_mm <= 1e6:
        parser.error("--sigma-mm takes 0 to 1e6")

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        context = payload.fastio_context
        library = arrays.choose(context, arguments.library)
        volume = volumes.wait_for_volume(payload, arguments.input)
        name = volumes.output_name(arguments.output)
        sigmas = [arguments.sigma_mm / extent for extent in volumes.spacing_of(volume)]
        if max(sigmas) > LARGEST_SIGMA:
            raise ValueError(f"smoothing '{volume.name}' by {max(sigmas):g} voxels: at most {LARGEST_SIGMA:g}")
        z, y, x = (gaussian_weights(sigma) for sigma in sigmas)
        voxels = BLOCK_VOXELS["host" if context.device == "host" else "gpu"]

        smoothed = library.create(context, "float32", volume.dimensions)
        scratch = library.empty(volume.dimensions)
        convolve(library, library.view(volume), smoothed.array, 2, x, voxels)
        convolve(library, smoothed.array, scratch, 1, y, voxels)
        convolve(library, scratch, smoothed.array, 0, z, voxels)
        smoothed.publish(name, volumes.geometry_of(volume))
        print(f"smooth.py: Gaussian of {arguments.sigma_mm:g} mm over '{volume.name}', by {library.name}", flush=True)
        return True

    volumes.run(execute)


if __name__ == "__main__":
    main()
