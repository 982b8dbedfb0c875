"""Power cuts, as far as they can be made by hand: segments truncated, bits flipped, pages and small files lost."""

from __future__ import annotations

import random
import signal
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from agenttrace.journal.frames import ECHO, FRAME, FRAME_SIZE, HEADER_SIZE, SegmentHeader, read_frames
from agenttrace.model.ids import run_id
from agenttrace.model.wire import RUN, has_ended, read_run
from faults.fault import fault
from faults.found import compare
from faults.room import Room
from faults.told import Told

RECORDING = """
import sys
from faults.traced import Traced

traced = Traced(journal_max_bytes=8 << 20)  # so segments of half a MiB
traced.work(sys.argv[1], sys.argv[1])
"""

PAGE = 4096


@dataclass(frozen=True)
class Frame:
    """One record as it lay in a segment before the harm."""

    segment: Path
    start: int
    data: bytes  # header and payload, without padding
    run: str
    ended: bool
    source: int | None  # where the frame starts of which this one is an echo


@fault("power cut", times=40, quick=3)
def power_cut(room: Room) -> None:
    """Damage the journal of a killed process: every record that is still whole is recovered, the damage is counted."""
    with closing(sqlite3.connect(room.folder / "traces.db", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")  # so that everything stays in the journal
        child = room.start(RECORDING, f"x{room.rng.randrange(10**9)}")
        child.wait_lines(room.rng.randrange(50, 1000 if room.quick else 8000))
        child.send(signal.SIGKILL)
        child.wait(-signal.SIGKILL)
    (folder,) = (room.folder / "traces.db.journal").iterdir()
    frames = [frame for segment in sorted(folder.glob("*.seg")) for frame in _frames(segment)]
    for harm in room.rng.sample(HARMS, room.rng.randrange(1, 4)):
        harm(folder, frames, room.rng)
    _check(room, frames)


def _frames(segment: Path) -> list[Frame]:
    data = segment.read_bytes()
    salt = SegmentHeader(int(segment.stem), bytes.fromhex(segment.parent.name), len(data), 0).salt
    frames: list[Frame] = []
    offset = HEADER_SIZE
    while True:
        chunk = read_frames(lambda at, n: data[at : at + n], offset, len(data), salt, max_records=1, max_bytes=1)
        if not chunk.records:
            return frames
        (kind, payload), start, offset = chunk.records[0], offset, chunk.offset
        if kind == RUN:
            record = read_run(payload)
            run = run_id(int.from_bytes(record.trace, "big"), int.from_bytes(record.span, "big"))
            size, _, how, _ = FRAME.unpack_from(data, start)
            source = int.from_bytes(data[start + FRAME_SIZE :][:4], "little") if how & ECHO else None
            whole = data[start : start + FRAME_SIZE + size]
            frames.append(Frame(segment, start, whole, str(uuid.UUID(bytes=run)), has_ended(payload), source))


def _check(room: Room, frames: list[Frame]) -> None:
    """Compare with what may be expected: runs of which a whole record is left, as the best one of these says."""
    contents = {frame.segment: frame.segment.read_bytes() for frame in frames}
    whole = [_is_whole(frame, contents) for frame in frames]
    good = {(frame.segment, frame.start) for frame, good in zip(frames, whole, strict=True) if good}
    left = [frame for frame in frames if (frame.segment, frame.start) in good]
    lacking = {frame.run for frame in left if frame.source is not None and (frame.segment, frame.source) not in good}
    left = [frame for frame in left if frame.run not in lacking]
    told = room.told()
    started, ended = {frame.run for frame in left}, {frame.run for frame in left if frame.ended}
    expected = Told(
        started={run: said for run, said in told.started.items() if run in started},
        ended={run: said for run, said in told.ended.items() if run in ended},
        raised=told.raised,
        pauses=told.pauses,
    )
    found = room.read()
    parts = [run for run in found.runs if run["id"] in lacking]
    for run in parts:
        found.runs.remove(run)
        told_so = run["status"] == "success" and run["attributes"].get("degraded") == "damaged"
        room.expect(told_so, f"lacks what its start said, and does not say so: {run}")
    room.expect(len(parts) == len(lacking), f"lost: {len(lacking) - len(parts)} ends whose starts are damaged")
    compare(expected, found, room.tally, in_flight=1)
    room.tally.damaged += found.stats["damaged"]
    places, tails = _places(frames, whole)
    room.expect(
        places <= found.stats["damaged"] <= places + tails + 1,
        f"{found.stats['damaged']} damaged places were counted, not {places}, and up to {tails + 1} at ends",
    )
    room.expect(not found.left, f"left in the journal folder: {found.left[:5]}")
    room.expect(found.stats["dead_letters"] == 0, f"a damaged record was taken for a whole one: {found.stats}")


def _is_whole(frame: Frame, contents: dict[Path, bytes]) -> bool:
    return contents[frame.segment][frame.start :].startswith(frame.data)


def _places(frames: list[Frame], whole: list[bool]) -> tuple[int, int]:
    """Return how many runs of damaged records have a whole one behind them in their segment, and how many have none.

    Behind the last whole record, lost records cannot always be told from a segment that was not yet full.
    """
    places = tails = 0
    for index, good in enumerate(whole):
        if good:
            continue
        following = index + 1
        ends = following == len(frames) or frames[following].segment != frames[index].segment
        tails += ends
        places += not ends and whole[following]
    return places, tails


def _truncate(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Cut the end off the last segment."""
    segment = frames[-1].segment
    with segment.open("r+b") as file:
        file.truncate(rng.randrange(HEADER_SIZE, frames[-1].start + len(frames[-1].data)))


def _flip(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Flip bits here and there."""
    for frame in rng.choices(frames, k=rng.randrange(1, 30)):
        _write(frame.segment, frame.start + rng.randrange(len(frame.data)), lambda old: bytes([old[0] ^ 1 << 3]), 1)


def _lose_pages(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Make some pages zeros, as where they were never written."""
    for frame in rng.choices(frames, k=rng.randrange(1, 5)):
        _write(frame.segment, frame.start // PAGE * PAGE, lambda old: bytes(len(old)), PAGE)


def _garble(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Write noise over a stretch."""
    frame = rng.choice(frames)
    _write(frame.segment, frame.start, lambda old: rng.randbytes(len(old)), rng.randrange(1, 3 * PAGE))


def _lose_header(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Make a segment's header zeros."""
    _write(rng.choice(frames).segment, 0, lambda old: bytes(len(old)), HEADER_SIZE)


def _lose_small_files(folder: Path, frames: list[Frame], rng: random.Random) -> None:
    """Empty the read mark and the note of the owner."""
    for name in ("mark", "owner.json"):
        (folder / name).write_bytes(b"")


def _write(path: Path, at: int, change: Callable[[bytes], bytes], length: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(length)
        if old:
            file.seek(at)
            file.write(change(old))


HARMS = [_truncate, _flip, _lose_pages, _garble, _lose_header, _lose_small_files]
