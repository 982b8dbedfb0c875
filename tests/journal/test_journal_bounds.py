"""Bounds: records degrade before they drop, gaps are visible, and the memory stays what it is."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenttrace.errors import StoreUnavailable
from agenttrace.journal import segment as segment_module
from agenttrace.journal.degrade import PREVIEW, SKELETON, WHOLE, GapBook, degrade
from agenttrace.journal.frames import SegmentHeader
from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.wire import ENTITY, EVENT, RunRecord, read_run, write_run
from tests.journal.journal_support import RUN, FakeStore, record, wait_until

Make = Callable[..., Pipeline]


def down(_batch: object) -> None:
    raise StoreUnavailable("down")


# Degrading a record.


def run_of(payload: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the envelope and the content of a RUN payload."""
    run = read_run(payload)
    return json.loads(run.envelope), json.loads(run.content or b"{}")


def parts(payload: bytes) -> list[Any]:
    """Return the lines of an EVENT payload."""
    return [json.loads(line) for line in payload.split(b"\n") if line]


def test_whole_is_the_record_itself() -> None:
    """Nothing is looked at."""
    assert degrade(RUN, b"anything", WHOLE) == b"anything"


def test_a_preview_cuts_long_values_and_keeps_short_ones() -> None:
    """Each value says how long it was and how it began; ids, times and status stay."""
    content = json.dumps({"input": "short", "output": "y" * 5000, "documents": [{"text": "z" * 900}]}).encode()
    whole = read_run(record(1, attributes={"team": "a"})).replaced(content=content)
    cut = degrade(RUN, write_run(whole), PREVIEW)
    envelope, content = run_of(cut)
    assert envelope["attributes"] == {"team": "a", "degraded": "preview"}
    assert content["input"] == "short"
    assert content["output"] == {"truncated": True, "bytes": 5002, "preview": "y" * 200}
    assert content["documents"]["truncated"] is True
    assert content["documents"]["preview"].startswith('[{"text":"zzz')
    bare, before = (run.replaced(envelope=b"", content=b"") for run in (read_run(cut), whole))
    assert write_run(bare) == write_run(before)


def test_a_skeleton_is_the_run_without_content_and_attributes() -> None:
    """A long error is cut."""
    payload = record(1, content="x", attributes={"a": "b" * 99}, error={"type": "E", "code": 7, "stack": "s" * 999})
    envelope, content = run_of(degrade(RUN, payload, SKELETON))
    assert content == {}
    assert envelope["name"] == "r1"
    assert envelope["attributes"] == {"degraded": "skeleton"}
    assert envelope["error"] == {"type": "E", "code": 7, "stack": "s" * 200}


def test_an_event_is_cut_as_a_run_is() -> None:
    """Its envelope stays, its data become a preview and then go."""
    payload = b'{"trace":"t","type":"thinking"}\n' + json.dumps({"content": "x" * 999}).encode()
    envelope, data = parts(degrade(EVENT, payload, PREVIEW))
    assert envelope == {"trace": "t", "type": "thinking", "attributes": {"degraded": "preview"}}
    assert data["content"]["bytes"] == 1001
    assert parts(degrade(EVENT, payload, SKELETON)) == [
        {"trace": "t", "type": "thinking", "attributes": {"degraded": "skeleton"}}
    ]


@pytest.mark.parametrize("level", [PREVIEW, SKELETON])
def test_a_record_that_would_not_become_smaller_stays_as_it_is(level: int) -> None:
    """Where marking it would make it longer."""
    assert degrade(ENTITY, b'{"entity":"agent"}', level) == b'{"entity":"agent"}'
    bare = read_run(record(1)).replaced(content=b"")
    assert degrade(RUN, write_run(bare), level) == write_run(bare)


@given(st.binary(max_size=300), st.sampled_from([RUN, EVENT, 99]), st.sampled_from([PREVIEW, SKELETON]))
def test_degrading_never_raises_and_never_grows(payload: bytes, kind: int, level: int) -> None:
    """Whatever bytes come."""
    assert len(degrade(kind, payload, level)) <= len(payload)


