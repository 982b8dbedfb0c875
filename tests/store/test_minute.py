"""Several processes on one SQLite file, the short form of `tests.store.minute`."""

from __future__ import annotations

from pathlib import Path

from tests.store.minute import write_and_read


def test_two_processes_record_and_one_reads(tmp_path: Path) -> None:
    """No locked database reaches anyone, and every run is there once."""
    found = write_and_read(tmp_path, seconds=3)
    assert found.errors == ()
    assert (found.stored, found.retried) == (True, 0)
    assert found.turns > 0
    assert found.reads > 0
    assert (found.runs, found.roots) == (3 * found.turns, found.turns)
