"""Signals that ask a run to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from equiglot.errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Notes that a signal asked to stop, so that trainings can save first; a second one is obeyed at once.

    A signal that was ignored stays ignored: `nohup` says so of the one that a closed terminal sends.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def check(self) -> None:
        """Raises `Interrupted` if a signal has asked to stop."""
        if self.received is not None:
            raise Interrupted(self.received)

    def __enter__(self) -> "StopSignals":
        try:
            heeded = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heeded}
        except ValueError:  # not in the main thread: signals go elsewhere
            self._before = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            raise Interrupted(number)
        self.received = number


def ignore_stop_signals() -> None:
    """For worker processes: Ctrl-C, a closed terminal and `kill -- -GROUP` reach them too, but the parent decides."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


@contextmanager
def stop_signals_held() -> Iterator[None]:
    """Holds them back; a process that is started meanwhile gets none until it says what to do with them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
