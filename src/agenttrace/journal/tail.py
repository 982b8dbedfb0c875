"""The tail: where records are appended, in the traced thread. A copy into memory that is mapped already, nothing else.

What is no plain copy (a segment is full, there is no journal yet, the bounds are near) goes to `overflow`.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from zlib import crc32

from agenttrace.journal.frames import FRAME_SIZE, HEADER_SIZE, MAGIC, SKIP
from agenttrace.journal.signals import raised_by_signal_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from agenttrace.journal.segment import Buffer, Segment

__all__ = ["Tail", "frame_length"]

_pack = struct.Struct("<IIII").pack_into
_NOTHING = bytearray()
_MAGIC = MAGIC.to_bytes(4, "little")


def frame_length(size: int) -> int:
    """Return how many bytes of a segment a payload of this size takes."""
    return (FRAME_SIZE + size + 7) & -8


class Tail:
    """The end of a journal. `append` may be called from any thread, signal handler or finalizer.

    An append that runs inside another one of the same thread is queued, and the outer one writes it before it returns.
    """

    __slots__ = (
        "__weakref__",
        "_busy",
        "_inner",
        "_on_error",
        "_overflow",
        "buffer",
        "capacity",
        "end",
        "limit",
        "lock",
        "recorded",
        "salt",
    )

    def __init__(self, overflow: Callable[[int, bytes], None], on_error: Callable[[Exception], None]) -> None:
        self._overflow = overflow
        self._on_error = on_error
        self.reset()

    def reset(self) -> None:
        """Start anew, without a segment and with a fresh lock: what a forked child does."""
        self.lock = threading.RLock()
        self._busy = False
        self._inner: deque[tuple[int, bytes]] = deque()
        self.recorded = 0
        self.salt = 0
        self.detach()

    def attach(self, segment: Segment) -> None:
        """Append to this fresh segment from now on, through `overflow` until `open_up`."""
        self.limit = 0
        self.buffer: Buffer = segment.buffer if segment.buffer is not None else _NOTHING
        self.salt = segment.salt
        self.end = HEADER_SIZE
        self.capacity = segment.size

    def detach(self) -> None:
        """Append nowhere: the next record goes to `overflow`."""
        self.limit = 0  # up to here records are copied at once; at 0 they all go to overflow
        self.buffer = _NOTHING
        self.end = 0
        self.capacity = 0

    def append(self, kind: int, payload: bytes) -> None:
        """Append a record. Never raises an Exception of its own, never waits but for another thread's copy.

        The order of steps matters: payload, published end, header. Python runs signal handlers only after a call, so
        from the copy of the payload to the end of `_pack` nothing comes between.
        """
        with self.lock:
            if self._busy:
                self._inner.append((kind, payload))
                return
            self._busy = True
            offset = self.end
            try:
                body = offset + 16
                end = body + len(payload)
                after = (end + 7) & -8
                if after <= self.limit:
                    buffer = self.buffer
                    checksum = crc32(payload, self.salt ^ offset ^ kind)
                    buffer[body:end] = payload
                    self.end = after
                    self.recorded += 1
                    _pack(buffer, offset, end - body, checksum, kind, MAGIC)
                else:
                    self._overflow(kind, payload)
                if self._inner:
                    self._drain()
                return
            except BaseException as error:
                self._mend(offset)
                if not isinstance(error, Exception):
                    raise
                failure = self._recover(error, kind, payload)
            finally:
                self._busy = False
        # Not under the lock: whoever is told may hold locks of its own that another appending thread waits for.
        if failure is not None:
            self._on_error(failure)

    def put(self, kind: int, payload: bytes) -> None:
        """Append a record for which there is room. Only for those who hold the tail."""
        buffer, offset = self.buffer, self.end
        body = offset + FRAME_SIZE
        try:
            checksum = crc32(payload, self.salt ^ offset ^ kind)
            buffer[body : body + len(payload)] = payload
            self.end = offset + frame_length(len(payload))
            self.recorded += 1
            _pack(buffer, offset, len(payload), checksum, kind, MAGIC)
        except BaseException:
            self._mend(offset)
            raise

    def is_inside(self) -> bool:
        """Return whether the caller runs inside an append of its own thread, as a signal handler may."""
        with self.lock:
            return self._busy

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep every other append out (they wait), and queue those of this thread until the end of the block."""
        with self.lock:
            nested, self._busy = self._busy, True
            try:
                yield
                if not nested:
                    self._drain()
            finally:
                self._busy = nested

    def _drain(self) -> None:
        while self._inner:
            kind, payload = self._inner.popleft()
            if self.end + frame_length(len(payload)) <= self.limit:
                self.put(kind, payload)
            else:
                self._overflow(kind, payload)

    def _mend(self, offset: int) -> None:
        """Put an empty frame where one was published and not written, so that no reader stops there."""
        buffer, end = self.buffer, self.end
        with suppress(ValueError, IndexError, struct.error):
            if offset + FRAME_SIZE <= end <= self.capacity and buffer[offset + 12 : offset + 16] != _MAGIC:
                body = bytes(buffer[offset + FRAME_SIZE : end])
                _pack(buffer, offset, len(body), crc32(body, self.salt ^ offset ^ SKIP), SKIP, MAGIC)
                self.recorded -= 1

    def _recover(self, error: Exception, kind: int, payload: bytes) -> Exception | None:
        """Find another way for a record whose append failed, or return why there is none."""
        if raised_by_signal_handler(error):
            raise error
        if self.limit == 0:
            # A signal handler forked or shut down inside this append: its segment is closed, a new one may be had.
            try:
                self._overflow(kind, payload)
            except Exception as second:
                if raised_by_signal_handler(second):
                    raise
                return second
            return None
        return error
