"""kill -9: every record whose append returned is found afterwards, exactly as it was, and planted damage is counted.

The harness runs a process that records and acknowledges, kills it at a random instant, damages one record of its
journal, adopts the journal and compares. With checksums or resynchronisation switched off the same harness fails: it
can tell the difference.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.journal.journal_support import ROOT, FakeStore, make_pipeline, record, records_of, wait_until

VICTIM = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.journal.journal_support import *
from agenttrace.errors import StoreUnavailable

def down(batch):
    raise StoreUnavailable("down")

if sys.argv[4] == "timer":
    def handler(number, frame):
        append()
        signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.signal(signal.SIGALRM, handler)

numbers = iter(range(10**9))
def append():
    number = next(numbers)
    content = "sacrifice" if number == 40 else f"{number}:" + "x" * (number * 37 % 900)
    traced.append(RUN, record(number, content=content))
    os.write(1, b"%d\\n" % number)

store = FakeStore(down) if sys.argv[3] == "down" else FileStore(Path(sys.argv[2]).with_name("rows"))
traced = make_pipeline(Path(sys.argv[2]), store, segment_bytes=32768)
if sys.argv[4] == "timer":
    signal.setitimer(signal.ITIMER_REAL, 0.001)
while True:
    append()
"""

SACRIFICE = 40


def content_of(number: int) -> str:
    return f"{number}:" + "x" * (number * 37 % 900)


def run_and_kill(root: Path, rng: random.Random, *, store: str = "down", timer: str = "no") -> set[int]:
    """Let a process record until a random instant, kill it, and return the numbers that it acknowledged."""
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(ROOT), str(root), store, timer], stdout=subprocess.PIPE
    )
    assert victim.stdout is not None
    try:
        enough = rng.randrange(SACRIFICE + 10, 400)
        seen = b""
        while seen.count(b"\n") < enough:
            piece = os.read(victim.stdout.fileno(), 4096)
            assert piece, "the victim ended by itself"
            seen += piece
        select.select([], [], [], rng.random() * 0.01)
    finally:
        victim.send_signal(signal.SIGKILL)
        rest = victim.stdout.read()
        victim.stdout.close()
        victim.wait()
    lines = (seen + rest).split(b"\n")
    return {int(line) for line in lines[:-1]}


def damage_sacrifice(root: Path, rng: random.Random) -> None:
    """Flip bytes in the payload of the one record that is there for this, in the middle of the journal."""
    (segment,) = [path for path in root.glob("*/*.seg") if b'"sacrifice"' in path.read_bytes()]
    data = bytearray(segment.read_bytes())
    start = data.index(b'"sacrifice"') + 1
    for at in rng.sample(range(start, start + 9), 3):
        data[at] ^= 0x01
    segment.write_bytes(data)


def adopt_all(root: Path, **switches: Any) -> tuple[dict[int, list[str]], int]:
    """Have another process's pipeline adopt what is there; return the contents by number, and the damage."""
    store = FakeStore()
    traced = make_pipeline(root, store, **switches)
    traced.append(1, record(10**9))
    wait_until(lambda: traced.stats().adopted)
    assert traced.shutdown(20)
    found: dict[int, list[str]] = {}
    for row in store.rows:
        found.setdefault(int(row.name[1:]), []).append(json.loads(row.content)["input"])
    found.pop(10**9)
    return found, traced.stats().damaged


def check(root: Path, acknowledged: set[int], **switches: Any) -> None:
    """Assert that nothing acknowledged and intact is missing or changed, and that the damage was counted."""
    found, damaged = adopt_all(root, **switches)
    intact = acknowledged - {SACRIFICE}
    assert intact <= set(found), f"lost: {sorted(intact - set(found))[:5]}"
    assert len(set(found) - acknowledged) <= 2, "records that were never appended"
    for number, contents in found.items():
        assert contents == [content_of(number)], f"record {number} is not what was appended"
    assert damaged in (1, 2), "the planted damage, and perhaps the frame that the kill tore"


@pytest.mark.parametrize("seed", range(6))
def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path, seed: int) -> None:
    """At whatever instant; and the damaged record is the only one that is missing."""
    rng = random.Random(seed)
    acknowledged = run_and_kill(tmp_path / "journal", rng)
    damage_sacrifice(tmp_path / "journal", rng)
    check(tmp_path / "journal", acknowledged)


def test_nothing_acknowledged_in_a_signal_handler_is_lost_by_kill_9(tmp_path: Path) -> None:
    """Appends that a timer makes inside other appends count as any other, or as queued behind the outer one."""
    rng = random.Random(99)
    acknowledged = run_and_kill(tmp_path / "journal", rng, timer="timer")
    found, damaged = adopt_all(tmp_path / "journal")
    missing = acknowledged - set(found)
    # An append that ran inside another one may have been written down by this test before the outer one returned.
    assert len(missing) <= 1
    assert damaged <= 1, "more than the frame that the kill may have torn"


def test_a_store_that_works_and_the_journal_together_have_everything(tmp_path: Path) -> None:
    """What was committed before the kill and what was adopted after it: every record, at least once."""
    rng = random.Random(7)
    acknowledged = run_and_kill(tmp_path / "journal", rng, store="file")
    stored = {line["name"] for line in records_of(tmp_path / "rows")}
    found, damaged = adopt_all(tmp_path / "journal")
    assert {f"r{number}" for number in acknowledged} <= stored | {f"r{number}" for number in found}
    assert damaged <= 1, "more than the frame that the kill may have torn"


def test_without_checksums_the_harness_fails(tmp_path: Path) -> None:
    """It notices that a damaged record was taken for a good one."""
    rng = random.Random(1)
    acknowledged = run_and_kill(tmp_path / "journal", rng)
    damage_sacrifice(tmp_path / "journal", rng)
    with pytest.raises(AssertionError, match="is not what was appended"):
        check(tmp_path / "journal", acknowledged, verify=False)


def test_without_resynchronisation_the_harness_fails(tmp_path: Path) -> None:
    """It notices that the good records behind a damaged one are gone."""
    rng = random.Random(2)
    acknowledged = run_and_kill(tmp_path / "journal", rng)
    damage_sacrifice(tmp_path / "journal", rng)
    with pytest.raises(AssertionError, match="lost"):
        check(tmp_path / "journal", acknowledged, resync=False)
