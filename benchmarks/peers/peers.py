"""The ways to hand an array to another process that `peers_bench.py` compares: one class for each.

A peer that is not installed raises ImportError when it is made. Each is used as its documentation shows, with what it
offers against copies; where it has no messages of its own, names go through the socket that both ends have.
"""

from __future__ import annotations

import contextlib
import multiprocessing.connection
import os
import pathlib
import socket
import subprocess
import time
from dataclasses import dataclass
from multiprocessing import shared_memory
from typing import Any, Optional

import numpy as np


@dataclass
class Ends:
    """What both processes of a pair are given. ``socket`` is SEQPACKET; ``size`` is the bytes of a frame."""

    me: str
    other: str
    socket: socket.socket
    folder: pathlib.Path
    size: int
    whole: bool


def fill(frame: np.ndarray, number: int, whole: bool) -> None:
    """Round ``number``'s contents: all bytes, or only the first and the last."""
    if whole:
        frame.fill(number % 256)
    else:
        frame[0] = frame[-1] = number % 256


def is_filled(frame: np.ndarray, number: int, whole: bool) -> bool:
    """Whether a frame is that of round ``number``; reads all of it, or only the first and the last byte."""
    expected = number % 256
    if whole and int(frame.view(np.uint64).max()) != expected * 0x0101010101010101:
        return False
    return bool(frame[0] == expected and frame[-1] == expected)


class Peer:
    """One end. A frame is an array of uint8; what borrow() and receive() return is valid until their next call."""

    name = ""
    note = ""
    answers = False  # whether the first end makes the other one itself
    lasting = True  # whether keep() and lookup() are there

    def __init__(self, ends: Ends) -> None:
        self.ends = ends

    @classmethod
    @contextlib.contextmanager
    def service(cls, folder: pathlib.Path) -> Any:
        """What has to run beside the two."""
        yield

    def borrow(self) -> np.ndarray:
        """Where the next frame is to be written; memory of its own for those that copy."""
        raise NotImplementedError

    def send(self) -> None:
        """Hands over what was borrowed."""
        raise NotImplementedError

    def receive(self) -> np.ndarray:
        """Waits for the other's next frame."""
        raise NotImplementedError

    def keep(self) -> Any:
        """Makes what lookup() finds, in the other process, by what is returned; it stays while this object does."""
        raise NotImplementedError

    def lookup(self, key: Any) -> int:
        """Finds it, makes an array of it, returns its last byte, and lets it go."""
        raise NotImplementedError


class ByHand(Peer):
    name = "by hand"
    lasting = False
    note = "two files of tmpfs mapped once, a byte through a socket; no names, no lifetimes, nobody may die"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self.mine, self.others = (self._map(end) for end in (ends.me, ends.other))

    def _map(self, end: str) -> np.ndarray:
        path = self.ends.folder / f"by-hand-{end}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(descriptor, self.ends.size)
        os.close(descriptor)
        return np.memmap(path, np.uint8, "r+")

    def borrow(self) -> np.ndarray:
        return self.mine

    def send(self) -> None:
        self.ends.socket.send(b"1")

    def receive(self) -> np.ndarray:
        self.ends.socket.recv(1)
        return self.others


class FastIO(Peer):
    name = "Fast I/O"
    note = "create_array, publish with replace, get of a newer version"

    def __init__(self, ends: Ends) -> None:
        import fastio

        super().__init__(ends)
        self.context = fastio.FastIOContext("peers", socket=str(ends.folder / "fastio.sock"), device="host")
        self.borrowed: Any = None
        self.received: Any = None
        self.version = 0

    @classmethod
    @contextlib.contextmanager
    def service(cls, folder: pathlib.Path) -> Any:
        program = pathlib.Path(os.environ.get("FASTIO_BIN", "")) / "fastiod"
        with running([str(program), "--socket", str(folder / "fastio.sock")], folder / "fastio.sock"):
            yield

    def borrow(self) -> np.ndarray:
        self.borrowed = self.context.create_array(np.uint8, self.ends.size)
        return np.asarray(self.borrowed)

    def send(self) -> None:
        self.borrowed.publish(self.ends.me, replace=True)
        self.borrowed.release()

    def receive(self) -> np.ndarray:
        received = self.context.get(self.ends.other, timeout=None, newer_than=self.version)
        if self.received is not None:
            self.received.release()
        self.received, self.version = received, received.version
        return np.asarray(received)

    def keep(self) -> str:
        self.context.publish_array(np.ones(self.ends.size, np.uint8), "kept")
        return "kept"

    def lookup(self, key: str) -> int:
        with self.context.get(key) as found:
            return int(np.asarray(found)[-1])


