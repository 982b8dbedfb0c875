"""A staged batch becomes inserts: one a table, runs last, in an order in which a crash leaves nothing that a replay
would not mend.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from agenttrace.model.rows import ApiKeyRow, LogRow, RunRow, SpanRow
from agenttrace.store.clickhouse.rows import RUN_FIELDS, agent_place, message_of
from agenttrace.store.entities import Entities, join_agents, join_conversations, join_sessions
from agenttrace.store.merge import INHERITED
from agenttrace.store.sql_text import columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agenttrace.model.rows import EventRow, ProcessRow, SessionRow
    from agenttrace.store.clickhouse.engine import Engine
    from agenttrace.store.clickhouse.staging import Staging

__all__ = ["Inserts", "inserts", "key_values", "session_values"]

Values = tuple[Any, ...]
Inserts = list[tuple[str, list[Values]]]

_LAST_STAMP = (1 << 64) - 1
_LOW_64 = (1 << 64) - 1

_run_values: Callable[[RunRow], Values] = attrgetter(*RUN_FIELDS)
_span_values: Callable[[SpanRow], Values] = attrgetter(*columns_of(SpanRow))
_log_values: Callable[[LogRow], Values] = attrgetter(*columns_of(LogRow))
_note_values: Callable[[Any], Values] = attrgetter(
    "workspace_id",
    "id",
    "created_at",
    "action",
    "user_id",
    "key_id",
    "role",
    "filters",
    "row_count",
    "status",
    "request_id",
)
key_values: Callable[[ApiKeyRow], Values] = attrgetter(*columns_of(ApiKeyRow))


def inserts(staging: Staging, engine: Engine, stamp: int, keys: Callable[[str], ApiKeyRow | None]) -> Inserts:
    """Return the rows to insert, table by table, in order; `stamp` is greater than any that was given before."""
    found: Inserts = [
        ("span", [_span_values(span) for span in staging.new_spans]),
        ("log", [_log_values(log) for log in staging.new_logs]),
    ]
    if staging.entities is not None:
        found += _entities(staging, staging.entities, engine)
    found += [
        ("event", list(_events(staging, stamp))),
        ("process", [_beat_values(key, beat, stamp) for key, beat in staging.beats.items()]),
        ("audit", [(*_note_values(note), _LAST_STAMP - stamp) for note in staging.notes]),
        ("api_key", list(_keys_used(staging, keys))),
        ("run", list(_runs(staging, stamp))),
    ]
    return [(table, rows) for table, rows in found if rows]


def session_values(row: SessionRow, reset_stamp: int, *, is_reset: bool = False) -> Values:
    """Return the values of a session's row. Only a reset tells of the reset: it stays whatever others write."""
    reset = (row.reset_at, reset_stamp) if is_reset else (None, 0)
    return (
        row.workspace_id,
        row.id,
        row.key,
        row.agent_key,
        row.user_id,
        row.team_id,
        row.conversation_id,
        row.call_sid,
        row.created_at,
        message_of(row.last_message_at, reset_stamp),
        *reset,
    )


def _entities(staging: Staging, entities: Entities, engine: Engine) -> Inserts:
    agents = {(agent.workspace_id, agent.key): agent for agent in engine.agents(entities.agents)}
    talks = {(talk.workspace_id, talk.id): talk for talk in engine.conversations(entities.conversations)}
    took_part = engine.session_agents({one[:2] for one in entities.session_agents})
    contacts = set(entities.contacts.values()) - engine.contacts(entities.contacts)
    new_agents = [agent for key, agent in entities.agents.items() if _joined(agents.get(key), agent, join_agents)]
    joined = (_joined(talks.get(key), talk, join_conversations) for key, talk in entities.conversations.items())
    return [
        ("contact", sorted((contact.workspace_id, contact.id) for contact in contacts)),
        ("agent", [(one.workspace_id, one.key, one.name, one.named_at, _place(one)) for one in new_agents]),
        ("conversation", [(one.workspace_id, one.id, one.call_sid, one.session_id) for one in joined if one]),
        ("session_agent", sorted(entities.session_agents - took_part)),
        ("session", list(_sessions(staging, entities))),
    ]


def _place(agent: Any) -> int:
    return agent_place(agent.name, agent.named_at)


def _joined(old: Any, new: Any, join: Callable[[Any, Any], Any]) -> Any:
    """Return what two rows know together, or None where that is stored."""
    if old is None:
        return new
    both = join(old, new)
    return None if both == old else both


def _sessions(staging: Staging, entities: Entities) -> Iterator[Values]:
    stored = staging.events.sessions(entities.sessions)
    for key, session in entities.sessions.items():
        old, reset_stamp = stored.get(key, (None, 0))
        joined = _joined(old, session, join_sessions)
        if joined is not None:
            yield session_values(joined, reset_stamp)


def _events(staging: Staging, stamp: int) -> Iterator[Values]:
    for row, deleted, over in staging.events.changes():
        yield _event_values(row, deleted, max(stamp, over + 1))


def _event_values(row: EventRow, deleted: bool, stamp: int) -> Values:
    session = row.session_id
    head = (row.workspace_id, row.id, session is not None, session or bytes(16), row.run_id, row.type)
    data = None if deleted else row.data
    return (*head, row.created_at, row.turn_time, row.hidden, data, deleted, stamp)


def _beat_values(key: bytes, beat: ProcessRow | None, stamp: int) -> Values:
    if beat is None:
        return (key, "", "", 0, 0, 0, True, stamp)
    return (key, beat.host, beat.boot_id, beat.pid, beat.started_at, beat.seen_at, False, stamp)


def _keys_used(staging: Staging, keys: Callable[[str], ApiKeyRow | None]) -> Iterable[Values]:
    for (workspace, key_id), time in staging.keys_used.items():
        key = keys(key_id)
        if key is not None and key.workspace_id == workspace and (key.last_used_at is None or key.last_used_at < time):
            yield key_values(replace(key, last_used_at=time))


def _runs(staging: Staging, stamp: int) -> Iterator[Values]:
    for key, run in staging.runs.items():
        over = staging.places.get(key, -1)
        if run is not None:
            yield (*_run_values(run), False, _run_place(run.version, stamp, over))
        elif staging.stored.get(key) is not None:
            gone = _blank(staging.stored[key])
            yield (*_run_values(gone), True, _run_place(gone.version, stamp, over))


def _run_place(version: int, stamp: int, over: int) -> int:
    """Return the number by which rows of one run compare: by version, and of one version by when they were written.

    A row that is to take the place of one that is greater, since that was deleted, is just greater than that.
    """
    place = (version << 64) + stamp
    return place if place > over else ((over >> 64) << 64) + max(stamp, (over & _LOW_64) + 1)


def _blank(run: RunRow | None) -> RunRow:
    """Return a deleted run without what it said."""
    if run is None:
        raise TypeError("run")
    nothing = dict.fromkeys((*INHERITED, *_TEXTS))
    return replace(run, **nothing, name="", run_type="", source="")


_TEXTS = (
    "content", "error", "attributes", "learnt", "prompt_type", "state_name", "interaction_type", "widget_id",
    "placement_id", "deployment_type", "source_system", "service_id", "process_id",
)  # fmt: skip
