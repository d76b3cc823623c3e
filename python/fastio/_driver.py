"""The life cycle of an operator."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback
import uuid
from collections.abc import Callable
from typing import Any, Optional

from ._core import FastIOContext
from ._entries import declarations_from_environment
from ._errors import ServiceUnreachableError
from ._payload import Payload

PrepareHandler = Callable[["Driver"], bool]
ExecuteHandler = Callable[["Driver", Payload], bool]
CleanupHandler = Callable[["Driver"], bool]
NotificationHandler = Callable[["Driver", str, str], Any]


class DriverError(RuntimeError):
    """An operator's handler returned False or raised, or its inputs could not be had."""


class Driver:
    """Runs an operator through its life cycle: prepare, execute once the inputs are there, cleanup.

    ::

        driver = fastio.Driver(execute_handler=execute)
        driver.start()
        driver.wait_for_completion()

    All handlers are optional and called once, in this order, in one thread that is not the caller's:
    ``prepare_handler(driver)``, ``execute_handler(driver, payload)``, ``cleanup_handler(driver)``. Each returns True;
    one that returns False or raises ends the operator as failed, and cleanup is called all the same.
    ``notification_handler(driver, kind, message)`` is told of each step (kind "state") and failure (kind "error").
    ``app_data`` is the application's own, for its handlers.

    Under ``fastio run`` the operator's job, name, inputs and outputs come from the pipeline file. Outside of it a
    driver makes a job of its own, without inputs and outputs, in the service that answers, else in one that it hosts
    itself: so an operator can be tried alone.
    """

    def __init__(
        self,
        prepare_handler: Optional[PrepareHandler] = None,
        execute_handler: Optional[ExecuteHandler] = None,
        cleanup_handler: Optional[CleanupHandler] = None,
        notification_handler: Optional[NotificationHandler] = None,
        app_data: Any = None,
    ) -> None:
        for name, handler in (
            ("prepare_handler", prepare_handler),
            ("execute_handler", execute_handler),
            ("cleanup_handler", cleanup_handler),
            ("notification_handler", notification_handler),
        ):
            if handler is not None and not callable(handler):
                raise TypeError(f"Driver was given {name} of type {type(handler).__name__}: give a function")
        self._prepare = prepare_handler
        self._execute = execute_handler
        self._cleanup = cleanup_handler
        self._notification = notification_handler
        self._app_data = app_data
        self._stage_name = os.environ.get("FASTIO_STAGE") or os.path.basename(sys.argv[0]) or "operator"
        self._is_alone = not os.environ.get("FASTIO_JOB")
        self._job_name = os.environ.get("FASTIO_JOB") or f"{self._stage_name}-{uuid.uuid4()}"
        self._context: FastIOContext | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()  # not Thread.join, which takes a thread for ended once a signal interrupted it
        self._failure: DriverError | None = None
        self._told = False
        self._at_exit: Callable[[], None] | None = None

    @property
    def application_data(self) -> Any:
        """What was given as ``app_data``."""
        return self._app_data

    @property
    def job_id(self) -> uuid.UUID:
        """The identity of the job, the same for all of its operators."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"fastio:{self._job_name}")

    @property
    def job_name(self) -> str:
        """The name of the job: $FASTIO_JOB."""
        return self._job_name

    @property
    def stage_name(self) -> str:
        """The name of this operator in the pipeline file: $FASTIO_STAGE; outside of ``fastio run``, the program's."""
        return self._stage_name

    def start(self) -> None:
        """Begins the life cycle and returns. Raises RuntimeError when called twice, and where no thread can be had.

        A program that ends without wait_for_completion(), also by sys.exit(), waits for the life cycle first, and if
        that failed prints why and ends with status 1, without what other atexit functions would have done after this.
        One that ends by another exception, such as Ctrl-C, does not wait: the operator's context is closed. Ctrl-C
        while it waits does the same, and it ends with status 130.
        """
        if self._thread is not None:
            raise RuntimeError("Driver.start was called twice: a driver runs its life cycle once")
        # Not a reason to stay alive: whoever interrupts wait_for_completion wants the program to end.
        thread = threading.Thread(target=self._run, name="fastio-driver", daemon=True)
        self._at_exit = _wait_at_exit(self)
        self._thread = thread
        try:
            thread.start()
        except BaseException:
            self._thread = None if thread.ident is None else thread
            raise

    def wait_for_completion(self) -> None:
        """Returns when the life cycle has ended.

        Raises DriverError if it failed; what a handler raised is its cause. Ctrl-C, or another signal whose handler
        raises, closes the operator's context, which ends its waits, and is raised here. Raises RuntimeError before
        start().
        """
        if self._thread is None:
            raise RuntimeError("Driver.wait_for_completion was called before start")
        try:
            self._ended.wait()
        except BaseException:  # of a signal's handler
            self._give_up()
            raise
        if self._at_exit is not None:
            atexit.unregister(self._at_exit)
        if self._failure is not None:
            self._told = True
            raise self._failure

    def _give_up(self) -> None:
        """Ends what waits; a handler that computes is not waited for long."""
        self._told = True
        if self._context is not None:
            self._context.close()
        if self._thread is not None and self._thread.ident is not None:
            self._ended.wait(timeout=5.0)

    def _run(self) -> None:
        try:
            self._step("prepare", lambda: self._call("prepare", self._prepare))
            if self._failure is None:
                self._step("execute", self._run_execute)
            self._step("cleanup", lambda: self._call("cleanup", self._cleanup))
            self._notify("state", "failed" if self._failure is not None else "completed")
        except BaseException as cause:  # a life cycle that does not come to its end is not a success
            self._failure = self._failure or DriverError(f"operator '{self._stage_name}': it ended early: {cause!r}")
            raise
        finally:
            if self._failure is None and self._at_exit is not None:
                atexit.unregister(self._at_exit)  # which keeps this object
            self._ended.set()

    def _run_execute(self) -> None:
        self._context = self._join()
        payload = None
        try:
            self._notify("state", "waiting for inputs")
            payload = Payload(
                self._context,
                declarations_from_environment("FASTIO_INPUTS"),
                declarations_from_environment("FASTIO_OUTPUTS"),
            )
            if self._execute is None and any(entry.is_allocated for entry in payload.output_fastio_entries):
                raise DriverError(
                    f"operator '{self._stage_name}': it declares outputs and has no execute handler that fills them"
                )
            self._notify("state", "executing")
            self._call("execute", self._execute, payload)
            payload._publish_outputs()
        finally:
            if payload is not None:
                payload._close()
            else:
                self._context._end_with_handler()

    def _join(self) -> FastIOContext:
        if not self._is_alone:
            return FastIOContext(job=self._job_name, connect_timeout=10.0)
        try:
            return FastIOContext(job=self._job_name, connect_timeout=0.0)
        except ServiceUnreachableError:
            return FastIOContext(job=self._job_name, embedded=True)

    def _call(self, step: str, handler: Callable[..., bool] | None, *arguments: Any) -> None:
        if handler is None:
            return
        result = handler(self, *arguments)
        if not result:
            raise DriverError(
                f"operator '{self._stage_name}': the {step} handler returned {result!r}: it returns True when it has "
                "done its work"
            )

    def _step(self, step: str, run: Callable[[], None]) -> None:
        self._notify("state", step)
        try:
            run()
        except DriverError as refused:
            self._fail(refused)
        except BaseException as cause:
            failure = DriverError(f"operator '{self._stage_name}': {step} failed: {type(cause).__name__}: {cause}")
            failure.__cause__ = cause
            self._fail(failure)

    def _fail(self, failure: DriverError) -> None:
        if self._failure is None:
            self._failure = failure
        self._notify("error", str(failure))

    def _notify(self, kind: str, message: str) -> None:
        if self._notification is None:
            return
        try:
            self._notification(self, kind, message)
        except BaseException:
            # A handler for news must not change how the operator ends, nor that its other handlers are called.
            traceback.print_exc()


def _wait_at_exit(driver: Driver) -> Callable[[], None]:
    """A program that starts a driver and ends is not to end in the middle, nor to hide a failure.

    Keeps the driver: a failure that nobody has heard of is told also where nobody keeps it any more. Returns what it
    registered.
    """

    def finish() -> None:
        if driver._thread is None or driver._thread.ident is None or driver._told:
            return
        if getattr(sys, "last_value", None) is not None:  # what ended the program; its handler may wait for ever
            driver._give_up()
            return
        try:
            driver._ended.wait()
        except BaseException:  # Ctrl-C
            traceback.print_exc()
            driver._give_up()
            _end_with(130)
        if driver._failure is not None:
            traceback.print_exception(type(driver._failure), driver._failure, driver._failure.__traceback__)
            _end_with(1)

    return atexit.register(finish)


def _end_with(status: int) -> None:
    """The one way to a failed status while the interpreter ends."""
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(status)
