#!/usr/bin/env python3
"""Figures of the Python package: python_bench.py [--json FILE] [--quick]. Run by `./run bench`.

Each figure is the median of repetitions, each of which times a batch of calls and divides, beside what is asked of it.
Ratios are of medians taken in turns in the same run.
"""

from __future__ import annotations

import argparse
import gc
import json
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

import fastio


@dataclass
class Figure:
    name: str
    unit: str
    median: float
    least: float
    most: float
    raw: Optional[float] = None
    ratio: Optional[float] = None
    at_most: Optional[float] = None

    @property
    def verdict(self) -> str:
        if self.at_most is None:
            return ""
        return "met" if (self.median if self.ratio is None else self.ratio) <= self.at_most else "MISSED"


def time_batches(call: Callable[[], Any], batch: int, repetitions: int) -> list[float]:
    """Seconds per call, of each repetition."""
    taken = []
    for _ in range(repetitions + 1):
        start = time.perf_counter_ns()
        for _ in range(batch):
            call()
        taken.append((time.perf_counter_ns() - start) / batch / 1e9)
    return taken[1:]  # the first warms up


def figure(name: str, unit: str, seconds: list[float], at_most: float) -> Figure:
    scale = {"us": 1e6, "ms": 1e3}[unit]
    return Figure(
        name,
        unit,
        statistics.median(seconds) * scale,
        min(seconds) * scale,
        max(seconds) * scale,
        at_most=at_most,
    )


def measure_calls(ctx: fastio.FastIOContext, repetitions: int) -> list[Figure]:
    ctx.publish_array(np.zeros((16, 16), np.float32), "hot")
    a = ctx.get("hot")
    figures = [
        figure("get + release, hot", "us", time_batches(lambda: ctx.get("hot").release(), 20_000, repetitions), 1.5),
        figure("np.asarray(allocation)", "us", time_batches(lambda: np.asarray(a), 20_000, repetitions), 2.0),
    ]
    try:
        from torch import from_dlpack
    except ImportError:
        print("python_bench: skipped torch.from_dlpack: there is no PyTorch", file=sys.stderr)
        return figures
    figures.append(
        figure("torch.from_dlpack(allocation)", "us", time_batches(lambda: from_dlpack(a), 20_000, repetitions), 5.0)
    )
    return figures


def measure_publish_array(ctx: fastio.FastIOContext, repetitions: int, mib: int) -> Figure:
    source = np.ones(mib << 20, np.uint8)
    target = np.zeros_like(source)
    copies, publishes = [], []
    for _ in range(repetitions + 1):
        copies += time_batches(lambda: np.copyto(target, source), 1, 1)[-1:]
        start = time.perf_counter_ns()
        ctx.publish_array(source, "large")
        publishes.append((time.perf_counter_ns() - start) / 1e9)
        ctx.get("large").free()
    made = figure(f"publish_array of {mib} MiB", "ms", publishes[1:], 1.1)
    made.raw = statistics.median(copies[1:]) * 1e3
    made.ratio = made.median / made.raw
    return made


def write_checkpoint(path: pathlib.Path, tensors: int, dtype: str) -> None:
    header, data = {}, bytearray()
    for i in range(tensors):
        part = np.full(64, i % 2, {"F32": np.float32, "BOOL": np.bool_}[dtype]).tobytes()
        header[f"layer.{i}.weight"] = {
            "dtype": dtype,
            "shape": [8, 8],
            "data_offsets": [len(data), len(data) + len(part)],
        }
        data += part
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def measure_state_dict(ctx: fastio.FastIOContext, repetitions: int, tensors: int, dtype: str) -> Optional[Figure]:
    try:
        import torch  # noqa: F401
    except ImportError:
        print("python_bench: skipped the state dict: there is no PyTorch", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.safetensors"
        write_checkpoint(path, tensors, dtype)
        fastio.safetensors.publish(ctx, path, "weights/", progress=False, replace=True)
    taken = []
    for _ in range(repetitions + 1):
        start = time.perf_counter_ns()
        state = fastio.safetensors.load(ctx, "weights/")
        taken.append((time.perf_counter_ns() - start) / 1e9)
        assert len(state) == tensors
        del state
        gc.collect()
    what = {"F32": "", "BOOL": " of bool"}[dtype]
    return figure(f"mapping {tensors:,} tensors{what} as a state dict", "ms", taken[1:], 100.0)


def show(figures: list[Figure]) -> None:
    columns = f"{'figure':<42}{'median':>12}{'least to most':>22}{'raw':>11}{'ratio':>7}{'at most':>9}"
    print(columns)
    for f in figures:
        raw = "" if f.raw is None else f"{f.raw:.2f} {f.unit}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        at_most = "" if f.at_most is None else f"{f.at_most:.2f}"
        median, spread = f"{f.median:.2f} {f.unit}", f"{f.least:.2f} to {f.most:.2f}"
        print(f"{f.name:<42}{median:>12}{spread:>22}{raw:>11}{ratio:>7}{at_most:>9}  {f.verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description="figures of the Python package")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small and few: shows that the cases work")
    options = parser.parse_args()
    repetitions, mib, tensors = (1, 4, 100) if options.quick else (9, 256, 10_000)
    with fastio.FastIOContext(job="bench", embedded=True, device="host") as ctx:
        figures = measure_calls(ctx, repetitions)
        figures.append(measure_publish_array(ctx, repetitions, mib))
        for dtype in ("F32", "BOOL"):
            state_dict = measure_state_dict(ctx, repetitions, tensors, dtype)
            figures += [] if state_dict is None else [state_dict]
    show(figures)
    if options.json:
        options.json.write_text(json.dumps([f.__dict__ for f in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
