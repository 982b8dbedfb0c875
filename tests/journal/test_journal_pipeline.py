"""The pipeline: everything appended reaches the store once the store can be reached; flush and shutdown keep time."""

from __future__ import annotations

import base64
import json
import logging
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agenttrace.errors import StoreRejected, StoreTooNew, StoreUnavailable
from agenttrace.journal.pipeline import Pipeline
from agenttrace.model.wire import read_run
from agenttrace.store.batch import Batch
from tests.journal.journal_support import RUN, FakeStore, child, make_pipeline, record, wait_until

Make = Callable[..., Pipeline]


def names(count: int, start: int = 0) -> list[str]:
    return [f"r{number}" for number in range(start, start + count)]


def append(pipeline: Pipeline, count: int, start: int = 0, **options: Any) -> None:
    for number in range(start, start + count):
        pipeline.append(RUN, record(number, **options))


class Gate:
    """A store's trouble that blocks until it is opened."""

    def __init__(self) -> None:
        self.reached, self.go = threading.Event(), threading.Event()

    def __call__(self, _batch: Batch) -> None:
        self.reached.set()
        self.go.wait(60)


# Bringing records to the store.


def test_nothing_is_opened_before_the_first_record(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """No folder, no thread, no store; flush and shutdown have nothing to do."""
    threads = threading.active_count()
    traced = pipeline(store)
    assert traced.flush(0)
    assert traced.shutdown(0)
    assert traced.store is None
    assert traced.stats().recorded == 0
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads
    assert store.opened == 0


def test_what_was_flushed_is_in_the_store_in_order(pipeline: Make, store: FakeStore) -> None:
    """Once, and in the order in which it was appended."""
    traced = pipeline(store)
    append(traced, 500)
    assert traced.flush(20)
    assert store.names == names(500)
    numbers = traced.stats()
    assert (numbers.recorded, numbers.written, numbers.pending, numbers.backlog_bytes) == (500, 500, 0, 0)


def test_records_arrive_without_a_flush(pipeline: Make, store: FakeStore) -> None:
    """The writer looks by itself."""
    traced = pipeline(store)
    append(traced, 1)
    wait_until(lambda: store.names == names(1))


def test_records_cross_segments(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """Drained segments are unlinked; the current one stays, and those that are ready."""
    traced = pipeline(store, segment_bytes=4096)
    append(traced, 300)
    assert traced.flush(20)
    assert store.names == names(300)
    (folder,) = (tmp_path / "journal").iterdir()
    wait_until(lambda: len(list(folder.glob("*.seg"))) <= 3)


def test_a_start_and_its_end_meet_in_one_batch(pipeline: Make) -> None:
    """The store gets one row."""
    gate = Gate()
    store = FakeStore(gate)
    traced = pipeline(store)
    append(traced, 1)
    assert gate.reached.wait(20)
    append(traced, 1, start=7, running=True)
    append(traced, 1, start=7)
    gate.go.set()
    assert traced.flush(20)
    assert [(row.name, row.status) for row in store.rows] == [("r0", "success"), ("r7", "success")]


def test_several_threads_lose_nothing(pipeline: Make, store: FakeStore) -> None:
    """Across many segments and batches."""
    traced = pipeline(store, segment_bytes=16384)
    threads = [threading.Thread(target=append, args=(traced, 300, 1000 * n)) for n in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traced.flush(20)
    assert sorted(store.names) == sorted(name for n in range(1, 6) for name in names(300, 1000 * n))


# A store with troubles.


def test_a_store_that_fails_one_time_in_three_gets_everything(pipeline: Make) -> None:
    """Each failed batch is tried again; nothing is lost and nothing comes twice."""
    calls = 0

    def flaky(_batch: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls % 3 == 1:
            raise StoreUnavailable("busy")

    store = FakeStore(flaky)
    traced = pipeline(store, batch_records=10)
    append(traced, 300)
    assert traced.flush(20)
    assert store.names == names(300)
    assert traced.stats().retried >= 10
    assert traced.stats().last_error == "StoreUnavailable: busy"


def test_a_store_that_comes_back_gets_what_the_journal_held(pipeline: Make) -> None:
    """Appends go on while the store is down."""
    up = False

    def down(_batch: Batch) -> None:
        if not up:
            raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store, segment_bytes=8192)
    append(traced, 100)
    wait_until(lambda: traced.stats().retried > 2)
    append(traced, 100, start=100)
    assert traced.stats().pending == 200
    assert traced.stats().backlog_bytes > 0
    up = True
    assert traced.flush(20)
    assert store.names == names(200)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), StoreTooNew("upgrade"), OSError("disk")])
