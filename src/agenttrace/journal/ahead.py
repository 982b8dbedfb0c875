"""Pages ahead: the memory that the next appends will write to is made present by the writer's thread.

A first write to a page of a mapped file is a page fault, of one to four microseconds; after a sync each page faults
once more. Met by the writer, these cost the traced thread nothing. Linux 5.14 and later do it without changing a byte
(MADV_POPULATE_WRITE, madvise(2)). Segments that are made ready before they are needed are filled (`FileSegment.fill`).
"""

from __future__ import annotations

import mmap
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from agenttrace.journal.shapes import Segment

__all__ = ["PagesAhead"]

_PAGE: Final = mmap.PAGESIZE
_SLICE: Final = 16  # pages before other threads get a turn: some 25 to 50 µs
_LEAST: Final = 1 << 18  # bytes that are kept present ahead of the appends
_TIMES: Final = 4  # so many times what was appended since the last look is kept, if that is more
_POPULATE: Final = 23  # MADV_POPULATE_WRITE; the mmap module does not name it


class PagesAhead:
    """Keeps present what the next appends need. For one thread."""

    def __init__(self) -> None:
        self._can_populate = sys.platform == "linux"
        self._number = 0  # the segment that was looked at last
        self._seen = 0  # how far its appends were then
        self._present = 0  # and what had been made present
        self._ahead = _LEAST  # bytes beyond that

    def keep(self, segment: Segment) -> int:
        """Make present what the appends to this segment will need, and return the place at which to be called again.

        What they will need is a multiple of what they took since the last call, but not less than some pages. Where
        nothing can be made present, that place is beyond every segment.
        """
        if not self._can_populate:
            return sys.maxsize
        reached = segment.published()
        if segment.number != self._number:
            self._number, self._seen, self._present = segment.number, reached, 0
        self._ahead = max(_LEAST, _TIMES * (reached - self._seen), self._ahead // 2)  # who was quick may be so again
        self._seen = reached
        if self._present - reached < self._ahead // 2:
            start = max(self._present, reached & -_PAGE)
            self._present = min(reached + self._ahead, segment.size) & -_PAGE
            self._populate(segment, start, self._present)
        return reached + max(self._present - reached, _LEAST) // 2

    def forget(self) -> None:
        """Take all pages for absent, as they are after a sync."""
        self._present = 0

    def _populate(self, segment: Segment, start: int, end: int) -> None:
        buffer = segment.buffer
        try:
            if buffer is not None and start < end:
                _advise(buffer, start, end - start, _POPULATE)
        except OSError:
            # An older kernel, or no memory: the appends meet the faults themselves. Or it was closed meanwhile.
            self._can_populate = segment.buffer is None
        except ValueError:  # closed meanwhile
            pass


def _advise_in_python(buffer: mmap.mmap, start: int, length: int, advice: int) -> None:
    """Advise the kernel about a part of a mapped file, as `_pages.h` does without the GIL."""
    for here in range(start, start + length, _SLICE * _PAGE):
        buffer.madvise(advice, here, min(_SLICE * _PAGE, start + length - here))
        time.sleep(0)


def _best() -> Callable[[mmap.mmap, int, int, int], None]:
    try:
        from agenttrace.journal import _native
    except ImportError:  # built without a compiler
        return _advise_in_python
    return getattr(_native, "populate", _advise_in_python)  # not on every platform


_advise: Final = _best()
