"""The journal of this process: segments in order, the bounds, and how far the store has come.

Appending happens at the tail (`tail.py`); what is more than a plain copy holds its lock, and plain copies go on
meanwhile. Reading and committing belong to the writer's thread alone.
A position is one integer: segment number and offset, so positions compare as places in the journal do.
"""

from __future__ import annotations

import errno
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from agenttrace.journal.degrade import DROPPED, PREVIEW, SKELETON, WHOLE, GapBook, degrade
from agenttrace.journal.frames import HEADER_SIZE, Chunk, SegmentHeader, frame_length, read_batch
from agenttrace.journal.segment import Stranded
from agenttrace.loading import LOADING
from agenttrace.model.wire import RUN

if TYPE_CHECKING:
    from agenttrace.journal.ahead import PagesAhead
    from agenttrace.journal.settings import Counters, JournalSettings
    from agenttrace.journal.shapes import Home, Segment
    from agenttrace.journal.tail import Tail

__all__ = ["Journal", "position"]

OnError = Callable[[str, BaseException], None]

_PAGE = 4096
_SMALLEST_SHARE = 16  # a segment is at most this part of the bound, so that draining frees room in steps
_PREVIEW_FROM = 0.75  # of the bound
_SKELETON_FROM = 0.9
_COOL_DOWN = 0.1  # seconds without a further attempt after nothing could be reserved
_MAPPED = 2  # sealed segments that may stay mapped
_OPEN = 8  # sealed segments that may stay open
_GAP_SHARE = 64  # the file of gaps is at most this part of the bound
_GAP_BYTES = 128 << 10  # and no larger than this
_MOST_READY = 2  # segments made ahead once an appender had to make one itself
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EFBIG}


def position(number: int, offset: int) -> int:
    """Return a place in a journal as one integer."""
    return (number << 40) | offset


