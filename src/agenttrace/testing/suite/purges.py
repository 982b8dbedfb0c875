"""Purges: what goes, what stays, in which steps, and what is left of it."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.store.protocol import AuditFilter, PurgeCounts, PurgeFilter
from agenttrace.store.purge_digest import row_digest
from agenttrace.testing.records import audit_record, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import OTHER, WORKSPACE, StoreSuite, all_runs, only_run, shown, write
from agenttrace.testing.suite.proves import proves
from agenttrace.testing.suite.sample import (
    HOUR,
    api_key,
    first_part,
    sample_batch,
    scope_of,
    second_part,
    snapshot,
    trace_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from agenttrace.store.protocol import Store

__all__ = ["PurgePromises"]

_THERE = ids.workspace_id(OTHER)
_SAMPLES = (1, 2, 3)
_STEPS = 2000  # of a purge that has no end
#: What is left of a sample whose runs went: other things are not of the person, or not of the turn.
_STAYS = {"agents", "audit", "keys"}


class PurgePromises(StoreSuite):
    """Exactly what matches goes, everywhere, in steps."""

    @proves("purge.exact", "purge.tenants")
    def test_a_person_or_a_session_goes_from_every_table(self, store: Store) -> None:
        """Runs, events, sessions, contacts, conversations, foreign spans and logs; others keep theirs."""
        nothing = {number: snapshot(store, number) for number in _SAMPLES}
        _write(store)
        contact = ids.entity_id(WORKSPACE, scope_of(2)["ai_contact_id"])
        asks: dict[int, dict[str, Any]] = {
            1: {"user_id": "user1"},
            2: {"ai_contact_id": contact},
            3: {"session_id": ids.session_id(WORKSPACE, scope_of(3)["session_id"])},
        }
        before = _all(store)
        for number, where in asks.items():
            counts = _purge(store, workspace_id=WORKSPACE, **where)
            assert (counts.runs, counts.sessions, counts.contacts, counts.conversations) == (6, 1, 1, 1), where
            assert min(counts.events, counts.spans, counts.logs, counts.session_agents) > 0, where
            after = _all(store)
            told = after.pop((WORKSPACE, number))
            assert {what: told[what] for what in told.keys() - _STAYS} == {
                what: nothing[number][what] for what in told.keys() - _STAYS
            }
            assert [(note.id, note.user_id) for note in told["audit"]] == [
                (note.id, None if number == 1 else note.user_id) for note in before[WORKSPACE, number]["audit"]
            ]
            del before[WORKSPACE, number]
            assert after == before
            before = after | {(WORKSPACE, number): told}

    @proves("purge.exact")
    def test_what_is_old_goes_with_its_turn(self, store: Store) -> None:
        """What began before goes, with what its turn did since; younger turns stay whole."""
        _write(store)
        late: dict[str, Any] = {"trace": trace_of(1), "parent": 1, "turn": HOUR, "scope": scope_of(1)}
        write(store, run_record(30, start=9 * HOUR, end=9 * HOUR + 1, **late), run_record(31, start=0, turn=3 * HOUR))
        before = _all(store)
        _purge(store, before=3 * HOUR - 1)
        for workspace in (WORKSPACE, _THERE):
            assert snapshot(store, 3, workspace) == before[workspace, 3]
            for number in (1, 2):
                told = snapshot(store, number, workspace)
                gone = ("runs", "traces", "events", "sessions", "spans", "logs", "conversation")
                assert not any(told[what] for what in gone), [what for what in gone if told[what]]
                assert told["audit"] == before[workspace, number]["audit"]
        assert len(all_runs(store)) == 6
        _purge(store, before=2 * HOUR + 1, audit=True, workspace_id=_THERE)
        assert [len(snapshot(store, number, _THERE)["audit"]) for number in _SAMPLES] == [0, 1, 2]
        assert [len(snapshot(store, number)["audit"]) for number in _SAMPLES] == [2, 2, 2]

    @proves("purge.exact")
    def test_several_names_must_all_hold(self, store: Store) -> None:
        """Runs of the same trace that carry none other go as well, those of another user stay."""
        ann, bob = ({"user_id": name, "session_id": "ase_both"} for name in ("ann", "bob"))
        write(store, run_record(1, scope=ann), run_record(2, parent=1, scope=bob), run_record(3, parent=1))
        write(store, run_record(4, trace=trace_of(1), scope=ann | {"session_id": "ase_ann"}))
        both = ids.session_id(WORKSPACE, "ase_both")
        counts = _purge(store, workspace_id=WORKSPACE, user_id="ann", session_id=both)
        left = {run.id for run in all_runs(store)}
        assert left >= {run_uuid(2), run_uuid(4, trace_of(1))}
        assert run_uuid(1) not in left
        assert counts.runs == 4 - len(left)

    @proves("purge.orphans")
    def test_nothing_hangs_in_the_air(self, store: Store) -> None:
        """A run whose parent went is a root; no event of a run that went shows; sessions that are used stay."""
        ann, bob = ({"user_id": name, "session_id": "ase_both"} for name in ("ann", "bob"))
        write(store, run_record(1, scope=ann, end=9_000_000), run_record(2, parent=1, scope=bob, end=3_000_000))
        write(store, run_record(3, parent=2, scope=bob), event_record(1, scope=ann), event_record(3, scope=bob))
        counts = _purge(store, workspace_id=WORKSPACE, user_id="ann")
        assert (counts.runs, counts.events, counts.sessions) == (1, 3, 0)
        runs = {run.id: run for run in all_runs(store)}
        assert {key: run.is_root for key, run in runs.items()} == {run_uuid(2): True, run_uuid(3): False}
        assert {event.run_id for event in shown(store, "ase_both")} == runs.keys()
        assert only_run(store, roots_only=True).id == run_uuid(2)
        assert sorted(row[2] for row in store.tree_rows(WORKSPACE, [run_uuid(2)])) == [False, True]

    @proves("purge.exact")
    def test_whom_others_name_stays(self, store: Store) -> None:
        """A contact and a conversation that a run of another names, wherever it stands, and whatever kind it is of."""
        ann, bob = ({"user_id": name, "ai_contact_id": "c", "conversation_id": "k"} for name in ("ann", "bob"))
        write(store, run_record(1, scope=ann), run_record(1, trace=trace_of(1), scope={"user_id": "bob"}))
        write(store, run_record(2, trace=trace_of(1), parent=1, run_type="context", scope=bob))
        contact, talk = (ids.entity_id(WORKSPACE, name) for name in ("c", "k"))
        _purge(store, workspace_id=WORKSPACE, user_id="ann")
        assert store.has_contact(WORKSPACE, contact)
        assert store.conversation(WORKSPACE, talk) is not None
        _purge(store, workspace_id=WORKSPACE, user_id="bob")
        assert not store.has_contact(WORKSPACE, contact)
        assert store.conversation(WORKSPACE, talk) is None

    @proves("purge.dry_run")
    def test_a_dry_run_tells_what_a_purge_deletes(self, store: Store) -> None:
        """For each kind of filter, to the digest; and it changes nothing."""
        _write(store)
        ann, bob = ({"user_id": name, "session_id": "ase_both"} for name in ("ann", "bob"))
        write(store, run_record(50, start=HOUR, scope=ann), run_record(51, parent=50, start=HOUR, scope=bob))
        contact = ids.entity_id(_THERE, scope_of(1)["ai_contact_id"])
        filters: list[dict[str, Any]] = [
            {"before": HOUR, "workspace_id": WORKSPACE},
            {"user_id": "ann", "workspace_id": WORKSPACE},
            {"user_id": "user1", "workspace_id": WORKSPACE, "audit": True},
            {"session_id": ids.session_id(WORKSPACE, scope_of(2)["session_id"]), "workspace_id": WORKSPACE},
            {"ai_contact_id": contact, "workspace_id": _THERE, "before": 5 * HOUR},
            {"user_id": "nobody", "workspace_id": WORKSPACE},
            {"before": 3 * HOUR, "audit": True},
            {"before": 99 * HOUR},
        ]
        before = _all(store)
        assert [store.purge_counts(PurgeFilter(**where)).runs for where in filters] == [0, 1, 6, 6, 6, 0, 26, 38]
        assert _all(store) == before
        for where in filters:
            counts = store.purge_counts(PurgeFilter(**where))
            assert _purge(store, **where) == counts, where
        assert all_runs(store) == []

    @proves("purge.bounded")
    def test_a_purge_goes_in_steps_of_any_size(self, store: Store) -> None:
        """A step deletes little where little is asked for, and the sum is the same."""
        for workspace in (None, OTHER):
            scope = {"session_id": "ase_1", "user_id": "u", **({"workspace_id": workspace} if workspace else {})}
            records = [run_record(n, start=HOUR + n, parent=1 if n > 1 else None, scope=scope) for n in range(1, 61)]
            write(store, *records, *(event_record(n, time=HOUR + n, seq=n + 99, scope=scope) for n in range(1, 61)))
        steps = [
            _steps(store, PurgeFilter(workspace_id=workspace, user_id="u"), limit=limit)
            for workspace, limit in ((WORKSPACE, 10), (_THERE, 1000))
        ]
        few, many = (_sum(found) for found in steps)
        assert few._replace(digest=0) == many._replace(digest=0)
        assert (few.runs, few.events) == (60, 120)
        assert max(max(counts[:9]) for counts in steps[0]) <= 30
        assert len([counts for counts in steps[0] if any(counts)]) >= 4
        assert all_runs(store) == all_runs(store, _THERE) == []

    @proves("purge.tenants")
    def test_a_purge_of_one_workspace_leaves_the_other(self, store: Store) -> None:
        """By age, by user, by the very ids that both have."""
        _write(store)
        before = {key: told for key, told in _all(store).items() if key[0] == _THERE}
        _purge(store, workspace_id=WORKSPACE, user_id="user1")
        _purge(store, workspace_id=WORKSPACE, before=99 * HOUR, audit=True)
        assert {key: told for key, told in _all(store).items() if key[0] == _THERE} == before
        assert all_runs(store) == []
        assert store.audit(AuditFilter(workspace_id=WORKSPACE)) == []

    @proves("purge.digest")
    def test_the_digest_is_that_of_the_keys(self, store: Store) -> None:
        """The sum of the digests of all rows that went."""
        write(store, run_record(1, start=HOUR), run_record(2, start=HOUR), audit_record(1, time=HOUR))
        (note,) = store.audit(AuditFilter(workspace_id=WORKSPACE))
        runs = sum(row_digest("run", WORKSPACE, run_uuid(span)) for span in (1, 2))
        expected = (runs + row_digest("audit", WORKSPACE, note.id)) % (1 << 256)
        counts = store.purge_counts(PurgeFilter(before=2 * HOUR, audit=True))
        assert (counts.runs, counts.audit, counts.digest) == (2, 1, expected)
        assert _purge(store, limit=1, before=2 * HOUR, audit=True).digest == expected

    @proves("purge.scrub")
    def test_no_file_holds_what_was_purged(self, store: Store, tmp_path: Path) -> None:
        """Wherever the store keeps its data under the folder that it was given."""
        canary = "canary-0f8b2c64"
        scope = {"user_id": "ann", "session_id": "ase_1"}
        talk = {"system_prompt": canary * 200, "llm_response": canary, "input": canary}
        write(
            store,
            *(run_record(n, run_type="prompt", name=f"{canary}{n}", content=talk, scope=scope) for n in range(1, 40)),
            run_record(50, run_type="prompt", content={"input": "stays"}, scope={"user_id": "bob"}),
        )
        _purge(store, workspace_id=WORKSPACE, user_id="ann")
        after: bytes | None = b""
        while after is not None:
            after = store.collect(older_than=0, after=after).after
        assert any(store.scrub() for _ in range(5))
        found = [path.name for path in tmp_path.rglob("*") if path.is_file() and canary.encode() in path.read_bytes()]
        assert found == []
        assert only_run(store).content == '{"input":"stays"}'


def _write(store: Store) -> None:
    for number in _SAMPLES:
        store.add_key(api_key(f"key{number}"))
    for part in (first_part, second_part):
        store.write(sample_batch(*(record for number in _SAMPLES for record in part(number) + part(number, OTHER))))


def _all(store: Store) -> dict[tuple[bytes, int], dict[str, Any]]:
    return {(workspace, n): snapshot(store, n, workspace) for workspace in (WORKSPACE, _THERE) for n in _SAMPLES}


def _purge(store: Store, *, limit: int = 1000, **where: Any) -> PurgeCounts:
    """Purge to the end and return what went."""
    return _sum(_steps(store, PurgeFilter(**where), limit=limit))


def _steps(store: Store, where: PurgeFilter, *, limit: int) -> list[PurgeCounts]:
    """Return what each step deleted, pass after pass, until one deletes nothing."""
    steps: list[PurgeCounts] = []
    while True:
        after: bytes | None = b""
        start = len(steps)
        while after is not None:
            counts, after = store.purge(where, limit=limit, after=after)
            steps.append(counts)
            assert len(steps) < _STEPS, "the purge has no end"
        if not any(any(counts) for counts in steps[start:]):
            return steps


def _sum(steps: list[PurgeCounts]) -> PurgeCounts:
    total = PurgeCounts(*map(sum, zip(*steps, strict=True)))
    return total._replace(digest=total.digest % (1 << 256))
