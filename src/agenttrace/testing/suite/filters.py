"""Filters of all views, each field alone and with each other, against plain Python over the same rows."""

# ruff: noqa: S101 - a suite that pytest runs asserts

from __future__ import annotations

import itertools
import random
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.model.rows import RunRow
from agenttrace.store.protocol import AuditFilter, EventFilter, RunFilter, SessionFilter
from agenttrace.testing.records import TRACE, audit_record, batch_of, entity_record, event_record, run_record, run_uuid
from agenttrace.testing.suite.base import ALL_TYPES, OTHER, SESSION, WORKSPACE, StoreSuite, all_runs, write
from agenttrace.testing.suite.oracle import audit_that_fit, events_that_fit, page_of, runs_that_fit, sessions_that_fit
from agenttrace.testing.suite.proves import proves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrace.model.rows import AuditRow, SessionRow
    from agenttrace.store.protocol import Store
    from agenttrace.testing.records import Record

__all__ = ["FIELDS", "FilterPromises", "asks", "write_runs"]

_RUNS = 90
_THERE = ids.workspace_id(OTHER)
_S1, _S2 = (ids.session_id(WORKSPACE, name) for name in ("s1", "s2"))

#: Values to ask each field for; of those that go together, all at once.
FIELDS: dict[str, list[dict[str, Any]]] = {
    "ids": [{"ids": [run_uuid(span) for span in [*range(1, _RUNS, 2), 4711]]}],
    "run_type": [{"run_type": "prompt"}, {"run_type": "context"}],
    "status": [{"status": "running"}, {"status": "failed"}, {"status": "pending"}],
    "name": [{"name": "a"}, {"name": "A"}],
    "since": [{"since": 1_000_020}, {"since": 1_000_021}],
    "until": [{"until": 1_000_020}, {"until": 1_000_014}],
    "abandoned": [{"abandoned": True}],
    "roots": [{"roots_only": True}],
    "agent_key": [{"agent_key": "agt_a"}, {"agent_key": "agt_b"}],
    "session_id": [{"session_id": _S1}, {"session_id": _S2}],
    "conversation_id": [{"conversation_id": ids.entity_id(WORKSPACE, "c1")}],
    "call": [{"call_sid": "CA1"}, {"call_sid": "CA1", "call_session_id": _S1}, {"call_sid": "CA2"}],
    "ai_contact_id": [{"ai_contact_id": ids.entity_id(WORKSPACE, "k1")}],
    "interaction_types": [{"interaction_types": ["search", "x"]}, {"interaction_types": ["free_form", "search"]}],
    "widget_id": [{"widget_id": "w"}],
    "placement_id": [{"placement_id": "p"}],
    "deployment_type": [{"deployment_type": "d"}],
    "prompt_type": [{"prompt_type": "engage"}],
    "state_name": [{"state_name": "greet"}],
}

#: What matches nothing.
_NOTHING: list[dict[str, Any]] = [
    {"ids": []},
    {"interaction_types": []},
    {"run_type": "nothing"},
    {"name": ""},
    {"widget_id": "w%"},
    {"since": 2_000_000},
    {"until": 0},
]


