"""Dead letters of the erased: which ones go, and their going, from the store and from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from agenttrace.journal.deadletters import DeadLetters
from agenttrace.model.letters import named_by

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from agenttrace.model.rows import DeadLetterRow
    from agenttrace.store.protocol import PurgeFilter, Store

__all__ = ["LetterStep", "count", "goes", "sift_files", "sift_step", "sift_store"]

_NAMES = ("user_id", "ai_contact_id", "session_id")
_PAGE = 50  # letters are whole records, and each may be large

Place = tuple[int, bytes]


class LetterStep(NamedTuple):
    """How many dead letters of the store one step discarded, and where the next one goes on; None: it is over."""

    letters: int
    after: Place | None


def sift_store(store: Store, where: PurgeFilter) -> int:
    """Discard the dead letters of the store that go, and return how many."""
    gone, after = sift_step(store, where, after=None)
    while after is not None:
        letters, after = sift_step(store, where, after=after)
        gone += letters
    return gone


def sift_step(store: Store, where: PurgeFilter, *, after: Place | None) -> LetterStep:
    """Discard those of the next dead letters that go."""
    page = store.dead_letters(after=after, limit=_PAGE)
    gone = [letter.id for letter in page if goes(letter, where)]
    discarded = store.discard_letters(gone) if gone else 0
    return LetterStep(discarded, (page[-1].time, page[-1].id) if len(page) == _PAGE else None)


def sift_files(roots: Iterable[str | PathLike[str] | None], where: PurgeFilter) -> int:
    """Delete the dead letters in files that go, and return how many. Raises OSError."""
    return sum(DeadLetters(root, 0).sift(lambda letter: goes(letter, where)) for root in roots)


def count(store: Store, roots: Iterable[str | PathLike[str] | None], where: PurgeFilter) -> int:
    """Return how many dead letters would go, of the store and of files. Raises OSError."""
    found = sum(goes(letter, where) for root in roots for _, letter in DeadLetters(root, 0).letters())
    page = store.dead_letters(limit=_PAGE)
    while page:
        found += sum(goes(letter, where) for letter in page)
        page = store.dead_letters(after=(page[-1].time, page[-1].id), limit=_PAGE)
    return found


def goes(letter: DeadLetterRow | None, where: PurgeFilter) -> bool:
    """Return whether a purge with this filter removes a dead letter; None is a line that nobody can read any more.

    A letter goes where it carries all names that are set, and is old enough. One that is not understood goes by its
    own time, or where its text has one of the ids in the place of one.
    """
    named = [name for name in _NAMES if getattr(where, name) is not None]
    if letter is None:
        return bool(named)
    known = named_by(letter.kind, letter.payload)
    if known is None:
        return _goes_unread(letter, where, named)
    if where.workspace_id not in (None, known.workspace_id):
        return False
    if where.before is not None and known.time >= where.before:
        return False
    return all(getattr(known, name) == getattr(where, name) for name in named)


def _goes_unread(letter: DeadLetterRow, where: PurgeFilter, named: list[str]) -> bool:
    if where.before is not None and letter.time >= where.before:
        return False
    return not named or any(
        b'"%s":%s' % (name.encode(), orjson.dumps(text)) in letter.payload.replace(b'": "', b'":"')
        for name in named
        for text in _spellings(getattr(where, name))
    )


def _spellings(value: str | bytes) -> list[str]:
    if isinstance(value, str):
        return [value]
    digits = value.hex()
    dashed = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return [digits, dashed, f"ase_{dashed}", digits.upper(), dashed.upper()]