class Journal:
    """The segments of one process, appended to through `tail` and drained in order."""

    def __init__(
        self,
        home: Home,
        settings: JournalSettings,
        tail: Tail,
        counters: Counters,
        *,
        clock: Callable[[], int],
        on_error: OnError,
    ) -> None:
        self.home: Home = home
        self.tail = tail
        self.committed = 0
        self.stored_until = time.monotonic()  # kept by the writer: what was appended before that is committed
        self.provide: Callable[[], None] = _nothing  # asks for the next segment to be made ready
        self.open_runs: set[tuple[bytes, bytes]] = set()  # kept by the writer: what the store has as running
        self._settings = settings
        self._counters = counters
        self._clock = clock
        self._on_error = on_error
        self._max_bytes = settings.max_bytes if home.path is not None else settings.memory_max_bytes
        share = self._max_bytes // _SMALLEST_SHARE & -_PAGE
        self._segment_bytes = max(_PAGE, min(settings.segment_bytes, share))
        self._segments: deque[Segment] = deque()
        self._ready: deque[Segment] = deque()
        self._wanted = 1  # segments that are to be ready
        self._forgotten = False
        self._numbers = itertools.count(1)
        self._taken = 0  # the greatest number in use
        self._used: int = 0  # bytes of all segments that exist
        self._squeeze = WHOLE  # the level to which the disk forces us
        self._blocked_until = 0.0
        self._reason = "journal full"
        self._offset = HEADER_SIZE
        self._synced = 0
        self._gaps = GapBook(settings.max_open_gaps)
        self._kept: int | None = None  # the gaps' changes that were kept last; None: there is no room for them yet
        self._ahead: PagesAhead | None = None
        self.may_move = True  # back to a folder, where it had to go on in memory

    # Appending: the caller holds the tail.

    def overflow(self, kind: int, payload: bytes) -> None:
        """Append a record that is more than a plain copy: to a new segment, cut down, or as a part of a gap."""
        for level in range(self._level(), DROPPED):
            smaller = degrade(kind, payload, level)
            if self._put(kind, smaller, level):
                self._counters.degraded += smaller is not payload
                break
        else:
            self._counters.dropped += 1
            self._gaps.add(kind, payload, reason=self._reason, now=self._clock())
        self._open_up()

    def _level(self) -> int:
        last = self.tail.segment
        free = 0 if last is None else last.size - last.published()
        fill = (self._used - free) / self._max_bytes
        return max(self._squeeze, SKELETON if fill >= _SKELETON_FROM else PREVIEW if fill >= _PREVIEW_FROM else WHOLE)

    def is_roomy(self) -> bool:
        """Return whether a backlog may still grow a good deal before anything is cut down."""
        return self._used * 4 < self._max_bytes

    def _open_up(self) -> None:
        if self._level() == WHOLE:
            self.tail.open_up()
        else:
            self.tail.shut()

    def _put(self, kind: int, payload: bytes, level: int) -> bool:
        """Append a record, to a new segment if need be: there nobody else appends before `_open_up`."""
        if self.tail.put(kind, payload):
            return True
        return self._make_room(len(payload), level) and self.tail.put(kind, payload)

    def _make_room(self, size: int, level: int) -> bool:
        need = frame_length(size)
        segment = self._take_ready(need) or self._reserve(need, level)
        if segment is None:
            return False
        if self._forgotten:
            segment.forget()
            raise RuntimeError("a signal handler forked: this is the parent's journal")
        full = self._seal()
        self._taken = segment.number
        if not self._segments:
            self._offset = HEADER_SIZE
            self.committed = position(segment.number, HEADER_SIZE)
        self._segments.append(segment)
        self.tail.attach(segment)
        if full is not None:
            self._ease(full)
            self.provide()
        return True

    def _take_ready(self, need: int) -> Segment | None:
        while self._ready:
            segment = self._ready.popleft()
            if HEADER_SIZE + need <= segment.size:
                return segment
            # The large record's own segment comes after this one's number: this one would be read too early.
            self._discard(segment)
        if self._segments:
            self._wanted = _MOST_READY
        return None

    def _reserve(self, need: int, level: int) -> Segment | None:
        wanted = max(self._segment_bytes >> (3 * level), HEADER_SIZE + need)
        size = (wanted + _PAGE - 1) & -_PAGE
        if self._used + size > self._max_bytes:
            self._reason = "journal full"
            return None
        if time.monotonic() < self._blocked_until:
            return None
        try:
            segment = self._new_segment(size)
        except OSError as error:
            self._no_room(error, level)
            return None
        self._used += size
        return segment

    def _new_segment(self, size: int) -> Segment:
        home = self.home
        header = SegmentHeader(next(self._numbers), home.process_id, size, self._clock())
        try:
            return home.new_segment(header)
        except OSError as error:
            if error.errno in _FULL:
                raise
            # The folder is gone or may no longer be written: go on in memory, as well as that goes.
            self._on_error("journal folder", error)
            with self.tail.held():
                if self.home is home:  # else another thread met the same
                    self.home = Stranded(home)
                    self._max_bytes = self._used + self._settings.memory_max_bytes
            return self.home.new_segment(header)

    def _no_room(self, error: OSError, level: int) -> None:
        self._counters.last_error = f"journal: {error}"
        self._reason = error.strerror or "no room"
        self._squeeze = min(level + 1, SKELETON)
        if level == SKELETON:
            self._blocked_until = time.monotonic() + _COOL_DOWN

    def _seal(self) -> Segment | None:
        """Close the current segment to appends, late ones too, and return it."""
        if not self._segments:
            return None
        current = self._segments[-1]
        current.seal()
        return current

    def _ease(self, full: Segment) -> None:
        """Give back what a full segment does not need any more."""
        try:
            if full.end is not None and full.size - full.end > max(self._segment_bytes // 4, _PAGE):
                self._used -= full.trim()
        except OSError as error:
            self._on_error("journal segment", error)
        if len(self._segments) > _MAPPED:
            self._segments[-_MAPPED - 1].unmap()

    # Between appends: any thread.

    def refresh(self) -> None:
        """Learn how far another process has come that drains this journal; here nobody else does."""

    def learn(self) -> None:
        """Take over the counters that such a process keeps."""

    def has_open_runs(self) -> bool:
        """Return whether the store has runs of this process as running, or may have."""
        return bool(self.open_runs)

    def position(self) -> int:
        """Return the place behind the last record that was appended."""
        with self.tail.lock:
            return self._reached() if self._segments else self.committed

    def _reached(self) -> int:
        last = self._segments[-1]
        return position(last.number, last.published())

    def is_drained(self) -> bool:
        """Return whether the store has everything, gaps included."""
        return self.committed >= self.position() and not self._gaps

    def backlog(self) -> int:
        """Return how many bytes the store does not have yet."""
        with self.tail.lock:
            ends = [segment.published() for segment in self._segments]
            return sum(ends) - HEADER_SIZE * len(ends) - (self._offset - HEADER_SIZE)

    def settle(self) -> None:
        """Write the gaps that wait, as far as there is room, and go back to plain copies where that is possible."""
        with self.tail.held():
            while (gap := self._gaps.peek()) is not None:
                payload = gap.payload()
                if not self._put(RUN, payload, SKELETON):
                    break
                self._gaps.pop()
            if self._segments:
                self._open_up()

    def renew(self) -> None:
        """Begin a new segment, so that the one before, and what stands in it, is deleted once it is drained."""
        with self.tail.held():
            if self._segments and self._segments[-1].published() > HEADER_SIZE:
                self._make_room(0, self._level())
                self._open_up()

    def pause(self) -> None:
        """Send the next record through the pipeline, which starts the writer again."""
        with self.tail.held():
            self.tail.shut()

    # Reading: the writer's thread.

    def read(self, *, few: bool = False) -> Chunk:
        """Return the records that come next and where they end; call `commit` with that once they are stored.

        Without a commit the same records come again.
        """
        while self._segments:
            segment = self._segments[0]
            end, sealed = self._published(segment)
            if self._offset < end:
                return self._read_segment(segment, end, few)
            if not sealed or len(self._segments) == 1:
                break
            self._drop_first()
        return Chunk(self._offset)

    def _published(self, segment: Segment) -> tuple[int, bool]:
        with self.tail.lock:
            return segment.published(), segment.end is not None

    def _read_segment(self, segment: Segment, end: int, few: bool) -> Chunk:
        try:
            return read_batch(self._settings, segment.read, self._offset, end, segment.salt, few=few)
        except OSError as error:
            self._on_error("journal read", error)
            return Chunk(end, damaged=1)

    def commit(self, offset: int) -> None:
        """Keep that everything up to this offset of the first segment is in the store."""
        self._offset = offset
        self._move_mark(self._segments[0].number)

    def _drop_first(self) -> None:
        with self.tail.held():
            segment = self._segments.popleft()
            self._used -= segment.size
            self._offset = HEADER_SIZE
        self._move_mark(self._segments[0].number)
        self._remove(segment)

    def _move_mark(self, number: int) -> None:
        try:
            self.home.write_mark(number, self._offset)
        except OSError as error:
            self._on_error("journal mark", error)
        self.committed = position(number, self._offset)

    # Upkeep: the writer's thread.

    def prepare(self) -> None:
        """Reserve what the next appends need and make it present, so that the traced thread meets neither."""
        self.keep_gaps()
        segment = self.tail.segment
        if segment is not None:
            self.tail.ask_at = self._pages_ahead().keep(segment)
        if not self._wants_ready():
            return
        try:
            segment = self._new_segment(self._segment_bytes)
            segment.fill()
        except OSError:
            return
        with self.tail.held():
            self._used += segment.size
            self._squeeze = WHOLE
            self._blocked_until = 0.0
            if self._taken > segment.number:
                self._discard(segment)
            else:
                self._ready.append(segment)
            self._open_up()

    def _pages_ahead(self) -> PagesAhead:
        made = self._ahead
        if made is None:
            # Loaded by the thread that alone needs it: the first span does not wait for it.
            with LOADING:
                from agenttrace.journal.ahead import PagesAhead
            made = self._ahead = PagesAhead()
        return made

    def keep_gaps(self) -> None:
        """Keep the gaps that wait where they outlive this process. Cheap where nothing has changed; for any thread."""
        if self._kept == self._gaps.changes:
            return
        try:
            if self._kept is None:
                self._reserve_gaps()
            changes = self._gaps.changes
            self.home.keep_gaps(self._gaps)
        except OSError as error:
            self._counters.last_error = f"journal gaps: {error}"
        else:
            self._kept = changes

    def _reserve_gaps(self) -> None:
        size = min(_GAP_BYTES, max(_PAGE, self._max_bytes // _GAP_SHARE & -_PAGE))
        self.home.reserve_gaps(size)
        with self.tail.held():
            self._used += size if self.home.path is not None else 0
        self._kept = 0

    def _wants_ready(self) -> bool:
        fits = self._used + self._segment_bytes <= _PREVIEW_FROM * self._max_bytes
        if not fits or not self._segments or len(self._ready) >= self._wanted:
            return False
        last = self._segments[-1]
        hurries = self._wanted > 1 or len(self._segments) > 1
        return hurries or last.published() * 8 > last.size or self._squeeze != WHOLE

    def move(self, home: Home, before: Home) -> None:
        """Go on in this home; `before` is what was the home before the journal had to go on in memory.

        The caller holds the tail. Raises OSError, and leaves all as it was, where the home has no room.
        """
        header = SegmentHeader(next(self._numbers), home.process_id, self._segment_bytes, self._clock())
        try:
            segment = home.new_segment(header)
        except OSError:
            if home is not before:
                home.remove()
            raise
        while self._ready:
            self._discard(self._ready.popleft())
        self._ready.append(segment)
        self._used += segment.size
        self._max_bytes = self._settings.max_bytes
        self.home, self._kept = home, None
        if home is not before:
            before.forget()
        self._make_room(0, WHOLE)
        self._open_up()

    def tidy(self) -> None:
        """Unmap and close what is full and not yet read."""
        with self.tail.held():
            sealed = [s for s in self._segments if s.end is not None]
        for segment in sealed:
            segment.unmap()
        for segment in sealed[_OPEN:]:
            if segment.can_rest():
                segment.rest()

    def sync(self) -> None:
        """Make what was appended so far safe from the loss of power."""
        with self.tail.held():
            reached = self._reached() if self._segments else 0
            open_ones = [s for s in self._segments if s.number >= self._synced >> 40]
        if reached <= self._synced:
            return
        for segment in open_ones:
            segment.sync()
        self._synced = reached
        if self._ahead is not None:
            self._ahead.forget()
        self.tail.ask_at = 0

    # The end.

    def detach(self) -> bool:
        """Take the journal from the tail if the store has everything; after that only `remove` makes sense."""
        with self.tail.held():
            self.tail.shut()
            if not self.is_drained():
                return False
            self._seal()
            if not self.is_drained():  # A last append came in between.
                return False
            self.tail.detach()
            return True

    def remove(self) -> None:
        """Delete the segments and the folder."""
        for segment in [*self._segments, *self._ready]:
            self._remove(segment)
        self._segments.clear()
        self._ready.clear()
        self.home.remove()

    def forget(self) -> None:
        """Close what a forked child inherited, and leave the parent's files and lock as they are."""
        self._forgotten = True
        for segment in [*self._segments, *self._ready]:
            segment.forget()
        self.home.forget()

    def _discard(self, segment: Segment) -> None:
        self._used -= segment.size
        self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        try:
            segment.remove()
        except OSError as error:
            self._on_error("journal segment", error)


def _nothing() -> None:
    pass