def test_whatever_a_store_raises_the_records_wait(pipeline: Make, error: Exception) -> None:
    """An unexpected error is reported and tried again, never a loss."""
    errors: list[Any] = []

    def trouble(_batch: Batch) -> None:
        if len(errors) < 3:
            raise error

    store = FakeStore(trouble)
    traced = pipeline(store, errors=errors)
    append(traced, 3)
    assert traced.flush(20)
    assert store.names == names(3)
    assert {place for place, _ in errors} == {"store"}


def test_a_store_that_cannot_be_opened_yet_is_tried_again(tmp_path: Path) -> None:
    """The journal holds until it can."""
    store, attempts = FakeStore(), []
    real = store.open

    def opens_late() -> None:
        attempts.append(1)
        if len(attempts) < 4:
            raise StoreUnavailable("not yet")
        real()

    store.open = opens_late  # type: ignore[method-assign]
    traced = make_pipeline(tmp_path, store)
    append(traced, 3)
    assert traced.flush(20)
    assert store.names == names(3)
    assert traced.shutdown(20)


def test_a_defect_that_some_rows_meet_again_and_again_counts_as_a_rejection(pipeline: Make) -> None:
    """Or everything behind them would wait for ever."""

    def meets(batch: Batch) -> None:
        if any(row.name == "r7" for row in batch.runs.values()):
            raise TypeError("unsupported type")

    store = FakeStore(meets)
    traced = pipeline(store)
    append(traced, 1)
    assert traced.flush(20)
    append(traced, 20, start=1)
    assert traced.flush(20)
    assert sorted(store.names) == sorted(set(names(21)) - {"r7"})
    assert traced.stats().dead_letters == 1


def test_a_store_that_never_worked_gets_nothing_set_aside(pipeline: Make) -> None:
    """Its defect is its own; the journal holds."""
    broken = True

    def breaks(_batch: Batch) -> None:
        if broken:
            raise TypeError("no such method")

    store = FakeStore(breaks)
    traced = pipeline(store)
    append(traced, 20)
    wait_until(lambda: traced.stats().retried > 8)
    assert traced.stats().dead_letters == 0
    broken = False
    assert traced.flush(20)
    assert store.names == names(20)


