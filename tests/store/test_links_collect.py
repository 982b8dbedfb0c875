"""Links that nothing leads to are collected, and no others, whoever writes meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agenttrace.store.protocol import LINK_AGE
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_uuid
from agenttrace.testing.suite.base import StandingClock
from tests.store.links_support import (
    OTHER,
    WORKSPACE,
    collect_all,
    contents,
    conversation,
    path_of,
    prompt,
    prompt_content,
    table,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UNREFERENCED = """SELECT count(*) FROM link WHERE hash NOT IN (
  WITH RECURSIVE used (hash) AS (
    SELECT history_link FROM run WHERE history_link IS NOT NULL
    UNION SELECT context_link FROM run WHERE context_link IS NOT NULL
    UNION SELECT link.previous FROM used JOIN link ON link.hash = used.hash WHERE link.previous IS NOT NULL
  ) SELECT hash FROM used)"""


@pytest.fixture
def clock() -> StandingClock:
    """The store's clock."""
    return StandingClock()


@pytest.fixture
def store(tmp_path: Path, clock: StandingClock) -> Iterator[SQLiteStore]:
    """An open store."""
    made = SQLiteStore(tmp_path / "traces.db", clock=clock)
    made.open()
    yield made
    made.close()


def count(store: SQLiteStore) -> int:
    """Return how many links there are."""
    return table(store, "SELECT count(*) FROM link")[0][0]


def test_what_nothing_leads_to_goes_after_an_hour(store: SQLiteStore, clock: StandingClock) -> None:
    """A chain from its end, as far as no other one begins with it."""
    store.write(conversation(3))
    store.write(batch_of(prompt(9, prompt_content(8))))
    table(store, "DELETE FROM run WHERE id = ?", run_uuid(9))
    assert (count(store), collect_all(store)) == (18, 0)
    clock.time += LINK_AGE - 1
    assert collect_all(store) == 0
    clock.time += 1
    assert (collect_all(store), count(store)) == (12, 6)
    assert contents(store) == written(conversation(3))


def test_everything_goes_with_the_last_run(store: SQLiteStore) -> None:
    """At once, where the caller says so, and in one pass, however long the chain."""
    store.write(batch_of(prompt(1, prompt_content(60))))
    table(store, "DELETE FROM run")
    assert (collect_all(store, older_than=0, limit=7), count(store)) == (122, 0)


def test_a_pass_goes_on_where_the_last_step_ended(store: SQLiteStore) -> None:
    """A step looks at so many links; the pass over all of them ends."""
    store.write(conversation(5))
    after, steps = b"", 0
    while (step := store.collect(older_than=0, after=after, limit=4)).after is not None:
        assert step.links == 0
        assert step.after > after
        after, steps = step.after, steps + 1
    assert steps == 2


def test_a_workspace_is_collected_alone(store: SQLiteStore) -> None:
    """Equal prompts of another one stay, referenced or not."""
    theirs = bytes.fromhex(OTHER.replace("-", ""))
    store.write(conversation(3))
    store.write(conversation(3, scope={"workspace_id": OTHER}))
    table(store, "DELETE FROM run")
    assert collect_all(store, theirs, older_than=0) == 6
    assert table(store, "SELECT DISTINCT workspace_id FROM link") == [(WORKSPACE,)]
    assert collect_all(store, older_than=0) == 6


def test_a_writer_notices_what_was_collected(store: SQLiteStore, tmp_path: Path) -> None:
    """By itself, or by another process: it stores again what it had stored before."""
    other = SQLiteStore(tmp_path / "traces.db")
    other.open()
    for collector in (store, other):
        store.write(conversation(3))
        table(store, "DELETE FROM run")
        assert collect_all(collector, older_than=0) == 6
        store.write(batch_of(prompt(4, prompt_content(3))))
        assert contents(store) == written(batch_of(prompt(4, prompt_content(3))))
        table(store, "DELETE FROM run")
        assert collect_all(collector, older_than=0) == 8
    other.close()


