"""`retention=`: what is older goes by itself, while recording goes on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agenttrace import AgentTrace
from agenttrace.erasure.retention import INTERVAL, Retention
from agenttrace.errors import ConfigurationError, StoreUnavailable
from agenttrace.journal.pipeline import Pipeline
from agenttrace.journal.settings import JournalSettings
from agenttrace.journal.turn_taking import SharedTurn
from agenttrace.model import ids
from agenttrace.store.memory import MemoryStore
from agenttrace.store.protocol import AuditFilter, RunFilter
from agenttrace.testing.records import audit_record, batch_of, run_record
from tests.journal.journal_support import wait_until

_DAY = 86_400_000_000
_WORKSPACE = ids.DEFAULT_WORKSPACE.bytes


def filled() -> MemoryStore:
    store = MemoryStore()
    store.open()
    store.write(
        batch_of(
            *(
                run_record(number, trace=number << 80, start=number * _DAY, turn=number * _DAY)
                for number in range(1, 11)
            ),
            audit_record(1, time=_DAY),
        )
    )
    return store


def left(store: MemoryStore) -> list[int]:
    return [run.start_time // _DAY for run in store.runs(RunFilter(workspace_id=_WORKSPACE))]


def round_of(retention: Retention, store: Any) -> float:
    pause = 0.0
    while pause == 0.0:
        pause = retention.step(store)
    return pause


def test_a_round_deletes_what_is_older_and_leaves_a_receipt(tmp_path: Path) -> None:
    """The next one is an hour later; audit notes stay unless they are kept by age as well."""
    store = filled()
    retention = Retention(5 * _DAY, tmp_path, audit=False, clock=lambda: 10 * _DAY)
    assert round_of(retention, store) == INTERVAL
    assert left(store) == [10, 9, 8, 7, 6, 5]
    assert {note.action for note in store.audit(AuditFilter(workspace_id=_WORKSPACE))} == {
        "run_logs.queried",
        "data.purged",
    }
    round_of(Retention(5 * _DAY, None, audit=True, clock=lambda: 10 * _DAY), store)
    assert {note.action for note in store.audit(AuditFilter(workspace_id=_WORKSPACE))} == {"data.purged"}


def test_one_process_of_several_does_it(tmp_path: Path) -> None:
    """Within an hour a second one finds it done."""
    now = [10 * _DAY]
    one, other = (Retention(5 * _DAY, tmp_path, audit=False, clock=lambda: now[0]) for _ in range(2))
    first, second = filled(), filled()
    round_of(one, first)
    assert 0 < round_of(other, second) < INTERVAL
    assert len(left(second)) == 10
    now[0] += 3_600_000_000
    assert round_of(other, second) == INTERVAL
    assert left(second) == [10, 9, 8, 7, 6]


def test_a_turn_is_taken_by_one(tmp_path: Path) -> None:
    """As long as it is held nobody else has it; one that was given up is free."""
    one, other = SharedTurn(tmp_path, "turn", 100), SharedTurn(tmp_path, "turn", 100)
    assert one.take(1000)
    assert not other.take(1000)
    one.give(None)
    assert other.take(1000)
    other.give(1000)
    assert not one.take(1099)
    assert one.take(1100)
    one.give(1100)
    assert one.take(5), "a clock that was set back"
    one.give(None)


def test_a_store_that_is_out_of_reach_disturbs_nothing(tmp_path: Path) -> None:
    """The round is begun again later."""

    class Down(MemoryStore):
        def purge(self, *_: Any, **__: Any) -> Any:
            raise StoreUnavailable("down")

    retention = Retention(5 * _DAY, tmp_path, audit=False, clock=lambda: 10 * _DAY)
    with pytest.raises(StoreUnavailable):
        retention.step(Down())
    store = filled()
    assert round_of(retention, store) == INTERVAL
    assert len(left(store)) == 6


def test_the_writer_tends_the_store(tmp_path: Path) -> None:
    """After a while, in its own thread, and again after what the step says; a failing one is tried again."""
    store, calls = filled(), []

    def upkeep(_: Any) -> float:
        calls.append(1)
        if len(calls) == 1:
            raise StoreUnavailable("down")
        return 0.0

    settings = JournalSettings(root=tmp_path, upkeep=upkeep, upkeep_delay=0.0, flush_interval=0.01, upkeep_pause=0.0)
    pipeline = Pipeline(settings, lambda: store, on_error=lambda *_: None, clock=lambda: 10 * _DAY)
    pipeline.append(*run_record(99, start=10 * _DAY))
    wait_until(lambda: len(calls) >= 3)
    assert pipeline.shutdown(10)
    assert pipeline.stats().internal_errors == 0


def test_a_configured_retention_is_kept(tmp_path: Path) -> None:
    """`configure(retention=...)` wires it."""
    with AgentTrace(tmp_path / "traces.db", retention="90d") as trace:
        upkeep = trace._pipe().settings.upkeep  # pyright: ignore[reportPrivateUsage]
        assert upkeep is not None
        trace.master("m", input="x").start().end(output="y")
        trace.flush()
        upkeep(trace._pipe().open_store_once())  # pyright: ignore[reportPrivateUsage]
        assert len(list(trace.query.runs())) == 1


@pytest.mark.parametrize("wrong", ["90", "soon", "0d", timedelta(0), timedelta(days=-1), 90, "2026-01-31"])
def test_a_retention_that_is_no_age_is_refused(wrong: Any) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match="retention: "):
        AgentTrace("memory://", retention=wrong)