class SharedMemory(Peer):
    name = "multiprocessing.shared_memory"
    note = "a SharedMemory for each frame, its name through a socket; the receiver unlinks"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self.borrowed: Any = None
        self.received: Any = None
        self.kept: Any = None

    def borrow(self) -> np.ndarray:
        self.borrowed = shared_memory.SharedMemory(create=True, size=self.ends.size)
        return np.ndarray(self.ends.size, np.uint8, self.borrowed.buf)

    def send(self) -> None:
        self.ends.socket.send(self.borrowed.name.encode())
        self.borrowed.close()

    def receive(self) -> np.ndarray:
        name = self.ends.socket.recv(256).decode()
        if self.received is not None:
            self.received.close()
            self.received.unlink()
        self.received = shared_memory.SharedMemory(name)
        return np.ndarray(self.ends.size, np.uint8, self.received.buf)

    def keep(self) -> str:
        self.kept = shared_memory.SharedMemory(create=True, size=self.ends.size)
        np.ndarray(self.ends.size, np.uint8, self.kept.buf).fill(1)
        return str(self.kept.name)

    def lookup(self, key: str) -> int:
        found = shared_memory.SharedMemory(key)
        last = int(np.ndarray(self.ends.size, np.uint8, found.buf)[-1])
        found.close()
        return last


class Iceoryx2(Peer):
    name = "iceoryx2"
    lasting = False
    note = "publish-subscribe of slices that are loaned, an event to wake"

    def __init__(self, ends: Ends) -> None:
        import ctypes

        import iceoryx2

        super().__init__(ends)
        iceoryx2.set_log_level(iceoryx2.LogLevel.Error)
        self.iceoryx2 = iceoryx2
        self.node = iceoryx2.NodeBuilder.new().create(iceoryx2.ServiceType.Ipc)
        run = ends.folder.name
        mine, others = (self._services(f"{run}/{end}", ctypes.c_uint8) for end in (ends.me, ends.other))
        self.publisher = mine[0].publisher_builder().initial_max_slice_len(ends.size).create()
        self.notifier = mine[1].notifier_builder().create()
        self.subscriber = others[0].subscriber_builder().create()
        self.listener = others[1].listener_builder().create()
        self.services = (mine, others)
        self.borrowed: Any = None
        self.received: Any = None

    def _services(self, name: str, element: Any) -> tuple[Any, Any]:
        service = self.iceoryx2.ServiceName.new(name)
        frames = self.node.service_builder(service).publish_subscribe(self.iceoryx2.Slice[element]).open_or_create()
        events = self.node.service_builder(service).event().open_or_create()
        return frames, events

    def _array(self, sample: Any) -> np.ndarray:
        import ctypes

        pointer = ctypes.cast(sample.payload_ptr, ctypes.POINTER(ctypes.c_uint8))
        return np.ctypeslib.as_array(pointer, (self.ends.size,))

    def borrow(self) -> np.ndarray:
        self.borrowed = self.publisher.loan_slice_uninit(self.ends.size)
        return self._array(self.borrowed)

    def send(self) -> None:
        self.borrowed.assume_init().send()
        self.notifier.notify()

    def receive(self) -> np.ndarray:
        while (sample := self.subscriber.receive()) is None:
            self.listener.blocking_wait()
        if self.received is not None:
            self.received.delete()
        self.received = sample
        return self._array(sample)


class Vineyard(Peer):
    name = "vineyard"
    note = "a blob for each frame, its id through a socket; the receiver deletes"

    def __init__(self, ends: Ends) -> None:
        import vineyard

        super().__init__(ends)
        self.client = vineyard.connect(str(ends.folder / "vineyard.sock"))
        self.borrowed: Any = None
        self.received: Optional[int] = None

    @classmethod
    @contextlib.contextmanager
    def service(cls, folder: pathlib.Path) -> Any:
        import vineyard

        program = pathlib.Path(vineyard.__file__).parent / "bdist" / "vineyardd"
        path = folder / "vineyard.sock"
        options = ["--size=2Gi", "--meta=local", "--rpc=false"]
        with running([str(program), f"--socket={path}", *options], path):
            yield

    def borrow(self) -> np.ndarray:
        self.borrowed = self.client.create_blob(self.ends.size)
        return np.frombuffer(memoryview(self.borrowed), np.uint8)

    def send(self) -> None:
        blob = self.borrowed.seal(self.client)
        self.ends.socket.send(int(blob.id).to_bytes(8, "little"))

    def receive(self) -> np.ndarray:
        import vineyard

        name = int.from_bytes(self.ends.socket.recv(8), "little")
        if self.received is not None:
            self.client.delete(vineyard.ObjectID(self.received))
        self.received = name
        return self._array(name)

    def _array(self, name: int) -> np.ndarray:
        import vineyard

        return np.frombuffer(memoryview(self.client.get_blob(vineyard.ObjectID(name))), np.uint8)

    def keep(self) -> int:
        self.borrow().fill(1)
        return int(self.borrowed.seal(self.client).id)

    def lookup(self, key: int) -> int:
        return int(self._array(key)[-1])


