"""What several views fetch from a store alike: trees, an event's run, a session, agents' names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agenttrace.query.tree import Node, grow
from agenttrace.query.views import agent_events
from agenttrace.store.protocol import RunFilter, SessionFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agenttrace.model.rows import EventRow, RunFigures, RunRow, SessionRow
    from agenttrace.store.protocol import Store

__all__ = ["agent_names", "every_figure", "runs_of", "runs_told_of", "session", "took_part", "trees"]

_RUNS_AT_ONCE = 2_000


def trees(store: Store, tops: Sequence[RunRow]) -> list[Node]:
    """Return the tree below each of these runs of one workspace, in their order."""
    if not tops:
        return []
    traces = list(dict.fromkeys(row.trace_id for row in tops))
    nodes = grow(store.traces(tops[0].workspace_id, traces)).nodes
    # A run that was erased a moment ago has no node.
    return [nodes.get(row.id) or Node(row, []) for row in tops]


def every_figure(store: Store, where: RunFilter) -> Iterator[RunFigures]:
    """Yield the figures of the runs that match, newest first, fetching some at a time."""
    rows: list[RunFigures] = []
    while True:
        after = (rows[-1].start_time, rows[-1].id) if rows else None
        rows = store.run_figures(replace(where, after=after, limit=_RUNS_AT_ONCE))
        yield from rows
        if len(rows) < _RUNS_AT_ONCE:
            return


def runs_of(
    store: Store, workspace_id: bytes, events: Iterable[EventRow], fields: frozenset[str]
) -> dict[bytes, RunRow]:
    """Return the runs that these events belong to, by id, with these fields."""
    ids = list(dict.fromkeys(event.run_id for event in events))
    if not ids:
        return {}
    return {row.id: row for row in store.runs(RunFilter(workspace_id=workspace_id, ids=ids, fields=fields))}


def runs_told_of(store: Store, workspace_id: bytes, events: Iterable[EventRow]) -> dict[bytes, RunRow]:
    """Return the runs that `agent_events.event_of` needs for these events: of those that have no data of their own."""
    return runs_of(store, workspace_id, (event for event in events if event.data is None), agent_events.FIELDS)


def session(store: Store, workspace_id: bytes, session_id: bytes) -> SessionRow | None:
    """Return the session, or None."""
    rows = store.sessions(SessionFilter(workspace_id=workspace_id, ids=[session_id], limit=1))
    return rows[0] if rows else None


def took_part(store: Store, row: SessionRow, agent_key: str) -> bool:
    """Return whether the agent is the session's own or took part in it."""
    return row.agent_key == agent_key or store.session_has_agent(row.workspace_id, row.id, agent_key)


def agent_names(store: Store, workspace_id: bytes, rows: Iterable[RunRow]) -> dict[str, str | None]:
    """Return the registered display names of the agents of these runs, by key."""
    keys = sorted({row.agent_key for row in rows if row.agent_key is not None})
    return {agent.key: agent.name for agent in store.agents(workspace_id, keys)} if keys else {}
