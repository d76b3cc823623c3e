#!/usr/bin/env python3
"""Fast I/O beside other ways to hand arrays to another process of this machine, on the host.

Run by `./run bench --peers`, which installs what PyPI has of them. The cases:

  hand over  from before the memory for a frame is asked for to the array in the other process, where only the first and
             the last byte are written and read: half of a round trip in which both send a frame
  frame      the same, and each byte is written by one and read by the other
  look up    what is kept under a name is found, made an array, and let go
  left       memory of the machine that is still taken after the process that was filling a frame was killed; its
             service, where there is one, still runs

Each figure is of two processes of their own, with a service of their own; the peers take turns, and what is shown is
the median of the repetitions' medians, of `left` the largest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Optional

from peers import PEERS, Ends, Peer, fill, is_filled

MIB = 1 << 20
CASES = [
    ("hand over", 64 << 10, "us"),
    ("hand over", 64 * MIB, "us"),
    ("frame", 64 * MIB, "ms"),
    ("look up", 64 * MIB, "us"),
    ("left", 64 * MIB, "MiB"),
]
SCALES = {"us": 1e6, "ms": 1e3, "MiB": 1.0}
END = b"e"


def round_trips(peer: Peer, seconds: float, most: int) -> list[float]:
    """Half of each round trip's seconds: of ``most``, or as many as fit into ``seconds``, after three that warm up."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    whole = peer.ends.whole
    while len(taken) < 5 or (len(taken) < most + 3 and time.perf_counter() < until):
        number = len(taken) + 1
        start = time.perf_counter()
        fill(peer.borrow(), number, whole)
        peer.send()
        filled = is_filled(peer.receive(), number, whole)
        taken.append((time.perf_counter() - start) / 2)
        assert filled, "a frame with other contents"
    return taken[3:]


def answer(peer: Peer, control: socket.socket) -> None:
    """The other side of round_trips(), until it is killed."""
    number = 0
    control.send(b"r")
    with contextlib.suppress(EOFError, ConnectionError):  # the first side has ended
        while True:
            number += 1
            assert is_filled(peer.receive(), number, peer.ends.whole), "a frame with other contents"
            fill(peer.borrow(), number, peer.ends.whole)
            peer.send()


def look_ups(peer: Peer, key: Any, seconds: float) -> list[float]:
    """Seconds of each batch's calls; a batch takes some milliseconds."""
    start = time.perf_counter()
    assert peer.lookup(key) == 1, "other contents"
    batch = max(1, min(1000, int(0.005 / (time.perf_counter() - start))))
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < 5 or time.perf_counter() < until:
        start = time.perf_counter()
        for _ in range(batch):
            peer.lookup(key)
        taken.append((time.perf_counter() - start) / batch)
    return taken[1:]


def shared_memory_taken() -> float:
    """MiB that shared memory takes on this machine."""
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/meminfo does not tell of shared memory")


def be_an_end(arguments: argparse.Namespace) -> None:
    """What a child process does: prints its figures, if it is the one that measures."""
    peer_class = next(peer for peer in PEERS if peer.name == arguments.peer)
    frames, control = (socket.socket(fileno=descriptor) for descriptor in arguments.sockets)
    ping = arguments.end == "ping"
    me, other = ("ping", "pong") if ping else ("pong", "ping")
    ends = Ends(me, other, frames, pathlib.Path(arguments.folder), arguments.size, arguments.case == "frame")
    peer = peer_class(ends)
    if arguments.case == "left":
        fill(peer.borrow(), 1, True)
        print("borrowed", flush=True)
        signal.pause()
    if arguments.case == "look up":
        if peer_class.answers:
            taken = look_ups(peer, peer.keep(), arguments.seconds)
        elif ping:
            taken = look_ups(peer, json.loads(control.recv(4096)), arguments.seconds)
        else:
            control.send(json.dumps(peer.keep()).encode())
            signal.pause()
    elif ping:
        if not peer_class.answers:
            control.recv(1)
        taken = round_trips(peer, arguments.seconds, 5000)
    else:
        answer(peer, control)
        os._exit(0)
    print(statistics.median(taken), flush=True)
    os._exit(0)  # not what some of them do at their end