class FilterPromises(StoreSuite):
    """What matches, and nothing else."""

    @proves("runs.filters", "runs.counts", "runs.order")
    def test_each_field_of_a_run_filter_holds_alone(self, store: Store) -> None:
        """For runs, their ids, figures and count; another workspace's same runs are not among them."""
        runs = write_runs(store)
        singly: list[dict[str, Any]] = [{}, *itertools.chain(*FIELDS.values()), *_NOTHING]
        for where in singly:
            fit = runs_that_fit(runs, where)
            asked = RunFilter(workspace_id=WORKSPACE, **where)
            assert [run.id for run in store.runs(asked)] == [run.id for run in fit], where
            assert store.count_runs(asked) == len(fit), where
            if "ids" not in where:
                assert store.run_ids(asked) == [run.id for run in fit], where
                assert [row.id for row in store.run_figures(asked)] == [run.id for run in fit], where

    @proves("runs.filters", "runs.counts")
    def test_two_fields_of_a_run_filter_hold_together(self, store: Store) -> None:
        """Every field with every other."""
        runs = write_runs(store)
        met = 0
        for where in itertools.chain(*itertools.starmap(asks, itertools.combinations(FIELDS, 2))):
            fit = runs_that_fit(runs, where)
            asked = RunFilter(workspace_id=WORKSPACE, **where)
            assert [run.id for run in store.runs(asked)] == [run.id for run in fit], where
            assert store.count_runs(asked) == len(fit), where
            met += bool(fit)
        assert met > 100, "the rows of the suite are too few"

    @proves("runs.filters", "runs.order")
    def test_the_fields_that_are_asked_for_are_right(self, store: Store) -> None:
        """One at a time and some together, of runs found by id and otherwise; what is more may be None."""
        write_runs(store)
        names = [field.name for field in fields(RunRow)]
        some: list[dict[str, Any]] = [{}, {"run_type": "prompt"}, *FIELDS["ids"]]
        for where in some:
            runs = store.runs(RunFilter(workspace_id=WORKSPACE, **where))
            for wanted in ([], ["content"], ["name", "status", "error"], *([name] for name in names), names):
                told = store.runs(RunFilter(workspace_id=WORKSPACE, fields=frozenset(wanted), **where))
                assert [run.id for run in told] == [run.id for run in runs], where
                for one, run in zip(told, runs, strict=True):
                    assert [getattr(one, name) for name in wanted] == [getattr(run, name) for name in wanted], wanted

    @proves("runs.filters", "runs.pages", "runs.after")
    def test_fields_of_a_run_filter_hold_together_with_pages(self, store: Store) -> None:
        """Some fields, a place to go on behind, an offset and a limit, as chance has it."""
        runs = write_runs(store)
        chance = random.Random(7)  # noqa: S311 - the same every time # nosec B311
        for _ in range(80):
            names = chance.sample(sorted(FIELDS), chance.randint(0, 3))
            where = {key: value for name in names for key, value in chance.choice(FIELDS[name]).items()}
            after = chance.choice([None, (1_000_015, run_uuid(7)), (1_000_020, bytes(16)), (0, bytes(16))])
            page: dict[str, Any] = {"offset": chance.choice([0, 0, 1, 5]), "limit": chance.choice([None, 1, 4])}
            fit = runs_that_fit(runs, where)
            left = [run for run in fit if after is None or (-run.start_time, run.id) > (-after[0], after[1])]
            asked = RunFilter(workspace_id=WORKSPACE, after=after, **where, **page)
            expected = [run.id for run in page_of(left, page)]
            assert [run.id for run in store.runs(asked)] == expected, asked
            if "ids" not in where:
                assert store.run_ids(asked) == expected, asked
            assert store.count_runs(asked) == len(fit), asked

    @proves("events.filters", "events.order")
    def test_fields_of_an_event_filter_hold_alone_and_together(self, store: Store) -> None:
        """Types, id, place, direction and limit, in all combinations; the count knows no pages."""
        scope = {"session_id": SESSION}
        records = [
            event_record(n % 5 + 1, type=ALL_TYPES[n % 6], time=1_000_000 - n // 3, seq=n, scope=scope)
            for n in range(24)
        ]
        elsewhere = [event_record(n, seq=n, scope={**scope, "workspace_id": OTHER}) for n in range(1, 9)]
        batch = batch_of(*records, *elsewhere, *(event_record(n, scope={"session_id": "x"}) for n in range(1, 9)))
        session = ids.session_id(WORKSPACE, SESSION)
        events = [replace(row) for row in batch.events.values() if row.session_id == session]
        store.write(batch)
        some = sorted(event.id for event in events)[7]
        options: dict[str, list[Any]] = {
            "types": [ALL_TYPES, ("thinking", "log"), ("log",), ()],
            "id": [None, some, "none"],
            "after": [None, some, some + "x", "", "~"],
            "newest_first": [False, True],
            "limit": [None, 0, 3],
        }
        for where in _combinations(options):
            fields: dict[str, Any] = {"types": ALL_TYPES} | where
            asked = EventFilter(workspace_id=WORKSPACE, session_id=session, **fields)
            assert store.events(asked) == events_that_fit(events, where), where
            counted = {name: value for name, value in where.items() if name in ("types", "id")}
            assert store.count_events(asked) == len(events_that_fit(events, counted)), where

    @proves("entities.sessions")
    def test_fields_of_a_session_filter_hold_alone_and_together(self, store: Store) -> None:
        """Ids, agent, user, team and pages, in all combinations."""
        sessions, agents = _write_sessions(store)
        known = [ids.session_id(WORKSPACE, f"ase_{n}") for n in (1, 3, 4, 7, 99)]
        options: dict[str, list[Any]] = {
            "ids": [None, known, []],
            "agent_key": [None, "agt_a", "agt_b"],
            "user_id": [None, "u0", "u1", "u9"],
            "team_id": [None, "t0", "t1"],
            "limit": [None, 0, 2],
            "offset": [None, 1],
        }
        for where in _combinations(options):
            expected = sessions_that_fit(sessions, agents, where)
            assert store.sessions(SessionFilter(workspace_id=WORKSPACE, **where)) == expected, where
        for row in sessions:
            took_part = {key for key in ("agt_a", "agt_b") if store.session_has_agent(WORKSPACE, row.id, key)}
            assert took_part == agents[row.id]

    @proves("audit.filters", "audit.order")
    def test_fields_of_an_audit_filter_hold_alone_and_together(self, store: Store) -> None:
        """Action, user, key, time and pages, in all combinations."""
        batch = batch_of(
            *(
                audit_record(
                    n,
                    time=1_000 + n // 3,
                    user=(None, "a", "b")[n % 3],
                    key=("k", "l")[n // 5 % 2],
                    action=f"x.{n % 4}",
                )
                for n in range(1, 25)
            )
        )
        notes: list[AuditRow] = list(batch.audit.values())
        store.write(batch)
        write(store, *(audit_record(n, time=1_000 + n, user="a", key="k", workspace=OTHER) for n in range(1, 9)))
        some = sorted(note.id for note in notes)[13]
        options: dict[str, list[Any]] = {
            "action": [None, "x.1", "x"],
            "user_id": [None, "a"],
            "key_id": [None, "l"],
            "since": [None, 1_004],
            "until": [None, 1_007],
            "after": [None, some, bytes(16)],
            "limit": [None, 0, 3],
        }
        for where in _combinations(options):
            expected = audit_that_fit(notes, where)
            assert store.audit(AuditFilter(workspace_id=WORKSPACE, **where)) == expected, where

    @proves("store.tenants", "runs.filters")
    def test_no_filter_reaches_another_workspace(self, store: Store) -> None:
        """The same ids in another workspace are other runs."""
        write_runs(store)
        for where in itertools.chain(*FIELDS.values()):
            assert {run.workspace_id for run in all_runs(store, **where)} <= {WORKSPACE}
            assert {run.workspace_id for run in all_runs(store, _THERE, **where)} <= {_THERE}


def write_runs(store: Store) -> list[RunRow]:
    """Write runs that differ in all that a filter asks for, and the same in another workspace; return the former."""
    chance = random.Random(42)  # noqa: S311 - the same every time # nosec B311
    here = [_run(span, chance) for span in range(1, _RUNS + 1)]
    batch = batch_of(*(record for record, _ in here))
    written = {run.id: replace(run) for run in batch.runs.values()}
    for run in written.values():
        run.is_root = run.parent_id is None or run.parent_id not in written
    store.write(batch)
    store.write(batch_of(*(record for _, record in here)))
    return list(written.values())


def _run(span: int, chance: random.Random) -> tuple[Record, Record]:
    def one_of(**options: Any) -> dict[str, Any]:
        return {name: value for name, values in options.items() if (value := chance.choice(values)) is not None}

    scope = one_of(
        agent_key=[None, "a", "a", "b"],
        session_id=[None, "s1", "s1", "s2"],
        conversation_id=[None, "c1", "c2"],
        call_sid=[None, "CA1", "CA2", "CA1"],
        ai_contact_id=[None, "k1", "k2"],
    )
    promoted = one_of(
        interaction_type=[None, "search", "free_form", "chat"],
        widget_id=[None, "w", "ww"],
        placement_id=[None, "p"],
        deployment_type=[None, "d"],
    )
    status = chance.choice(["pending", "running", "success", "failed"])
    more = one_of(
        run_type=["prompt", "context", "tool_call", "master"],
        name=["a", "A", "b", "a "],
        start=[1_000_000 + n for n in range(8, 30)],
        parent=[None, span // 2 or None, 1000 + span],
        prompt_type=[None, "engage", "other"],
        state_name=[None, "greet"],
    )
    more |= {"status": status, "end": 2_000_000 if status in ("success", "failed") else None, "attributes": promoted}
    if status == "failed":
        more["error"] = {"type": "abandoned" if span % 3 else "Abandoned", "message": "m", "stack": None}
    return run_record(span, scope=scope, **more), run_record(span, scope=scope | {"workspace_id": OTHER}, **more)


def asks(one: str, other: str) -> list[dict[str, Any]]:
    """Return filters by two fields together, with some values of both."""
    return [here | there for here, there in zip(FIELDS[one], itertools.cycle(FIELDS[other]), strict=False)][:2]


def _combinations(options: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the options, leaving out what is None."""
    for values in itertools.product(*options.values()):
        yield {name: value for name, value in zip(options, values, strict=True) if value is not None}


def _write_sessions(store: Store) -> tuple[list[SessionRow], dict[bytes, set[str]]]:
    """Write sessions with users, teams and agents, and the same ids in another workspace."""
    for n in range(1, 10):
        scope = {"user_id": f"u{n % 3}", "team_id": f"t{n % 2}", **({"agent_key": "a"} if n % 4 else {})}
        write(store, entity_record("session", f"ase_{n}", time=1_000 - n // 2, scope=scope))
        there = {**scope, "workspace_id": OTHER, "agent_key": "b"}
        write(store, entity_record("session", f"ase_{n}", time=5, scope=there))
    joined = (
        run_record(n, trace=TRACE, scope={"session_id": f"ase_{n}", "agent_key": "b"}, start=2_000) for n in (1, 4)
    )
    write(store, *joined)
    sessions = [_session(n) for n in range(1, 10)]
    agents = {row.id: {"agt_a"} if n % 4 else set[str]() for n, row in enumerate(sessions, 1)}
    agents[sessions[0].id].add("agt_b")
    agents[sessions[3].id].add("agt_b")
    return sessions, agents


def _session(n: int) -> SessionRow:
    entities = batch_of(
        entity_record(
            "session",
            f"ase_{n}",
            time=1_000 - n // 2,
            scope={
                "user_id": f"u{n % 3}",
                "team_id": f"t{n % 2}",
                "agent_key": "b" if n == 4 else "a" if n % 4 else "",
            },
        )
    ).entities()
    (row,) = entities.sessions.values()
    return row
