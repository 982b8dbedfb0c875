"""What the journal's parts ask of one another. For type checkers: making such a class takes longer than a span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import mmap

    from agenttrace.journal.degrade import GapBook
    from agenttrace.journal.frames import SegmentHeader

__all__ = ["Home", "Segment"]


class Home(Protocol):
    """Where a journal's segments live: a folder, or memory."""

    process_id: bytes

    @property
    def path(self) -> str | None:
        """The folder, or None in memory."""
        ...

    def new_segment(self, header: SegmentHeader) -> Segment:
        """Return a fresh segment. Raises OSError where there is no room."""
        ...

    def write_mark(self, number: int, offset: int) -> None:
        """Keep the place before which everything is in the store."""
        ...

    def read_mark(self) -> tuple[int, int] | None:
        """Return that place, where another process keeps it; None where there is none yet."""
        ...

    def write_open(self, number: int) -> None:
        """Keep to which segment records are appended, for another process that reads."""
        ...

    def reserve_gaps(self, size: int) -> None:
        """Make room for what `keep_gaps` writes. Raises OSError where there is none."""
        ...

    def keep_gaps(self, gaps: GapBook) -> None:
        """Keep what is known of these gaps, in the place of what was kept before, for whoever adopts the journal."""
        ...

    def remove(self) -> None:
        """Delete everything and let go of the lock."""
        ...

    def forget(self) -> None:
        """Close what a forked child inherited."""
        ...


class Segment(Protocol):
    """What the journal needs of a segment; `end` is None while records are appended to it."""

    number: int
    size: int
    salt: int
    end: int | None
    buffer: mmap.mmap | None

    def published(self) -> int:
        """Return where the last whole frame ends."""
        ...

    def seal(self) -> None:
        """Let nothing be written any more, and set `end`."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only where the segment ends."""
        ...

    def fill(self) -> None:
        """Bring a segment into memory to which nobody appends yet. Raises OSError."""
        ...

    def trim(self) -> int:
        """Give back what lies behind `end`, and return how many bytes that were."""
        ...

    def unmap(self) -> None:
        """Let go of the buffer of a segment to which nothing is appended any more."""
        ...

    def can_rest(self) -> bool:
        """Return whether all that `rest` lets go of can be had again."""
        ...

    def rest(self) -> None:
        """Let go of everything that can be had again when the segment is read."""
        ...

    def sync(self) -> None:
        """Return when what was written is safe from the loss of power."""
        ...

    def remove(self) -> None:
        """Delete the segment."""
        ...

    def forget(self) -> None:
        """Close what a forked child inherited, without touching what is the parent's."""
        ...