class Files(Peer):
    name = "files in tmpfs"
    note = "numpy.save, and numpy.load with a mapping; the name through a socket"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self.borrowed = np.zeros(ends.size, np.uint8)
        self.count = 0

    def _save(self, name: str) -> str:
        np.save(self.ends.folder / name, self.borrowed)
        return str(self.ends.folder / name)

    def borrow(self) -> np.ndarray:
        return self.borrowed

    def send(self) -> None:
        self.count += 1
        self.ends.socket.send(self._save(f"{self.ends.me}-{self.count}.npy").encode())

    def receive(self) -> np.ndarray:
        path = self.ends.socket.recv(1024).decode()
        frame: np.ndarray = np.load(path, mmap_mode="r")
        os.unlink(path)
        return frame

    def keep(self) -> str:
        self.borrowed.fill(1)
        return self._save("kept.npy")

    def lookup(self, key: str) -> int:
        return int(np.load(key, mmap_mode="r")[-1])


class Pickle(Peer):
    name = "multiprocessing.Pipe"
    lasting = False
    note = "the array is pickled"

    def __init__(self, ends: Ends) -> None:
        super().__init__(ends)
        self.borrowed = np.zeros(ends.size, np.uint8)
        self.connection: Any = None

    def _connect(self) -> None:
        path = str(self.ends.folder / "pipe.sock")
        if self.ends.me < self.ends.other:
            with multiprocessing.connection.Listener(path, "AF_UNIX") as listener:
                self.ends.socket.send(b"1")
                self.connection = listener.accept()
        else:
            self.ends.socket.recv(1)
            self.connection = multiprocessing.connection.Client(path, "AF_UNIX")

    def borrow(self) -> np.ndarray:
        return self.borrowed

    def send(self) -> None:
        if self.connection is None:
            self._connect()
        self.connection.send(self.borrowed)

    def receive(self) -> np.ndarray:
        if self.connection is None:
            self._connect()
        frame: np.ndarray = self.connection.recv()
        return frame


class ZeroMq(Peer):
    name = "ZeroMQ"
    lasting = False
    note = "a PAIR over ipc://, copy=False at both ends"

    def __init__(self, ends: Ends) -> None:
        import zmq

        super().__init__(ends)
        self.borrowed = np.zeros(ends.size, np.uint8)
        self.socket = zmq.Context.instance().socket(zmq.PAIR)
        address = f"ipc://{ends.folder}/zmq.sock"
        if ends.me < ends.other:
            self.socket.bind(address)
        else:
            self.socket.connect(address)

    def borrow(self) -> np.ndarray:
        return self.borrowed

    def send(self) -> None:
        self.socket.send(self.borrowed, copy=False)

    def receive(self) -> np.ndarray:
        return np.frombuffer(self.socket.recv(copy=False).buffer, np.uint8)


class Ray(Peer):
    name = "Ray"
    note = "an actor is called with the array, and returns one; looked up by the process that put it"
    answers = True

    def __init__(self, ends: Ends) -> None:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        import ray

        super().__init__(ends)
        self.ray = ray
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=1 << 30,
            log_to_driver=False,
            logging_level="error",
            runtime_env={"env_vars": {"PYTHONPATH": str(pathlib.Path(__file__).parent)}},
        )
        self.actor = ray.remote(RayActor).remote(ends.size, ends.whole)
        self.borrowed = np.zeros(ends.size, np.uint8)
        self.answer: Any = None

    def borrow(self) -> np.ndarray:
        return self.borrowed

    def send(self) -> None:
        self.answer = self.actor.answer.remote(self.borrowed)

    def receive(self) -> np.ndarray:
        frame: np.ndarray = self.ray.get(self.answer)
        return frame

    def keep(self) -> Any:
        return self.ray.put(np.ones(self.ends.size, np.uint8))

    def lookup(self, key: Any) -> int:
        return int(self.ray.get(key)[-1])


class RayActor:
    """The other end of Ray: answers each frame with the next one of its own, which has the same contents."""

    def __init__(self, size: int, whole: bool) -> None:
        self.frame = np.zeros(size, np.uint8)
        self.whole = whole

    def answer(self, frame: np.ndarray) -> np.ndarray:
        number = int(frame[0])
        assert is_filled(frame, number, self.whole)
        fill(self.frame, number, self.whole)
        return self.frame


PEERS: list[type[Peer]] = [ByHand, FastIO, Iceoryx2, Vineyard, SharedMemory, ZeroMq, Pickle, Files, Ray]


@contextlib.contextmanager
def running(command: list[str], path: pathlib.Path) -> Any:
    """A service that listens at ``path``, until the block is left."""
    with open(path.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while not path.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} did not start: {path.with_suffix('.log').read_text()[-500:]}")
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait()