class Pair:
    """The two processes of one measurement. Leaving the block kills them."""

    def __init__(self, peer: type[Peer], case: str, size: int, folder: pathlib.Path, seconds: float) -> None:
        self.peer, self.folder = peer, folder
        self.options = ["--case", case, "--size", str(size), "--folder", str(folder), "--seconds", str(seconds)]
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, end: str, sockets: tuple[socket.socket, socket.socket]) -> subprocess.Popen[str]:
        descriptors = [socket.fileno() for socket in sockets]
        # Warnings: shared_memory's of segments that a process has made and the other one unlinked.
        command = [sys.executable, "-W", "ignore::UserWarning"]
        command += [__file__, "--end", end, "--peer", self.peer.name, *self.options]
        process = subprocess.Popen(
            [*command, "--sockets", *map(str, descriptors)],
            pass_fds=descriptors,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def measure(peer: type[Peer], case: str, size: int, folder: pathlib.Path, seconds: float) -> float:
    frames, control = (socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
    with peer.service(folder), Pair(peer, case, size, folder, seconds) as pair:
        if case == "left":
            return left(pair, (frames[0], control[0]))
        ping = pair.start("ping", (frames[0], control[0]))
        if not peer.answers:
            pair.start("pong", (frames[1], control[1]))
        output, _ = ping.communicate(timeout=120 + 10 * seconds)
        if ping.returncode != 0:
            raise RuntimeError(f"{peer.name}: {case}: failed")
        return float(output.splitlines()[-1])


def left(pair: Pair, sockets: tuple[socket.socket, socket.socket]) -> float:
    """MiB that a killed process leaves. What others take meanwhile counts too: let nothing else run."""
    before = shared_memory_taken()
    process = pair.start("ping", sockets)
    assert process.stdout is not None
    while (line := process.stdout.readline()) and line != "borrowed\n":
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 5
    while (taken := shared_memory_taken() - before) > 1 and time.monotonic() < until:
        time.sleep(0.1)
    return max(0.0, taken)


def run_all(wanted: list[type[Peer]], repetitions: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    figures: dict[str, dict[str, list[float]]] = {peer.name: {} for peer in wanted}
    for _ in range(repetitions):
        for case, size, unit in CASES:
            for peer in list(wanted):
                if case == "look up" and not peer.lasting:
                    continue
                folder = pathlib.Path(tempfile.mkdtemp(prefix="peers-", dir="/dev/shm"))
                try:
                    value = measure(peer, case, size, folder, seconds) * SCALES[unit]
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    print(f"peers_bench: {error}", file=sys.stderr)
                    continue
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
                figures[peer.name].setdefault(title(case, size, unit), []).append(value)
    return figures


def title(case: str, size: int, unit: str) -> str:
    return f"{case}, {size // MIB} MiB, {unit}" if size >= MIB else f"{case}, {size >> 10} KiB, {unit}"


def shown(column: str, values: Optional[list[float]]) -> str:
    if not values:
        return "-"
    value = max(values) if column.startswith("left") else statistics.median(values)
    return f"{value:.0f}" if value >= 100 or column.startswith("left") else f"{value:.3g}"


def show(figures: dict[str, dict[str, list[float]]]) -> None:
    columns = [title(*case) for case in CASES]
    print("| | " + " | ".join(columns) + " |")
    print("| --- |" + " --- |" * len(columns))
    for name, values in figures.items():
        print(f"| {name} | " + " | ".join(shown(column, values.get(column)) for column in columns) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, help="keep each repetition's median here")
    parser.add_argument("--peer", help="only this one, by its name in the table")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--end", choices=["ping", "pong"], help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--sockets", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.end:
        be_an_end(arguments)
        return
    wanted = [peer for peer in PEERS if arguments.peer in (None, peer.name)]
    if not wanted:
        parser.error("no such peer; there are " + ", ".join(peer.name for peer in PEERS))
    figures = run_all(wanted, arguments.repetitions, arguments.seconds)
    show(figures)
    for peer in wanted:
        print(f"{peer.name}: {peer.note}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
