#!/usr/bin/env python3
"""Looks through a volume from the front: the largest value of each line from front to back.

Its pipeline file declares types and shapes, so what it gets and gives are entries that are mapped: nothing here names a
job, waits or publishes. The input may only be read. The output's extents are open (0 in the file) until the input is
seen. The second output is a file.
"""

from __future__ import annotations

import numpy

import arrays
import fastio
import volumes


def main() -> None:
    arguments = volumes.parser_of("Looks through a volume from the front.").parse_args()

    def execute(driver: fastio.Driver, payload: fastio.Payload) -> bool:
        library = arrays.choose(payload.fastio_context, arguments.library)
        if not library.in_place:
            raise RuntimeError("writing an entry in a GPU's memory takes CuPy or PyTorch")
        (source,) = payload.input_fastio_entries
        (projection,) = payload.output_fastio_entries
        (file,) = payload.output_entries

        depth, _, width = source.shape
        projection.update_shape((depth, width))
        projection.allocate()
        with source as volume, projection as picture:
            values = library.to_host(library.maximum(library.view(volume), axis=1))
            library.fill(library.view(picture), values)
        with open(file.path, "wb") as target:
            numpy.save(target, values)
        print(f"projection.py: {depth} x {width} pixels of '{source.name}', also in {file.path}", flush=True)
        return True

    volumes.run(execute)


if __name__ == "__main__":
    main()
