#!/usr/bin/env python3
"""Publishes a uint8 mask: Otsu's threshold, then the largest component. It is op-segment, in Python."""

from __future__ import annotations

import math
from typing import Any

import numpy

import arrays
import fastio
import volumes

BINS = 256


def histogram(library: arrays.NumpyArrays, volume: Any, low: float, high: float) -> Any:
    """Counts in equal bins from ``low`` to ``high``, on the host. Slice by slice, so that little memory is taken."""
    bins_per_unit = BINS / (high - low)
    counts = numpy.zeros(BINS, numpy.int64)
    for z in range(volume.shape[0]):
        counts += library.count((volume[z] - low) * bins_per_unit, BINS)
    return counts


def otsu_bin(counts: Any) -> int:
    """The last bin of the background: where the variance between the classes is largest; of equal ones the first."""
    shares = counts / counts.sum()
    omega = numpy.cumsum(shares)[:-1]
    moments = numpy.cumsum(numpy.arange(BINS) * shares)
    inside = (numpy.cumsum(counts)[:-1] > 0) & (numpy.cumsum(counts[::-1])[::-1][1:] > 0)
    variance = numpy.full(BINS - 1, -1.0)
    difference = moments[-1] * omega - moments[:-1]
    variance[inside] = difference[inside] ** 2 / (omega * (1 - omega))[inside]
    return int(variance.argmax())


def largest_component(foreground: Any) -> tuple[Any, int, int]:
    """Its voxels as a mask, how many, and the number of components. Voxels that touch face to face belong together."""
    labels, components = label(foreground)
    sizes = numpy.zeros(components + 1, numpy.int64)
    for part in labels:
        sizes += numpy.bincount(part.ravel(), minlength=components + 1)
    sizes[0] = 0
    largest = int(sizes.argmax())
    return labels == largest, int(sizes[largest]), components


def label(foreground: Any) -> tuple[Any, int]:
    try:
        from scipy import ndimage
    except ImportError:
        raise RuntimeError("finding components takes SciPy: install python3-scipy, or `pip install scipy`") from None
    labels, components = ndimage.label(foreground)
    return labels, int(components)


def main() -> None:
    parser = volumes.parser_of("Publishes a uint8 mask: Otsu's threshold, then the largest component.")
    volumes.add_names(parser)
    arguments = parser.parse_args()

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        context = payload.fastio_context
        library = arrays.choose(context, arguments.library)
        volume = volumes.wait_for_volume(payload, arguments.input)
        name = volumes.output_name(arguments.output)
        z, y, x = volumes.spacing_of(volume)
        values = library.view(volume)
        low, high = float(values.min()), float(values.max())
        width = (high - low) / BINS
        if not 0 < width < math.inf:
            raise ValueError(
                f"segmenting '{volume.name}': its values go from {low:g} to {high:g}, so no threshold can split them; "
                "give a volume with at least two finite values"
            )
        threshold = numpy.float32(low + (otsu_bin(histogram(library, values, low, high)) + 1) * width)

        # SciPy labels on the host: from a GPU this copies one byte for each voxel, there and back.
        component, voxels, components = largest_component(library.to_host(values >= float(threshold)))
        mask = library.create(context, "uint8", volume.dimensions)
        library.fill(mask.array, component.view(numpy.uint8))
        volume_ml = voxels * (x * y * z) / 1000.0
        mask.publish(
            name,
            {
                **volumes.geometry_of(volume),
                "threshold": str(threshold),
                "voxels": str(voxels),
                "volume-ml": repr(volume_ml),
            },
        )
        print(
            f"segment.py: threshold {threshold:.2f}, largest of {components} components: {voxels} voxels, "
            f"{volume_ml:.1f} ml, by {library.name}",
            flush=True,
        )
        return True

    volumes.run(execute)


if __name__ == "__main__":
    main()
