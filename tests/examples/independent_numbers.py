#!/usr/bin/python3
"""Computes threshold, component and volume of a NIfTI volume with NumPy, SciPy and nibabel only.

It shares no code with examples/brain_mri; brain_mri_test compares the two. Prints one JSON object.
Usage: independent_numbers.py VOLUME.nii.gz SIGMA_MM
"""

import json
import sys

import nibabel
import numpy
import scipy.ndimage


def otsu(counts):
    """The last background bin: the split with the largest variance between the classes, tried one by one."""
    bins = numpy.arange(counts.size, dtype=float)
    best, best_variance = 0, -1.0
    for split in range(counts.size - 1):
        below, above = counts[: split + 1], counts[split + 1 :]
        if below.sum() == 0 or above.sum() == 0:
            continue
        means = numpy.average(bins[: split + 1], weights=below), numpy.average(bins[split + 1 :], weights=above)
        variance = float(below.sum()) * float(above.sum()) * (means[0] - means[1]) ** 2
        if variance > best_variance:
            best, best_variance = split, variance
    return best


def main():
    path, sigma_mm = sys.argv[1], float(sys.argv[2])
    image = nibabel.as_closest_canonical(nibabel.load(path))
    spacing = numpy.array(image.header.get_zooms()[:3], dtype=float)
    volume = numpy.asanyarray(image.dataobj).astype(numpy.float64)
    smoothed = scipy.ndimage.gaussian_filter(volume, sigma_mm / spacing, truncate=4.0, mode="nearest")

    counts, edges = numpy.histogram(smoothed, bins=256, range=(smoothed.min(), smoothed.max()))
    threshold = edges[otsu(counts) + 1]
    labels, components = scipy.ndimage.label(smoothed >= threshold)
    sizes = numpy.bincount(labels.ravel())[1:]
    voxels = int(sizes.max())
    member = labels == int(sizes.argmax()) + 1
    print(
        json.dumps(
            {
                "shape": list(volume.shape),
                "spacing": spacing.tolist(),
                "sum": float(volume.sum()),
                "smoothed_sum": float(smoothed.sum()),
                "smoothed_maximum": float(smoothed.max()),
                "threshold": float(threshold),
                "bin_width": float(edges[1] - edges[0]),
                "components": int(components),
                "voxels": voxels,
                "volume_ml": voxels * float(spacing.prod()) / 1000.0,
                "centroid": [float(axis.mean()) for axis in numpy.nonzero(member)],
            }
        )
    )


if __name__ == "__main__":
    main()
