#!/usr/bin/env python3
"""Reads a safetensors checkpoint once and publishes its tensors, for any number of processes to map."""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import sys
import time

import fastio


def find_checkpoint(text: str) -> pathlib.Path:
    """A path, or PACKAGE:FILE for a file in an installed Python package."""
    package, colon, file = text.partition(":")
    if not colon or os.path.exists(text):
        return pathlib.Path(text)
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"publish_weights.py: there is no Python package {package} here, so no {text}")
    return pathlib.Path(next(iter(spec.submodule_search_locations)), file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="a .safetensors file; PACKAGE:FILE is one in an installed Python package")
    parser.add_argument("--prefix", default="weights/", help="what the tensors' names begin with (default: weights/)")
    parser.add_argument("--replace", action="store_true", help="take the place of what is published there")
    arguments = parser.parse_args()
    path = find_checkpoint(arguments.checkpoint)

    # `fastio run` is a member of the job until its end, so what is published stays without us. By hand nobody is: then
    # the context is made persistent.
    in_pipeline = "FASTIO_STAGE" in os.environ
    try:
        with fastio.FastIOContext(persistent=not in_pipeline, connect_timeout=10.0) as context:
            start = time.perf_counter()
            count = fastio.safetensors.publish(
                context, path, arguments.prefix, replace=arguments.replace, progress=True
            )
            milliseconds = 1e3 * (time.perf_counter() - start)
            print(f"published {count} tensors of {path.name} on {context.device} in {milliseconds:.1f} ms", flush=True)
            if not in_pipeline:
                print(f"they stay until `fastio rm --job {context.job}`", flush=True)
    except fastio.Error as error:
        sys.exit(f"publish_weights.py: {error}")


if __name__ == "__main__":
    main()