@pytest.mark.parametrize(
    "payload", [b"[1]\n{}", b"no json", b"\xff\n\xff", b'{"a":1}\n{"broken', b'{"a":1}\n[' + b"1," * 900 + b"1]"]
)
@pytest.mark.parametrize("kind", [RUN, EVENT])
def test_what_is_no_record_stays_as_it_is(payload: bytes, kind: int) -> None:
    """The writer sets it aside later."""
    assert degrade(kind, payload, PREVIEW) == payload


# Gaps.


def first(book: GapBook) -> RunRecord:
    gap = book.peek()
    assert gap is not None
    return read_run(gap.payload())


def test_a_gap_is_a_run_below_what_the_first_dropped_record_belonged_to() -> None:
    """It tells how many were dropped, why and when."""
    book = GapBook(4)
    book.add(RUN, record(1, parent=b"theroot!", scope={"workspace_id": "w"}, turn=5), reason="full", now=100)
    book.add(RUN, record(2), reason="full", now=200)
    gap = first(book)
    assert json.loads(gap.envelope) == {"type": "gap", "name": "gap", "scope": {"workspace_id": "w"}}
    assert (gap.trace, gap.parent, gap.status) == (read_run(record(1)).trace, b"theroot!", "success")
    assert (gap.start, gap.end, gap.turn, gap.seq) == (100, 200, 5, 1)
    assert json.loads(gap.content) == {"dropped": 2, "reason": "full", "since": 100, "until": 200}


def test_a_dropped_root_has_its_gap_below_itself() -> None:
    """So the gap shows in its trace, as soon as any version of the root is stored."""
    book = GapBook(4)
    book.add(RUN, record(6), reason="full", now=1)
    assert first(book).parent == (7).to_bytes(8, "big")


def test_a_dropped_event_has_its_gap_below_its_span() -> None:
    """In the trace that it names."""
    book = GapBook(4)
    event = {"trace": "0a" * 16, "span": "0b" * 8, "time": 1, "seq": 9, "turn": 3, "scope": {"user_id": "u"}}
    book.add(EVENT, json.dumps(event).encode() + b"\n{}", reason="full", now=1)
    gap = first(book)
    assert (gap.trace, gap.parent, gap.turn, gap.seq) == (b"\x0a" * 16, b"\x0b" * 8, 3, 9)
    assert json.loads(gap.envelope)["scope"] == {"user_id": "u"}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (RUN, b"no record"),
        (EVENT, b"no json"),
        (EVENT, b"[]"),
        (EVENT, b'{"trace":"00","span":"00"}'),
        (ENTITY, b'{"entity":"agent"}'),
    ],
)
def test_a_record_without_a_trace_has_a_gap_in_a_trace_of_its_own(kind: int, payload: bytes) -> None:
    """It is counted all the same."""
    book = GapBook(4)
    book.add(kind, payload, reason="full", now=1)
    assert first(book).parent is None
    assert json.loads(first(book).content)["dropped"] == 1


def test_traces_beyond_the_bound_share_a_gap() -> None:
    """The memory that gaps take is bounded."""
    book = GapBook(2)
    for trace in range(1, 50):
        book.add(RUN, record(1, trace=trace), reason="full", now=trace)
    book.add(RUN, b"no record", reason="full", now=77)
    assert len(book) == 3
    counts = []
    while (gap := book.peek()) is not None:
        counts.append(gap.dropped)
        book.pop()
    assert counts == [1, 1, 48]


# The journal.


def fill(pipeline: Pipeline, count: int, *, content: str = "x" * 2000) -> None:
    for number in range(count):
        pipeline.append(RUN, record(number, content=content))


def kinds_of(store: FakeStore) -> list[str]:
    """Return what became of each run, in the order in which they came: whole, preview, skeleton or gap."""

    def kind(row: Any) -> str:
        if row.run_type == "gap":
            return "gap"
        return json.loads(row.attributes or "{}").get("degraded", "whole")

    return [kind(row) for row in store.rows]


