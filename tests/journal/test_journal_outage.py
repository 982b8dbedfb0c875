"""A store that cannot be used is told in the log: once it has lasted, once it is over, and when the program ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agenttrace.errors import StoreUnavailable
from agenttrace.journal import outage
from tests.journal.journal_support import RUN, FakeStore, child, make_pipeline, record, wait_until

LEFT = (
    "agenttrace WARNING 3 records are not in the store as the program ends (StoreUnavailable: fake://: out of reach);"
)

AWAY = """
import logging
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
from agenttrace.errors import StoreUnavailable

def trouble(batch):
    raise StoreUnavailable("fake://: out of reach")

traced = make_pipeline(Path(sys.argv[1]) if sys.argv[1:] else None, FakeStore(trouble))
traced.exit_timeout = 0.2
for number in range(3):
    traced.append(RUN, record(number))
"""


def outage_of(tmp_path: Path, seconds: float) -> None:
    """Record while the store is out of reach for so long, and wait until it has everything."""
    away = True

    def trouble(_: object) -> None:
        if away:
            raise StoreUnavailable("fake://: out of reach")

    store = FakeStore(trouble)
    traced = make_pipeline(tmp_path / "journal", store)
    traced.append(RUN, record(1))
    wait_until(lambda: traced.stats().retried)
    time.sleep(seconds)
    away = False
    assert traced.flush(20)
    traced.shutdown(20)


@pytest.mark.parametrize("times", [1, 2])
def test_an_outage_that_lasts_is_told_once_and_its_end_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """However often it is tried meanwhile; the next one is told again."""
    monkeypatch.setattr(outage, "_ALARM", 0.05)
    for _ in range(times):
        outage_of(tmp_path, 0.3)
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    begin = "the store cannot be used (fake://: out of reach); what is recorded waits, and it is tried again"
    assert (
        told
        == [
            ("agenttrace", "WARNING", begin),
            ("agenttrace", "WARNING", "the store can be used again, after 0 seconds"),
        ]
        * times
    )


def test_a_short_outage_is_nobodys_concern(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A restart, or a lock of another process, passes unnoticed."""
    outage_of(tmp_path, 0.1)
    assert caplog.messages == []


def test_a_program_that_ends_says_what_waits(tmp_path: Path) -> None:
    """And where, though the outage is too short to be told."""
    done = child(AWAY, tmp_path / "journal")
    assert done.stderr.startswith(f"{LEFT} they wait in {tmp_path / 'journal'}")
    assert done.stderr.count("\n") == 1


def test_a_program_that_ends_says_what_is_lost() -> None:
    """Of a journal in memory nothing is left."""
    assert child(AWAY).stderr == f"{LEFT} they were in memory, and are lost\n"


def test_a_program_whose_records_are_stored_says_nothing(tmp_path: Path) -> None:
    """Nor where a run is still open."""
    script = AWAY.replace("FakeStore(trouble)", "FakeStore()")
    assert child(script, tmp_path / "journal").stderr == ""
    assert child(f"{script}\ntraced.append(RUN, record(9, running=True))", tmp_path / "journal").stderr == ""