def test_a_reader_between_two_versions_reads_again(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run it read first was replaced and its links collected, before it came to read those."""
    store.write(batch_of(prompt(1, prompt_content(3, "first"))))
    read = SQLiteStore._found
    new = batch_of(prompt(1, prompt_content(3, "second"), rev=1))

    def interrupted(self: SQLiteStore, where: Any) -> Any:
        found = read(self, where)
        monkeypatch.undo()
        store.write(new)
        assert collect_all(store, older_than=0) == 7
        return found

    monkeypatch.setattr(SQLiteStore, "_found", interrupted)
    assert contents(store) == written(new)


def test_a_store_collects_by_itself(store: SQLiteStore, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step after a write, now and then."""
    monkeypatch.setattr("agenttrace.store.sql._COLLECT_EVERY", 0.0)
    monkeypatch.setattr(store, "_next_collection", 0.0)
    store.write(conversation(3))
    table(store, "DELETE FROM run")
    clock.time += LINK_AGE
    store.write(batch_of(prompt(1, {})))
    assert count(store) == 0


def test_a_collection_that_fails_leaves_the_write(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch is stored; what is left over is collected another time."""
    monkeypatch.setattr(store, "_next_collection", 0.0)
    table(store, "DROP INDEX link_previous")
    store.write(conversation(3))
    assert contents(store) == written(conversation(3))


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 1), st.integers(1, 6), st.integers(0, 4), st.sampled_from("ab")),
        st.tuples(st.just("erase"), st.integers(1, 6)),
        st.tuples(st.just("collect"), st.integers(0, 1), st.integers(1, 5)),
    ),
    max_size=14,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_steps)
def test_nothing_that_is_needed_is_ever_collected(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    """Two writers with memories of their own, erasure and collection, in any order."""
    path = tmp_path_factory.mktemp("collect") / "traces.db"
    stores = [SQLiteStore(path), SQLiteStore(path)]
    for each in stores:
        each.open()
    expected: dict[bytes, str | None] = {}
    for revision, (what, *how) in enumerate(steps):
        if what == "write":
            which, span, turn, who = how
            batch = batch_of(prompt(span, prompt_content(turn, who), rev=revision))
            stores[which].write(batch)
            expected |= written(batch)
        elif what == "erase":
            table(stores[0], "DELETE FROM run WHERE id = ?", run_uuid(how[0]))
            expected.pop(run_uuid(how[0]), None)
        else:
            collect_all(stores[how[0]], older_than=0, limit=how[1])
            assert table(stores[0], UNREFERENCED) == [(0,)]
        assert contents(stores[0]) == expected
    for each in stores:
        each.close()


def test_nothing_is_lost_beside_two_writing_processes(tmp_path: Path) -> None:
    """While two processes write and leave links behind, a third collects whatever it can, at once; one is killed."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    writers = [_writer(path_of(store), who, 60) for who in ("one", "two")]
    killed = _writer(path_of(store), "three", 10_000)
    try:
        collected = 0
        while any(writer.poll() is None for writer in writers):
            collected += collect_all(store, older_than=0, limit=50)
        killed.kill()
        assert [writer.wait(60) for writer in writers] == [0, 0]
    finally:
        for writer in (*writers, killed):
            writer.kill()
            writer.wait(60)
    assert collected > 0
    texts = contents(store)
    for who in ("one", "two"):
        first = sum(map(ord, who)) * 1000
        last = batch_of(
            *(prompt(first + turn, prompt_content(turn % 40, who)) for turn in range(60)),
            prompt(first + 999, prompt_content(59 % 5, f"{who}59"), rev=59),
        )
        assert {key: texts[key] for key in written(last)} == written(last)
    assert "missing" not in str(texts.values())
    collect_all(store, older_than=0)
    assert table(store, UNREFERENCED) == [(0,)]
    assert contents(store) == texts
    store.close()


def _writer(path: str, who: str, turns: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.links_writer", path, who, str(turns)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
