"""The tail: where records are appended, in the traced thread. A copy into memory that is mapped already, nothing else.

What is no plain copy (a segment is full, there is no journal yet, the bounds are near) goes to `overflow`.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agenttrace.faults import raised_by_signal_handler
from agenttrace.journal.frames import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.journal.shapes import Segment

__all__ = ["NATIVE", "Fields", "Tail"]

_HAS_GIL: bool = getattr(sys, "_is_gil_enabled", lambda: True)()


class Fields:
    """What a plain append needs; `_tail.h` has the same fields, and a plain append of its own."""

    __slots__ = ("_appended", "ask", "ask_at", "salt", "write")

    _appended: int  # records, by the compiled ones
    ask: Callable[[], object] | None  # called by the compiled ones, once the segment is filled beyond `ask_at`
    ask_at: int
    salt: int
    write: Callable[[bytes], int]


def _best() -> type[Fields]:
    try:
        from agenttrace.journal import _native
    except ImportError:  # built without a compiler
        return Fields
    return _native.Appender if _HAS_GIL else Fields


_Best = Fields if TYPE_CHECKING else _best()
#: Whether plain appends are the compiled ones.
NATIVE: Final = _Best is not Fields


class _ClosedError(ValueError):
    """No segment is open to plain copies."""


def _closed(_frame: bytes) -> int:
    raise _ClosedError


class Tail(_Best):
    """The end of a journal. `append` may be called from any thread, signal handler or finalizer.

    A plain append needs no lock: a frame is written by one `mmap.write` (see `segment.py` why that is enough). The lock
    is for all else: changing segments, degrading, and looking at several things at once. An append that needs it inside
    another one of the same thread that has it is queued, and the outer one writes it before it returns.
    """

    __slots__ = (
        "__weakref__",
        "_busy",
        "_counter",
        "_failures",
        "_inner",
        "_on_error",
        "_overflow",
        "lock",
        "segment",
    )

    def __init__(self, overflow: Callable[[int, bytes], None], on_error: Callable[[Exception], None]) -> None:
        self._overflow = overflow
        self._on_error = on_error
        self.reset()

    def reset(self) -> None:
        """Start anew, without a segment and with a fresh lock: what a forked child does."""
        self.write = _closed
        self.lock = threading.RLock()
        self._busy = False
        self._inner: deque[tuple[int, bytes]] = deque()
        self._failures: deque[Exception] = deque()
        self._appended, self._counter = 0, itertools.count()
        self.ask, self.ask_at = None, sys.maxsize
        self.salt = 0
        self.segment: Segment | None = None

    @property
    def recorded(self) -> int:
        """How many records were appended. An append that was interrupted between copy and count is not counted."""
        return self._appended + int(repr(self._counter)[len("count(") : -1])

    # Which segment: only for those who hold the tail.

    def attach(self, segment: Segment) -> None:
        """Let `put` write to this fresh segment, and after `open_up` everyone. The one before must be sealed.

        The order keeps each frame with its segment's salt, although nobody takes the two together. Every append takes
        `write` first and `salt` second. So a new `write` never meets an old salt, which is gone before; and an old
        `write` that meets a new salt belongs to a segment that is sealed, and raises.
        """
        self.write = _closed
        self.salt = segment.salt
        self.ask_at = sys.maxsize  # whoever attaches a segment has what it needs provided
        self.segment = segment

    def detach(self) -> None:
        """Append nowhere: the next record goes to `overflow`."""
        self.write = _closed
        self.segment = None

    def open_up(self) -> None:
        """Let plain appends write to the segment."""
        buffer = None if self.segment is None else self.segment.buffer
        self.write = _closed if buffer is None else buffer.write

    def shut(self) -> None:
        """Send the next record to `overflow`. Threads in the middle of an append may still write theirs."""
        self.write = _closed

    # Appending.

    def _append_plainly(self, kind: int, payload: bytes) -> None:
        """Append a record. Never raises an Exception of its own, never waits but for another thread's new segment."""
        try:
            self.write(encode(kind, payload, self.salt))
            next(self._counter)
        except Exception as error:  # noqa: BLE001 - most often ValueError: no room, or a segment that is closed
            self._append_carefully(kind, payload, error)

    def _append_alone(self, kind: int, payload: bytes) -> None:
        """Append a record where no GIL keeps a copy whole: under the lock."""
        with self.lock:
            try:
                self.write(encode(kind, payload, self.salt))
                next(self._counter)
                return
            except Exception as problem:  # noqa: BLE001 - as above
                error = problem
        self._append_carefully(kind, payload, error)

    def _append_parts(self, kind: int, *pieces: bytes) -> None:
        """Append a record whose payload is in pieces."""
        self.append(kind, b"".join(pieces))

    if TYPE_CHECKING or not NATIVE:
        append = _append_plainly if _HAS_GIL else _append_alone
        append_parts = _append_parts

    def _append_carefully(self, kind: int, payload: bytes, error: Exception) -> None:
        """Append a record whose plain copy raised this error, or report why that cannot be."""
        if type(error) is not _ClosedError and raised_by_signal_handler(error):
            raise error
        if isinstance(error, ValueError):
            self._append_under_lock(kind, payload)
        else:
            self._failures.append(error)
        self._tell()

    def _append_under_lock(self, kind: int, payload: bytes) -> None:
        with self.lock:
            if self._busy:
                self._inner.append((kind, payload))
                return
            self._busy = True
            try:
                try:
                    self._handle(kind, payload)
                finally:
                    self._drain()
            finally:
                self._busy = False

    def _handle(self, kind: int, payload: bytes) -> None:
        """Give a record to `overflow`, and note it where that fails."""
        try:
            try:
                self._overflow(kind, payload)
            except Exception as error:
                if self.segment is not None or raised_by_signal_handler(error):
                    raise
                # Perhaps a signal handler forked inside this append: then a journal of our own can be had.
                self._overflow(kind, payload)
        except Exception as error:
            if raised_by_signal_handler(error):
                raise
            self._failures.append(error)

    def put(self, kind: int, payload: bytes) -> bool:
        """Append a record if there is room, and return whether there was. Only for those who hold the tail."""
        buffer = None if self.segment is None else self.segment.buffer
        if self.segment is None or buffer is None:
            return False
        frame = encode(kind, payload, self.segment.salt)
        try:
            buffer.write(frame)
        except ValueError as error:
            if raised_by_signal_handler(error):
                raise
            return False
        next(self._counter)
        return True

    def is_inside(self) -> bool:
        """Return whether the caller runs where its own thread holds the tail, as a signal handler may."""
        with self.lock:
            return self._busy

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep everyone out but plain appends, and queue what this thread appends otherwise until the block ends."""
        with self.lock:
            nested, self._busy = self._busy, True
            try:
                yield
                if not nested:
                    self._drain()
            finally:
                self._busy = nested
        if not nested:
            self._tell()

    def _drain(self) -> None:
        while self._inner:
            self._handle(*self._inner.popleft())

    def _tell(self) -> None:
        """Report failures. Not under the lock: whoever is told may hold others that an appending thread waits for."""
        while self._failures and not self.is_inside():
            try:
                failure = self._failures.popleft()
            except IndexError:  # Another thread reports it.
                return
            self._on_error(failure)