@pytest.mark.parametrize("root", ["disk", "memory"])
def test_records_degrade_before_they_drop(pipeline: Make, tmp_path: Path, root: str) -> None:
    """Whole, then previews, then skeletons, then a gap that is stored as soon as there is room."""
    store = FakeStore(down)
    bound = 256 << 10
    place = tmp_path / "journal" if root == "disk" else None
    traced = pipeline(store, root=place, max_bytes=bound, memory_max_bytes=bound)
    fill(traced, 2000)
    numbers = traced.stats()
    assert numbers.dropped > 0
    assert numbers.degraded > 0
    assert numbers.recorded + numbers.dropped == 2000
    if place is not None:
        (folder,) = place.iterdir()
        assert sum(segment.stat().st_size for segment in folder.glob("*.seg")) <= bound
    store.trouble = None
    assert traced.flush(20)
    assert traced.flush(20)
    order = kinds_of(store)
    firsts = [order.index(kind) for kind in ("whole", "preview", "skeleton", "gap")]
    assert firsts == sorted(firsts)
    (gap,) = [row for row in store.rows if row.run_type == "gap"]
    assert json.loads(gap.content)["dropped"] == numbers.dropped
    assert gap.trace_id == store.rows[0].trace_id
    assert traced.stats().pending == 0


def test_after_a_crowd_records_are_whole_again(pipeline: Make) -> None:
    """Degradation ends when the store has caught up."""
    store = FakeStore(down)
    traced = pipeline(store, max_bytes=256 << 10)
    fill(traced, 1000)
    store.trouble = None
    assert traced.flush(20)
    traced.append(RUN, record(5000, content="y" * 2000))
    assert traced.flush(20)
    (late,) = [row for row in store.rows if row.name == "r5000"]
    assert json.loads(late.content) == {"input": "y" * 2000}


def test_a_record_larger_than_a_segment_has_one_of_its_own(pipeline: Make, store: FakeStore) -> None:
    """Nothing is cut as long as the journal has room."""
    traced = pipeline(store, segment_bytes=8192)
    fill(traced, 3)
    traced.append(RUN, record(3, content="z" * 300_000))
    fill(traced, 3)
    assert traced.flush(20)
    assert json.loads(store.rows[3].content) == {"input": "z" * 300_000}
    assert traced.stats().degraded == 0


def test_a_record_larger_than_the_whole_journal_is_cut(pipeline: Make, store: FakeStore) -> None:
    """What cannot be kept whole is kept as a preview."""
    traced = pipeline(store, max_bytes=64 << 10)
    traced.append(RUN, record(1, content="z" * 300_000))
    assert traced.flush(20)
    assert kinds_of(store) == ["preview"]


def full_disk(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[int], bool]) -> None:
    real = segment_module.reserve

    def reserve(fd: int, size: int) -> None:
        if refuse(size):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(fd, size)

    monkeypatch.setattr(segment_module, "reserve", reserve)