def test_a_record_that_breaks_the_batch_is_set_aside(
    pipeline: Make, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is built once more without it."""
    real = Batch.add

    def fragile(batch: Batch, kind: int, payload: bytes, **options: Any) -> None:
        real(batch, kind, payload, **options)
        if b'"r3"' in payload:
            raise RecursionError("too deep")

    monkeypatch.setattr(Batch, "add", fragile)
    monkeypatch.setattr(Batch, "add_runs", lambda _batch, _records, first, *_, **__: first)
    traced = pipeline(store)
    append(traced, 6)
    assert traced.flush(20)
    assert store.names == ["r0", "r1", "r2", "r4", "r5"]
    assert traced.stats().dead_letters == 1


def test_rejected_records_are_set_aside_and_the_others_land(pipeline: Make, tmp_path: Path) -> None:
    """Halving finds the ones that the store refuses; where it sets none aside they wait in a private file."""
    bad = {"r17", "r18", "r63"}

    def refuse(batch: Batch) -> None:
        if any(row.name in bad for row in batch.runs.values()):
            raise StoreRejected("value too odd")

    store = FakeStore(refuse)
    traced = pipeline(store)
    append(traced, 100)
    assert traced.flush(20)
    assert sorted(store.names) == sorted(set(names(100)) - bad)
    assert traced.stats().dead_letters == 3
    assert traced.stats().pending == 0
    letters = tmp_path / "journal" / "dead-letters.jsonl"
    lines = [json.loads(line) for line in letters.read_text().splitlines()]
    payloads = [base64.b64decode(line["payload"]) for line in lines]
    assert {json.loads(read_run(payload).envelope)["name"] for payload in payloads} == bad
    assert {line["error"] for line in lines} == {"StoreRejected: value too odd"}
    assert stat.S_IMODE(letters.stat().st_mode) == 0o600


def test_records_that_make_no_sense_are_set_aside(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """A payload that is no record, or of an unknown kind."""
    traced = pipeline(store)
    traced.append(RUN, b"no json")
    traced.append(77, record(1))
    append(traced, 1)
    assert traced.flush(20)
    assert store.names == names(1)
    assert traced.stats().dead_letters == 2
    assert len((tmp_path / "journal" / "dead-letters.jsonl").read_text().splitlines()) == 2


def test_dead_letters_without_a_folder_are_counted(pipeline: Make, store: FakeStore) -> None:
    """In memory, with a store that keeps none, they are lost, and that is counted as well."""
    traced = pipeline(store, root=None)
    traced.append(RUN, b"no json")
    assert traced.flush(20)
    assert (traced.stats().dead_letters, traced.stats().dead_letters_lost) == (1, 1)


def test_dead_letters_that_cannot_be_written_stop_nothing(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """The problem is reported."""
    (tmp_path / "journal" / "dead-letters.jsonl").mkdir(parents=True)
    errors: list[Any] = []
    traced = pipeline(store, errors=errors)
    traced.append(RUN, b"no json")
    append(traced, 1)
    assert traced.flush(20)
    assert store.names == names(1)
    assert "dead letters" in [place for place, _ in errors]
    assert (traced.stats().dead_letters, traced.stats().dead_letters_lost) == (1, 1)


def test_an_error_callback_that_raises_stops_nothing(tmp_path: Path) -> None:
    """The writer goes on."""
    store = FakeStore()
    traced = make_pipeline(tmp_path, store)

    def raises(_where: str, _error: BaseException) -> None:
        raise RuntimeError("strict")

    traced._on_error = raises
    traced.append(RUN, b"no json")
    append(traced, 1)
    assert traced.flush(20)
    assert store.names == names(1)
    with pytest.raises(RuntimeError, match="strict"):
        traced.append(RUN, "text")  # type: ignore[arg-type]
    assert traced.shutdown(20)


def test_damage_in_ones_own_journal_costs_what_it_hit(pipeline: Make, tmp_path: Path) -> None:
    """Somebody wrote into the file: the other records arrive, and the place is counted."""
    gate = Gate()
    store = FakeStore(gate)
    traced = pipeline(store)
    append(traced, 1)
    assert gate.reached.wait(20)
    append(traced, 3, start=1)
    (segment,) = (tmp_path / "journal").glob("*/00000001.seg")
    raw = segment.read_bytes()
    with segment.open("r+b") as file:
        file.seek(raw.index(b'"r2"'))
        file.write(b"X")
    gate.go.set()
    assert traced.flush(20)
    assert store.names == ["r0", "r1", "r3"]
    assert traced.stats().damaged == 1
    assert traced.stats().pending == 0


# Time.


def test_flush_keeps_its_time_with_a_store_that_is_stuck(pipeline: Make) -> None:
    """It says that it did not make it, and what was appended is still there."""
    gate = Gate()
    store = FakeStore(gate)
    traced = pipeline(store)
    append(traced, 2)
    assert gate.reached.wait(20)
    assert traced.flush(0.01) is False
    assert traced.flush(0) is False
    assert traced.shutdown(0.01) is False
    append(traced, 2, start=2)
    gate.go.set()
    assert traced.flush(20)
    assert sorted(store.names) == names(4)
    assert traced.shutdown(20)


def test_flush_waits_for_what_was_appended_before_and_for_no_more(pipeline: Make) -> None:
    """Others may append without end."""
    stop = threading.Event()

    def crowd() -> None:
        number = 10_000
        while not stop.is_set():
            traced.append(RUN, record(number))
            number += 1

    store = FakeStore()
    traced = pipeline(store, batch_records=5)
    append(traced, 20)
    thread = threading.Thread(target=crowd)
    thread.start()
    try:
        assert traced.flush(20)
        assert set(names(20)) <= set(store.names)
    finally:
        stop.set()
        thread.join()


def test_a_flush_wakes_a_writer_that_waits_to_try_again(pipeline: Make) -> None:
    """It does not wait for the end of the pause."""
    up = threading.Event()

    def down(_batch: Batch) -> None:
        if not up.is_set():
            raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store, retry_initial=3600.0, retry_max=3600.0)
    append(traced, 1)
    wait_until(lambda: store.writes)
    up.set()
    assert traced.flush(20)


def test_a_flush_in_the_writers_thread_returns_at_once(pipeline: Make) -> None:
    """A store that flushes does not wait for itself."""
    answers: list[bool] = []
    traced: Pipeline

    def flushing(_batch: Batch) -> None:
        answers.append(traced.flush(3600))

    traced = pipeline(FakeStore(flushing))
    append(traced, 1)
    assert traced.flush(20)
    assert answers == [False]


def test_a_store_that_is_traced_itself_ends(pipeline: Make) -> None:
    """Records that the writer's own thread appends are written in a later round."""
    traced: Pipeline
    written: list[str] = []

    def tracing(_batch: Batch) -> None:
        if len(written) < 3:
            written.append("x")
            traced.append(RUN, record(100 + len(written)))

    store = FakeStore(tracing)
    traced = pipeline(store)
    append(traced, 1)
    wait_until(lambda: store.names == ["r0", "r101", "r102", "r103"])


# The end, and starting again.


def test_shutdown_leaves_no_folder_and_no_thread(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """And closes the store, once."""
    others = set(threading.enumerate())
    traced = pipeline(store)
    append(traced, 5)
    assert [thread.name for thread in set(threading.enumerate()) - others] == ["agenttrace-writer"]
    assert traced.shutdown(20)
    assert traced.shutdown(20)
    assert store.names == names(5)
    assert list((tmp_path / "journal").iterdir()) == []
    assert store.closed == 1
    assert set(threading.enumerate()) <= others


def test_after_a_shutdown_everything_starts_again(pipeline: Make, store: FakeStore) -> None:
    """With a new journal; nothing that is recorded is lost."""
    traced = pipeline(store)
    append(traced, 1)
    assert traced.shutdown(20)
    append(traced, 1, start=1)
    assert traced.flush(20)
    assert store.names == names(2)
    assert store.opened == 2
    assert traced.stats().pending == 0


def test_a_shutdown_with_an_open_run_keeps_the_journal_locked(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """So that nobody abandons a run whose process lives; its end goes to the same journal."""
    traced = pipeline(store)
    append(traced, 1, running=True)
    assert traced.shutdown(20)
    (folder,) = (tmp_path / "journal").iterdir()
    other = pipeline(FakeStore(), adopt_interval=0.0)
    append(other, 1, start=50)
    assert other.flush(20)
    assert other.stats().adopted == 0
    assert other.shutdown(20)
    assert folder.exists()
    append(traced, 1)
    assert traced.flush(20)
    assert [row.status for row in store.rows] == ["running", "success"]
    assert traced.shutdown(20)
    assert not folder.exists()


def test_a_shutdown_that_could_not_deliver_leaves_the_records(pipeline: Make, tmp_path: Path) -> None:
    """They are in the folder, and a later append takes the same journal up again."""
    up = False

    def down(_batch: Batch) -> None:
        if not up:
            raise StoreUnavailable("down")

    store = FakeStore(down)
    traced = pipeline(store)
    append(traced, 3)
    wait_until(lambda: traced.shutdown(0.5) is False and traced._writer is None)
    assert len(list((tmp_path / "journal").iterdir())) == 1
    up = True
    append(traced, 1, start=3)
    assert traced.flush(20)
    assert store.names == names(4)


def test_shutdowns_at_once_are_one(pipeline: Make, store: FakeStore) -> None:
    """Threads that shut down at the same time do not trip over each other."""
    traced = pipeline(store)
    append(traced, 50)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(traced.shutdown(20))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 5
    assert store.names == names(50)


def test_appending_while_another_thread_shuts_down_loses_nothing(pipeline: Make, store: FakeStore) -> None:
    """Each record lands in the old journal or in the next one."""
    traced = pipeline(store)
    done = threading.Event()

    def shutting() -> None:
        while not done.is_set():
            traced.shutdown(20)

    thread = threading.Thread(target=shutting)
    thread.start()
    append(traced, 400)
    done.set()
    thread.join()
    assert traced.flush(20)
    assert store.names == names(400)


def test_a_store_that_cannot_close_does_not_matter(pipeline: Make, store: FakeStore) -> None:
    """It is reported."""
    errors: list[Any] = []

    def close() -> None:
        raise RuntimeError("stuck")

    store.close = close  # type: ignore[method-assign]
    traced = pipeline(store, errors=errors)
    append(traced, 1)
    assert traced.shutdown(20)
    assert [place for place, _ in errors] == ["store close"]


def test_after_the_exit_records_wait_on_disk(store: FakeStore, tmp_path: Path) -> None:
    """Open runs end as abandoned; what is recorded later is for whoever adopts the folder."""
    traced = make_pipeline(tmp_path, store)
    append(traced, 1, running=True)
    traced.at_exit(20)
    assert len(store.abandoned) == 1
    assert list(tmp_path.iterdir()) == []
    append(traced, 1, start=1)
    assert traced.flush(0.01) is False
    (folder,) = tmp_path.iterdir()
    assert b'"r1"' in (folder / "00000001.seg").read_bytes()
    traced._exiting = False
    assert traced.shutdown(20)


def test_an_exit_without_open_runs_abandons_nothing(store: FakeStore, tmp_path: Path) -> None:
    """All runs have ended: there is nobody to abandon."""
    traced = make_pipeline(tmp_path, store)
    append(traced, 1, running=True)
    append(traced, 1)
    traced.at_exit(20)
    assert store.abandoned == []
    assert list(tmp_path.iterdir()) == []


def test_an_exit_never_raises(store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in the last moment."""
    errors: list[Any] = []
    traced = make_pipeline(tmp_path, store, errors=errors)
    append(traced, 1)
    assert traced.flush(20)

    def fails(*_args: object) -> None:
        raise RuntimeError("late")

    with monkeypatch.context() as patch:
        patch.setattr(traced, "_leave_journal", fails)
        traced.at_exit(20)
    assert [place for place, _ in errors] == ["exit"]
    traced._exiting = False
    assert traced.shutdown(20)


def test_where_no_thread_can_start_records_wait_on_disk(
    store: FakeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the end of the interpreter."""
    traced = make_pipeline(tmp_path, store)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        append(traced, 1)
        assert traced.flush(0.01) is False
    assert traced.flush(20)
    assert store.names == names(1)
    assert traced.shutdown(20)


# The store is shared.


def test_queries_share_the_writers_store(pipeline: Make, store: FakeStore) -> None:
    """Opened once, whoever asks first."""
    traced = pipeline(store)
    assert traced.store is None
    assert traced.open_store_once() is store
    append(traced, 1)
    assert traced.flush(20)
    assert traced.open_store_once() is traced.store is store
    assert store.opened == 1


# Where the journal lives.


def test_rights_do_not_depend_on_the_umask(pipeline: Make, store: FakeStore, tmp_path: Path) -> None:
    """Folders 0700, files 0600."""
    import os

    before = os.umask(0)
    try:
        traced = pipeline(store)
        append(traced, 1)
        assert traced.flush(20)
    finally:
        os.umask(before)
    root = tmp_path / "journal"
    (folder,) = root.iterdir()
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.name for path in folder.iterdir()} >= {"lock", "owner.json", "mark", "00000001.seg"}


def test_a_strict_umask_does_not_shut_us_out(pipeline: Make, store: FakeStore) -> None:
    """The rights are set, not hoped for."""
    import os

    before = os.umask(0o777)
    try:
        traced = pipeline(store)
        append(traced, 1)
        assert traced.flush(20)
    finally:
        os.umask(before)
    assert store.names == names(1)


def test_a_folder_that_cannot_be_made_means_memory_and_one_warning(
    pipeline: Make, store: FakeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Records still arrive."""
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING, logger="agenttrace"):
        traced = pipeline(store, root=tmp_path / "file")
        append(traced, 300)
        assert traced.shutdown(20)
        append(traced, 10, start=300)
        assert traced.shutdown(20)
    assert store.names == names(310)
    assert len(caplog.records) == 1
    assert "crash" in caplog.text


def test_a_file_system_that_grants_a_lock_twice_means_memory(
    pipeline: Make, store: FakeStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the living could not be told from the dead."""
    import fcntl

    monkeypatch.setattr(fcntl, "flock", lambda *_args: None)
    traced = pipeline(store)
    append(traced, 3)
    assert traced.flush(20)
    assert "granted twice" in caplog.text
    # The writer tries again and again to come home, and leaves nothing of it.
    wait_until(lambda: [path.name for path in (tmp_path / "journal").iterdir()] == [])
    assert store.names == names(3)


def test_a_platform_without_flock_means_memory(
    pipeline: Make, store: FakeStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""

    monkeypatch.setattr("agenttrace.journal.folder.fcntl", None)
    traced = pipeline(store)
    append(traced, 3)
    assert traced.flush(20)
    assert "no flock" in caplog.text
    assert store.names == names(3)


def test_a_journal_in_memory_works_alike(pipeline: Make, store: FakeStore) -> None:
    """Segments and all."""
    traced = pipeline(store, root=None, segment_bytes=8192)
    append(traced, 500)
    assert traced.shutdown(20)
    assert store.names == names(500)


def test_a_warning_is_not_given_under_a_lock_that_a_logging_handler_may_wait_for(
    pipeline: Make, store: FakeStore, tmp_path: Path
) -> None:
    """A handler that records, in another thread, while this one warns: neither waits for the other."""
    (tmp_path / "file").write_text("in the way")
    traced = pipeline(store, root=tmp_path / "file")
    handling, inside = threading.RLock(), threading.Event()

    class Recording(logging.Handler):
        def createLock(self) -> None:  # noqa: N802 - the name that logging has
            self.lock = handling

        def emit(self, entry: logging.LogRecord) -> None:
            append(traced, 1, start=100)

    def other() -> None:
        with handling:
            inside.set()
            append(traced, 50)

    handler = Recording()
    logging.getLogger("agenttrace").addHandler(handler)
    try:
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(20)
        append(traced, 50, start=200)
        thread.join()
        assert traced.flush(20)
        assert traced.shutdown(20)
    finally:
        logging.getLogger("agenttrace").removeHandler(handler)
    assert set(names(50) + names(50, 200) + ["r100"]) == set(store.names)


def test_interrupts_at_any_point_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A timer raises out of appends, at new segments and at the start of the writer; what returned is stored."""
    script = """
import signal, time

class TimeUpError(Exception):
    pass

def up(number, frame):
    raise TimeUpError

signal.signal(signal.SIGALRM, up)
store = FakeStore()
traced = make_pipeline(Path(sys.argv[1]), store, segment_bytes=4096)
acknowledged = []
interrupted = number = 0
rounds = 0
while rounds < 150 or not acknowledged:  # where the disk is slow, making the folder alone outlasts the first timers
    rounds += 1
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0003 + rounds * 0.00001)
        ends = time.monotonic() + 0.5  # the interpreter may swallow what is raised while it calls a weakref back
        while time.monotonic() < ends:
            number += 1
            traced.append(RUN, record(number))
            acknowledged.append(f"r{number}")
    except TimeUpError:
        interrupted += 1
assert interrupted >= 140
assert acknowledged
assert traced.flush(30)
assert set(acknowledged) <= set(store.names)
assert len(store.names) == len(set(store.names))
assert traced.stats().damaged == 0
assert traced.shutdown(30)
"""
    # Not measured: the measuring would be interrupted as well, and it is not made for that.
    child(script, tmp_path / "journal", measured=False)


def test_an_interrupt_that_starting_a_thread_hides_is_raised_and_makes_no_second_writer(tmp_path: Path) -> None:
    """Raised at the end of `Condition.wait`, it leaves that without its lock: a RuntimeError takes its place."""
    script = """
import signal, threading, time

class TimeUpError(Exception):
    pass

def up(number, frame):
    raise TimeUpError

def slowly(thread, bootstrap=threading.Thread._bootstrap):
    time.sleep(0.05)
    bootstrap(thread)

def restore(condition, state, restored=threading.Condition._acquire_restore):
    if threading.current_thread() is threading.main_thread() and armed:
        armed.clear()
        up(0, None)
    restored(condition, state)

signal.signal(signal.SIGALRM, up)
armed = [True]
threading.Thread._bootstrap = slowly
threading.Condition._acquire_restore = restore
store = FakeStore()
traced = make_pipeline(Path(sys.argv[1]), store)
try:
    traced.append(RUN, record(1))
except TimeUpError:
    print("interrupted")
traced.append(RUN, record(2))
assert traced.flush(30)
assert store.names == ["r1", "r2"], store.names
print([thread.name for thread in threading.enumerate()].count("agenttrace-writer"))
assert traced.shutdown(30)
"""
    assert child(script, tmp_path / "journal").stdout.split() == ["interrupted", "1"]


def test_a_page_of_the_journal_is_synced_now_and_then(
    pipeline: Make, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the loss of power costs a second at most."""
    import os

    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append, raising=False)
    traced = pipeline(store, sync_interval=0.0)
    append(traced, 1)
    wait_until(lambda: synced)
    assert traced.flush(20)


def test_a_defect_in_the_writer_does_not_end_it(
    pipeline: Make, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted and reported, and the next round works."""
    from agenttrace.journal.journal import Journal

    errors: list[Any] = []
    real = Journal.tidy

    def defect(journal: Journal) -> None:
        if not errors:
            raise ZeroDivisionError("defect")
        real(journal)

    monkeypatch.setattr(Journal, "tidy", defect)
    traced = pipeline(store, errors=errors)
    append(traced, 1)
    wait_until(lambda: errors)
    append(traced, 1, start=1)
    assert traced.flush(20)
    assert store.names == names(2)
    assert traced.stats().internal_errors == 1
    assert errors[0][0] == "writer"


def test_a_mark_that_cannot_be_written_stops_nothing(
    pipeline: Make, store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records would come again after a crash, which is allowed."""
    from agenttrace.journal.folder import JournalFolder

    def refuse(*_args: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(JournalFolder, "write_mark", refuse)
    errors: list[Any] = []
    traced = pipeline(store, errors=errors)
    append(traced, 3)
    assert traced.flush(20)
    assert {place for place, _ in errors} == {"journal mark"}


def test_segments_that_cannot_be_read_any_more_are_passed_over(pipeline: Make, tmp_path: Path) -> None:
    """Somebody deleted the files of a long backlog: what is open is kept, the rest counts as damage."""
    gate = Gate()
    store = FakeStore(gate)
    traced = pipeline(store, segment_bytes=4096)
    append(traced, 1)
    assert gate.reached.wait(20)
    append(traced, 200, start=1)
    journal = traced._journal
    assert journal is not None
    for segment in list(journal._segments)[3:6]:
        segment.rest()
    for path in (tmp_path / "journal").glob("*/*.seg"):
        path.unlink()
    gate.go.set()
    assert traced.flush(20)
    assert traced.stats().damaged >= 3
    assert "r200" in store.names


def test_two_pipelines_share_a_root(pipeline: Make) -> None:
    """Each has a folder of its own, and neither takes the other for dead."""
    one, two = FakeStore(), FakeStore()
    first, second = pipeline(one, adopt_interval=0.0), pipeline(two, adopt_interval=0.0)
    append(first, 10)
    append(second, 10, start=10)
    assert first.flush(20)
    assert second.flush(20)
    assert (one.names, two.names) == (names(10), names(10, 10))
    assert first.stats().adopted == second.stats().adopted == 0
