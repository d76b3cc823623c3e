#!/usr/bin/env python3
"""frame-source of examples/frames in Python, policy "latest": publishes frames, uint8 (height, width), as "frame".

On the host NumPy makes them. On a GPU PyTorch does, in a stream; without PyTorch NumPy, and they are copied.
"""

import argparse
import signal
import sys
import time

from stages import make_stage

import fastio


class Source:
    def __init__(self, options):
        self.options = options
        self.stage = None
        self.source = str(time.monotonic_ns())
        self.made = 0
        self.is_stopped = self.has_ended = False

    def stop(self, *_):
        self.is_stopped = True

    def run(self, context):
        self.stage = self.stage or make_stage(context.device)
        stream = self.stage.stream
        due = time.monotonic()
        while not self.has_ended:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + (1 / self.options.fps if self.options.fps else 0), time.monotonic())
            is_last = self.is_stopped or self.made + 1 == self.options.frames
            tag = {"source": self.source, "sequence": str(self.made), "time-ns": str(time.monotonic_ns())}
            # New memory for each frame: what is published is not written again.
            size = (self.options.height, self.options.width)
            frame = context.create_array("uint8", size, stream=stream, timeout=10.0)  # waits while there is no room
            self.stage.make(self.made, frame)
            frame.publish("frame", stream=stream, replace=True, attributes={**tag, "last": "true"} if is_last else tag)
            frame.release(stream=stream)
            self.made += 1
            self.has_ended = is_last
        self.stage.mark()()  # a process that ends before its stream does has lost what it published last


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fps", type=float, default=60.0, help="frames in a second; 0: as fast as possible")
    parser.add_argument("--frames", type=int, default=0, help="how many; 0: until SIGINT or SIGTERM")
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--width", type=int, default=1920)
    source = Source(parser.parse_args())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, source.stop)  # it makes one more, the last
    while True:
        try:
            with fastio.FastIOContext(connect_timeout=10.0) as context:
                source.run(context)
            break
        except fastio.ServiceLostError:
            print("the service is gone; joining the one that takes its place", flush=True)
        except fastio.Error as error:
            sys.exit(f"frame_source.py: {error}")
    print(f"{source.made} frames")


if __name__ == "__main__":
    main()