def test_a_disk_that_fills_up_degrades_and_drops_and_recovers(
    pipeline: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """ENOSPC is handled: no exception, no signal, and a gap in the end."""
    store = FakeStore(down)
    full = False
    full_disk(monkeypatch, lambda _size: full)
    traced = pipeline(store, segment_bytes=64 << 10)
    fill(traced, 5)
    full = True
    fill(traced, 200)
    numbers = traced.stats()
    assert numbers.dropped > 0
    assert "No space" in str(numbers.last_error) or numbers.retried > 0
    full = False
    store.trouble = None
    wait_until(lambda: traced.flush(20) and "gap" in kinds_of(store))
    (gap,) = [row for row in store.rows if row.run_type == "gap"]
    assert json.loads(gap.content)["reason"] == os.strerror(errno.ENOSPC)
    assert numbers.recorded + json.loads(gap.content)["dropped"] == 205


def test_a_disk_with_little_room_takes_previews_in_small_segments(
    pipeline: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a whole segment cannot be reserved, a smaller one is, and records are cut; later they are whole again."""
    store = FakeStore()
    small = True
    full_disk(monkeypatch, lambda size: small and size > 16 << 10)
    traced = pipeline(store, segment_bytes=64 << 10)
    traced.append(RUN, record(1, content="x" * 2000))
    assert traced.flush(20)
    assert kinds_of(store) == ["preview"]
    small = False

    def whole_again() -> bool:
        traced.append(RUN, record(2, content="x" * 2000))
        return traced.flush(20) and kinds_of(store)[-1] == "whole"

    wait_until(whole_again)


def test_out_of_files_is_a_full_disk_too(
    pipeline: Make, monkeypatch: pytest.MonkeyPatch, store: FakeStore, tmp_path: Path
) -> None:
    """EMFILE while the traced program is greedy: records go where they can, nothing raises."""
    traced = pipeline(store, segment_bytes=16 << 10)
    fill(traced, 1)
    real = os.open

    def no_more(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).endswith(".seg"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", no_more)
        fill(traced, 100)
        assert traced.stats().dropped > 0
    wait_until(lambda: traced.flush(20) and "gap" in kinds_of(store))


def test_a_platform_without_fallocate_writes_zeros(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The blocks exist before the file is mapped."""
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    segment_module.reserve(fd, (3 << 20) + 4096)
    assert os.fstat(fd).st_size == (3 << 20) + 4096
    assert os.fstat(fd).st_blocks * 512 >= 3 << 20
    os.close(fd)


def test_a_file_system_without_fallocate_gets_zeros(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """EOPNOTSUPP is an answer, not an error."""

    def refuse(*_args: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    segment_module.reserve(fd, 8192)
    assert os.fstat(fd).st_size == 8192
    os.close(fd)


def test_a_real_refusal_of_fallocate_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ENOSPC passes, and what was begun is gone."""

    def refuse(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    with pytest.raises(OSError, match="full"):
        segment_module.FileSegment(tmp_path, SegmentHeader(1, bytes(16), 8192, 0))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_deleted_costs_nothing_that_was_appended(pipeline: Make, tmp_path: Path) -> None:
    """Mapped files go on, further segments are in memory."""
    store = FakeStore(down)
    errors: list[Any] = []
    traced = pipeline(store, segment_bytes=8192, errors=errors)
    fill(traced, 10)
    while (tmp_path / "journal").exists():  # the writer may put its next segment there meanwhile
        shutil.rmtree(tmp_path / "journal", ignore_errors=True)
    fill(traced, 50)
    store.trouble = None
    assert traced.flush(20)
    assert sorted(set(kinds_of(store))) == ["whole"]
    assert len(store.rows) == 60
    # Twice where the writer had just put a segment into what was left of the folder.
    assert [place for place, _ in errors].count("journal folder") in (1, 2)
    assert traced.shutdown(20)


def test_the_memory_does_not_grow_with_the_backlog(pipeline: Make) -> None:
    """However long the backlog, few segments are mapped or open."""
    store = FakeStore(down)
    traced = pipeline(store, segment_bytes=16 << 10)
    fill(traced, 600)
    journal = traced._journal
    assert journal is not None
    assert len(journal._segments) > 50
    wait_until(lambda: sum(segment.buffer is not None for segment in journal._segments) <= 1)
    wait_until(lambda: sum(segment._fd >= 0 for segment in journal._segments) <= 12)  # type: ignore[attr-defined]
    store.trouble = None
    assert traced.flush(20)
    assert store.names == [f"r{number}" for number in range(600)]


def test_a_writer_that_is_stuck_does_not_keep_the_traced_thread_from_unmapping(pipeline: Make) -> None:
    """The appender itself closes the maps of all but the last segments."""
    import threading

    go, here = threading.Event(), threading.Event()

    def stuck(_batch: object) -> None:
        here.set()
        go.wait(30)

    traced = pipeline(FakeStore(stuck), segment_bytes=16 << 10)
    try:
        fill(traced, 1)
        assert here.wait(20)
        fill(traced, 300)
        journal = traced._journal
        assert journal is not None
        assert sum(segment.buffer is not None for segment in journal._segments) <= 3
    finally:
        go.set()
    assert traced.flush(20)
