"""Dead letters: records that were refused, kept whole beside what was recorded."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agenttrace.model.letters import dead_letter
from agenttrace.model.rows import DeadLetterRow, LetterFigures
from agenttrace.store.protocol import PurgeFilter
from agenttrace.testing.records import PROCESS, run_record
from agenttrace.testing.suite.base import WORKSPACE, StoreSuite, all_runs, write
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

__all__ = ["LetterPromises"]

_PAYLOADS = {
    "nothing": b"",
    "NUL": b"\x00" * 5,
    "no UTF-8": bytes(range(256)),
    "a lone surrogate": "\ud800".encode("utf-8", "surrogatepass"),
    "escapes": b"\\x00 \x1a0000 ' ? $1 %s",
    "10 MB": b"\x00\xff\x1a'" * (10 << 18),
}


class LetterPromises(StoreSuite):
    """What was refused can be looked at, written again and discarded."""

    @proves("letters.whole", "write.columns")
    @pytest.mark.parametrize("name", _PAYLOADS)
    def test_a_letter_comes_back_byte_for_byte(self, store: Store, name: str) -> None:
        """Whatever its record holds; with a workspace or without, and whatever its error says."""
        error = "StoreRejected: \x00 \x1a0000 größer \U0001f600"
        first = dead_letter(1, _PAYLOADS[name], error, process_id=PROCESS, now=5)
        second = replace(first, id=bytes(16), workspace_id=WORKSPACE, kind=255, process_id=bytes(16), time=1_000_003)
        assert first.workspace_id is None
        store.set_aside([first, second])
        assert _same(store.dead_letters(), [first, second])
        assert _same(store.dead_letters(ids=[first.id]), [first])

    @proves("letters.whole")
    def test_what_was_recorded_is_not_touched(self, store: Store) -> None:
        """A letter is no run, even where its record is one; a purge of the store's rows leaves it to its caller."""
        write(store, run_record(1))
        before = all_runs(store)
        kind, payload = run_record(1, end=2_000_000)
        letter = dead_letter(kind, payload, "e", process_id=PROCESS, now=5)
        store.set_aside([letter])
        assert all_runs(store) == before
        store.purge(PurgeFilter(workspace_id=WORKSPACE, before=9_000_000))
        assert store.dead_letters() == [letter]

    @proves("letters.once")
    def test_a_letter_is_kept_once(self, store: Store) -> None:
        """In one call or in several; time and error are those that were given last, the others stay as they are."""
        first, other = _letter(1, time=5), _letter(2, time=6)
        again = replace(first, time=9, error="another")
        store.set_aside([first, other])
        store.set_aside([first])
        store.set_aside([])
        assert store.dead_letters() == [first, other]
        store.set_aside([first, again])
        assert store.dead_letters() == [other, again]

    @proves("letters.order")
    def test_letters_come_oldest_first(self, store: Store) -> None:
        """Those of one instant by id; pages go on behind a place, whether or not a letter stands there."""
        letters = [_letter(number, time=number // 3) for number in (5, 3, 8, 0, 1, 7, 2, 6, 4)]
        store.set_aside(letters)
        ordered = sorted(letters, key=lambda letter: (letter.time, letter.id))
        assert store.dead_letters() == ordered
        assert store.dead_letters(limit=4) == ordered[:4]
        for index, letter in enumerate(ordered):
            assert store.dead_letters(after=(letter.time, letter.id), limit=2) == ordered[index + 1 : index + 3]
        assert store.dead_letters(after=(1, b"\xff" * 16)) == ordered[6:]

    @proves("letters.order")
    def test_letters_are_named(self, store: Store) -> None:
        """Those that are there, each once, in the same order and with the same pages."""
        letters = [_letter(number, time=number) for number in range(4)]
        store.set_aside(letters)
        wanted = [letters[2].id, letters[0].id, letters[2].id, b"\x01" * 16]
        assert store.dead_letters(ids=wanted) == [letters[0], letters[2]]
        assert store.dead_letters(ids=wanted, limit=1) == [letters[0]]
        assert store.dead_letters(ids=wanted, after=(0, letters[0].id)) == [letters[2]]
        assert store.dead_letters(ids=[]) == []

    @proves("letters.discarded")
    def test_letters_are_discarded(self, store: Store) -> None:
        """Those that are named, and no others; a second time there are none; set aside again it is there again."""
        letters = [_letter(number, time=number) for number in range(4)]
        store.set_aside(letters)
        gone = [letters[1].id, letters[3].id, letters[1].id, b"\x01" * 16]
        assert store.discard_letters([]) == 0
        assert store.discard_letters(gone) == 2
        assert store.dead_letters() == [letters[0], letters[2]]
        assert store.discard_letters(gone) == 0
        store.set_aside([letters[3]])
        assert store.dead_letters() == [letters[0], letters[2], letters[3]]

    @proves("letters.figures")
    def test_figures_are_of_the_letters_that_are_there(self, store: Store) -> None:
        """How many, how many since an instant, the size of their records, and the last error."""
        assert store.letter_figures(since=0) == LetterFigures(0, 0, 0, None, None)
        letters = [_letter(number, time=number) for number in range(4)]
        store.set_aside(letters)
        size = sum(len(letter.payload) for letter in letters)
        assert store.letter_figures(since=2) == LetterFigures(4, 2, size, 3, "error 3")
        store.discard_letters([letters[3].id])
        store.set_aside([replace(letters[0], error="again")])
        assert store.letter_figures(since=3) == LetterFigures(3, 0, size - len(letters[3].payload), 2, "error 2")


def _letter(number: int, *, time: int) -> DeadLetterRow:
    payload = b"record %d" % number + b"." * number
    return dead_letter(1, payload, f"error {number}", process_id=PROCESS, now=time)


def _same(found: list[DeadLetterRow], expected: list[DeadLetterRow]) -> bool:
    """Return whether they are equal; a comparison that pytest explains would print megabytes."""
    return found == expected
