"""The store as an object: open, close, open again, and many threads at once."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from agenttrace.errors import StoreUnavailable
from agenttrace.model.letters import dead_letter
from agenttrace.store.batch import Batch
from agenttrace.store.protocol import AuditFilter, EventFilter, PurgeFilter, RunFilter, SessionFilter, Store
from agenttrace.testing.records import PROCESS, batch_of, run_record
from agenttrace.testing.suite.base import WORKSPACE, StandingClock, StoreSuite, all_runs, roots, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import api_key

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CallPromises"]


class CallPromises(StoreSuite):
    """Methods may be called from any thread, and from several at once."""

    @proves("store.protocol")
    def test_it_is_a_store(self, store: Store) -> None:
        """It has every method of the protocol, and a URL."""
        assert isinstance(store, Store)
        assert "://" in store.url

    @proves("store.reopen")
    def test_opening_and_closing_twice_does_nothing_more(self, store: Store) -> None:
        """What was written before a close is there when the store is opened again."""
        write(store, run_record(1))
        store.open()
        store.close()
        store.close()
        store.open()
        assert len(all_runs(store)) == 1
        write(store, run_record(2))
        assert len(all_runs(store)) == 2

    @proves("store.closed")
    def test_a_closed_store_is_unavailable(self, store: Store) -> None:
        """Every call raises StoreUnavailable until it is opened again, and changes nothing."""
        write(store, run_record(1, scope={"user_id": "u", "team_id": "t", "session_id": "ase_1"}))
        before = all_runs(store)
        store.close()
        assert [name for name, call in _calls(store).items() if not _is_refused(call)] == []
        store.open()
        assert all_runs(store) == before
        for call in _calls(store).values():
            call()

    @proves("store.clock")
    def test_the_clock_is_the_stores(self, store: Store, clock: StandingClock) -> None:
        """`now` is in microseconds."""
        assert store.now() == clock.time

    @proves("write.replay")
    def test_an_empty_batch_writes_nothing(self, store: Store) -> None:
        """And raises nothing."""
        store.write(Batch())
        assert all_runs(store) == []

    @proves("store.copies")
    def test_rows_that_were_returned_are_the_callers(self, store: Store) -> None:
        """Changing one changes nothing in the store."""
        write(store, run_record(1, name="kept"))
        all_runs(store)[0].name = "changed"
        assert all_runs(store)[0].name == "kept"

    @proves("store.threads", "write.whole")
    def test_several_threads_write_and_read_at_once(self, store: Store) -> None:
        """Nothing is lost, and every read sees whole batches."""

        def work(number: int) -> list[int]:
            counts: list[int] = []
            for step in range(8):
                first = 1 + number * 1000 + step * 10
                write(store, run_record(first), *(run_record(first + n, parent=first) for n in range(1, 5)))
                counts.append(store.count_runs(RunFilter(workspace_id=WORKSPACE)))
            return counts

        with ThreadPoolExecutor(6) as pool:
            counts = [count for found in pool.map(work, range(6)) for count in found]
        assert {count % 5 for count in counts} == {0}
        assert len(all_runs(store)) == 6 * 8 * 5
        assert len(roots(store)) == 6 * 8
        assert store.abandon(PROCESS, at=2_000_000) == 6 * 8 * 5


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except StoreUnavailable:
        return True
    return False


def _calls(store: Store) -> dict[str, Callable[[], object]]:
    """Return a call of each method that needs an open store."""
    here, key = WORKSPACE, bytes(16)
    runs, events = RunFilter(workspace_id=here), EventFilter(workspace_id=here, session_id=key, types=("log",))
    purged = PurgeFilter(workspace_id=here, before=1)
    return {
        "write": lambda: store.write(batch_of(run_record(2))),
        "abandon": lambda: store.abandon(key, at=1),
        "revive": lambda: store.revive(key, [(here, key)]),
        "processes": store.processes,
        "reset": lambda: store.reset(here, team_id="nobody", user_id="nobody"),
        "runs": lambda: store.runs(runs),
        "count_runs": lambda: store.count_runs(runs),
        "run_figures": lambda: store.run_figures(runs),
        "run_ids": lambda: store.run_ids(runs),
        "traces": lambda: store.traces(here, [key]),
        "tree_stamps": lambda: store.tree_stamps(here, [key]),
        "tree_rows": lambda: store.tree_rows(here, [key]),
        "events": lambda: store.events(events),
        "count_events": lambda: store.count_events(events),
        "sessions": lambda: store.sessions(SessionFilter(workspace_id=here)),
        "session_has_agent": lambda: store.session_has_agent(here, key, "agt_a"),
        "agents": lambda: store.agents(here, ["agt_a"]),
        "has_contact": lambda: store.has_contact(here, key),
        "conversation": lambda: store.conversation(here, key),
        "spans": lambda: store.spans(here, key),
        "logs": lambda: store.logs(here, key),
        "audit": lambda: store.audit(AuditFilter(workspace_id=here)),
        "add_key": lambda: store.add_key(api_key("a")),
        "key": lambda: store.key("a"),
        "keys": lambda: store.keys(here),
        "revoke_key": lambda: store.revoke_key(here, "a", at=1),
        "set_aside": lambda: store.set_aside([dead_letter(1, b"", "", process_id=key, now=1)]),
        "dead_letters": store.dead_letters,
        "discard_letters": lambda: store.discard_letters([key]),
        "letter_figures": lambda: store.letter_figures(since=0),
        "collect": store.collect,
        "purge": lambda: store.purge(purged),
        "purge_counts": lambda: store.purge_counts(purged),
        "scrub": store.scrub,
    }
