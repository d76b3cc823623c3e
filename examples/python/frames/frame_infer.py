#!/usr/bin/env python3
"""frame-infer of examples/frames in Python, policy "latest": publishes what it computes of each newest frame.

On the host NumPy computes. On a GPU PyTorch does, in a stream; without PyTorch NumPy, on copies.
"""

import argparse
import contextlib
import signal
import sys
import time

from stages import make_stage

import fastio


class Infer:
    def __init__(self, options):
        self.options = options
        self.stage = None
        self.made = self.lost = 0

    def run(self, context):
        """Until the last frame. `seen` begins at 0 in each context, whose versions they are."""
        self.stage = self.stage or make_stage(context.device)
        stream = self.stage.stream
        seen = 0
        held = None  # a frame whose work is queued, its result's version, and what waits for the GPU
        has_ended = False
        while not has_ended:
            try:
                frame = context.get("frame", timeout=self.options.timeout_s, newer_than=seen, stream=stream)
            except fastio.ProducerLostError as error:
                seen = error.version
                self.lost += 1
                continue
            seen = frame.version
            height, width = frame.shape
            result = context.create_array("float32", (height, width + 1), stream=stream, timeout=10.0)
            self.stage.infer(frame, result)
            result.publish("result", stream=stream, replace=True, attributes=frame.attributes)
            before, held = held, (frame, result.version, self.stage.mark())
            result.release(stream=stream)
            if before:
                self.finish(context, *before)
            if "last" in frame.attributes:
                has_ended = self.finish(context, *held)
                held = None
            time.sleep(self.options.slow_ms / 1000)

    def finish(self, context, frame, version, wait):
        """False where the frame was never complete, which is known only when the GPU is done with it."""
        wait()
        is_complete = True
        try:
            frame.check()
            self.made += 1
        except fastio.ProducerLostError:
            is_complete = False
            self.lost += 1
            with contextlib.suppress(fastio.NotFoundError):  # replaced by now
                context.unpublish("result", version=version)
        frame.release(stream=self.stage.stream)
        return is_complete


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timeout-s", type=float, default=30.0, help="seconds to wait for the next frame")
    parser.add_argument("--slow-ms", type=float, default=0.0, help="to play a slow consumer")
    infer = Infer(parser.parse_args())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while True:
            try:
                with fastio.FastIOContext(connect_timeout=10.0) as context:
                    infer.run(context)
                break
            except fastio.ServiceLostError:
                print("the service is gone; joining the one that takes its place", flush=True)
    except KeyboardInterrupt:
        print("stopped")
    except fastio.Error as error:
        sys.exit(f"frame_infer.py: {error}")
    print(f"{infer.made} results, {infer.lost} frames lost")


if __name__ == "__main__":
    main()
