"""The dead letters of one store, and those in files beside a journal, which the store did not set aside."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from agenttrace.errors import InvalidQuery, LetterNotFound, StoreRejected
from agenttrace.journal.deadletters import DeadLetters
from agenttrace.letters.landing import land
from agenttrace.letters.letter import Letter, Retried, WholeLetter, letter_of, whole_letter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike
    from pathlib import Path

    from agenttrace.model.rows import DeadLetterRow
    from agenttrace.store.batch import Derive
    from agenttrace.store.protocol import Store

__all__ = ["Letters"]

_PAGE = 50  # letters are whole records, and each may be large
_DIGITS = re.compile(r"[0-9a-f]{4,32}\Z")


class Letters:
    """The dead letters of one store, and those in the files of a journal root.

    `store` opens the store, `derive` says what foreign spans mean, and `clock` is in microseconds. Letters of all
    workspaces are seen: this is for those who look after the store. Where a method takes an id, its first digits do.
    Methods wait for the store; they raise StoreError where it fails, OSError where a file does, InvalidQuery where an
    id cannot be one or is short for several, and LetterNotFound.
    """

    def __init__(
        self,
        store: Callable[[], Store],
        root: str | PathLike[str] | None,
        *,
        derive: Derive | None,
        clock: Callable[[], int],
    ) -> None:
        self._open = store
        self._files = DeadLetters(root, 0)
        self._derive = derive
        self._clock = clock

    def list(self) -> list[Letter]:
        """Return all dead letters without their records, oldest first; one that is in store and file once."""
        found = {row.id: letter_of(row, file) for file, row in self._in_files()}
        for page in self._pages(None):
            found |= {row.id: letter_of(row, None) for row in page}
        return sorted(found.values(), key=lambda letter: (letter.time, letter.id))

    def get(self, letter_id: str) -> WholeLetter:
        """Return a dead letter with its record."""
        wanted = self._ids([letter_id])
        for page in self._pages(wanted):
            return whole_letter_of(page[0], None)
        for file, row in self._in_files():
            if row.id in wanted:
                return whole_letter_of(row, file)
        raise LetterNotFound(f"no dead letter {letter_id}: it was retried or discarded meanwhile")

    def retry(self, letter_ids: Sequence[str] | None = None) -> Retried:
        """Write dead letters again, all of them or these, and return what became of them.

        What the store takes now is discarded. What it refuses stays, with the new error and the old time; one from a
        file goes into the store's table, as far as it is taken there. To do it twice, or anew after it was
        interrupted, changes nothing more. A run that is left running by a process that is gone ends as abandoned.
        """
        ids = None if letter_ids is None else self._ids(letter_ids)
        store, now = self._open(), self._clock()
        stored: dict[str, None] = {}
        refused: dict[str, Letter] = {}
        running: set[bytes] = set()
        safe: set[bytes] = set()
        for files, page in self._all_pages(ids):
            landed, again, processes = land(store, page, derive=self._derive, now=now)
            running |= processes
            kept = _set_aside(store, again)
            safe.update([row.id for row in landed], kept)
            if not files:
                store.discard_letters([row.id for row in landed])
            stored |= dict.fromkeys(row.id.hex() for row in landed)
            refused |= {row.id.hex(): letter_of(row, None if row.id in kept else files.get(row.id)) for row in again}
        self._files.sift(lambda row: row is not None and row.id in safe)
        _end_what_is_left(store, running, now)
        return Retried(stored=tuple(stored), refused=tuple(refused.values()))

    def discard(self, letter_ids: Sequence[str]) -> int:
        """Delete these dead letters for good, and return how many."""
        wanted = self._ids(letter_ids)
        self._open().discard_letters(wanted)
        self._files.sift(lambda row: row is not None and row.id in wanted)
        return len(wanted)

    def _ids(self, given: Sequence[str]) -> Sequence[bytes]:
        """Return the ids of letters that exist and begin with these digits, each once."""
        texts = [text.lower().replace("-", "") for text in given]
        for text in texts:
            if not _DIGITS.match(text):
                raise InvalidQuery("letter_id", f"must be 4 to 32 hexadecimal digits, got {text[:80]!r}")
        known = self._known(texts)
        return list(dict.fromkeys(_only(text, known) for text in texts))

    def _known(self, texts: Sequence[str]) -> Sequence[str]:
        if any(len(text) < 32 for text in texts):
            return [letter.id for letter in self.list()]
        ids = [bytes.fromhex(text) for text in texts]
        stored = [row.id.hex() for page in self._pages(ids) for row in page]
        return stored + [row.id.hex() for _, row in self._in_files()]

    def _all_pages(self, ids: Sequence[bytes] | None) -> Iterator[tuple[dict[bytes, Path], Sequence[DeadLetterRow]]]:
        """Yield pages of letters, those of the store first; of those in files, with the file of each."""
        for page in self._pages(ids):
            yield {}, page
        found = ((file, row) for file, row in self._in_files() if ids is None or row.id in ids)
        while some := list(islice(found, _PAGE)):
            yield {row.id: file for file, row in some}, [row for _, row in some]

    def _pages(self, ids: Sequence[bytes] | None) -> Iterator[Sequence[DeadLetterRow]]:
        """Yield pages of those in the store, oldest first; what is discarded meanwhile moves none of the others."""
        store = self._open()
        after: tuple[int, bytes] | None = None
        while page := store.dead_letters(ids=ids, after=after, limit=_PAGE):
            yield page
            after = (page[-1].time, page[-1].id)

    def _in_files(self) -> Iterator[tuple[Path, DeadLetterRow]]:
        return ((file, row) for file, row in self._files.letters() if row is not None)


def _set_aside(store: Store, letters: Sequence[DeadLetterRow]) -> set[bytes]:
    """Return the ids of those that the store keeps, with their new errors."""
    kept: set[bytes] = set()
    for letter in letters:
        try:
            store.set_aside([letter])
        except StoreRejected:
            continue
        kept.add(letter.id)
    return kept


def _end_what_is_left(store: Store, processes: set[bytes], now: int) -> None:
    """End the runs of processes that are gone; one that lives has a heartbeat, and ends its runs itself."""
    if processes:
        for process in sorted(processes - {row.id for row in store.processes()}):
            store.abandon(process, at=now)


def _only(text: str, known: Sequence[str]) -> bytes:
    found = {one for one in known if one.startswith(text)}
    if not found:
        raise LetterNotFound(f"no dead letter {text}; `agenttrace letters list` shows those that there are")
    if len(found) > 1:
        raise InvalidQuery("letter_id", f"{text} is the beginning of {len(found)} ids; give more digits")
    return bytes.fromhex(found.pop())
