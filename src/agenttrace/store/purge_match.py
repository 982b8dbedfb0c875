"""Which rows of one trace a purge means: runs, and the foreign spans and logs that go with them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from agenttrace.model import ids
from agenttrace.store.purge_tables import RawKey
from agenttrace.store.raw import foreign_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agenttrace.model.rows import LogRow, RunRow, SessionRow, SpanRow
    from agenttrace.store.protocol import PurgeFilter

__all__ = [
    "CONTACT",
    "CONVERSATION",
    "SESSION",
    "Entity",
    "anchor",
    "entities_of",
    "first_event_id",
    "is_old_run",
    "is_old_session",
    "names",
    "raw_of",
    "runs_of",
]

CONTACT = 1
SESSION = 2
CONVERSATION = 3

_KINDS = (("ai_contact_id", CONTACT), ("session_id", SESSION), ("conversation_id", CONVERSATION))

#: The times that do not fit into the digits of an event's id, the year 4253 on.
_BEYOND = 1 << 56

_NAMES = ("session_id", "ai_contact_id", "user_id")


class HasNames(Protocol):
    """A run, or what is known of one."""

    @property
    def ai_contact_id(self) -> bytes | None: ...
    @property
    def session_id(self) -> bytes | None: ...
    @property
    def conversation_id(self) -> bytes | None: ...


class Entity(NamedTuple):
    """A contact, a session or a conversation."""

    kind: int
    id: bytes


def entities_of(runs: Iterable[HasNames]) -> set[Entity]:
    """Return whom these runs name."""
    return {Entity(kind, value) for run in runs for name, kind in _KINDS if (value := getattr(run, name)) is not None}


def names(where: PurgeFilter) -> dict[str, str | bytes]:
    """Return the people and sessions that a filter names, by the field of a run."""
    return {name: value for name in _NAMES if (value := getattr(where, name)) is not None}


def anchor(where: PurgeFilter) -> tuple[str, str | bytes]:
    """Return the column of runs, and its value, by which traces are found: the rarest of the names."""
    return next(iter(names(where).items()))


def is_old_run(run: RunRow, before: int | None) -> bool:
    """Return whether a run, or the root of its turn, started before that; None: all are old."""
    return before is None or run.start_time < before or run.turn_time < before


def is_old_session(session: SessionRow, before: int | None) -> bool:
    """Return whether a session was created before that and has had no message since; None: all are old."""
    if before is None:
        return True
    return session.created_at < before and (session.last_message_at is None or session.last_message_at < before)


def first_event_id(time: int) -> str:
    """Return what is greater than the ids of all events before that time, and less than those of all others."""
    return ids.event_id(time, 0, 0) if time < _BEYOND else "aev_~"


def runs_of(trace: Sequence[RunRow], where: PurgeFilter) -> list[RunRow]:
    """Return the runs of a trace that go, in the order in which they may go in several steps.

    What the others are found by goes last: runs that started before, and runs that carry all names.
    """
    wanted = names(where)
    if not wanted:
        found = [run for run in trace if is_old_run(run, where.before)]
        return sorted(found, key=lambda run: (-run.start_time, run.id))
    carriers = {run.id for run in trace if all(getattr(run, name) == value for name, value in wanted.items())}
    if not carriers:
        return []
    found = [
        run
        for run in trace
        if is_old_run(run, where.before) and all(getattr(run, name) in (None, value) for name, value in wanted.items())
    ]
    return sorted(found, key=lambda run: (run.id in carriers, run.id))


def raw_of(
    spans: list[SpanRow], logs: list[LogRow], goes: Sequence[RunRow], stays: Sequence[RunRow]
) -> tuple[list[RawKey], list[RawKey]]:
    """Return which versions of foreign spans, and which logs, go with these runs of a trace while those stay."""
    if stays:
        gone = _below(spans, goes, stays)
        # Those below others first: in several steps, what is above says what becomes of them.
        spans = _from_below([span for span in spans if span.span_id in gone])
        logs = [log for log in logs if log.span_id in gone]
    return (
        [RawKey(span.start_time, span.trace_id, span.span_id, span.version) for span in spans],
        [RawKey(log.time, log.trace_id, log.id) for log in logs],
    )


def _below(spans: list[SpanRow], goes: Sequence[RunRow], stays: Sequence[RunRow]) -> set[bytes]:
    """Return the spans whose own run, or the nearest run above them, goes."""
    parents: dict[bytes, bytes | None] = {
        run.span_id: None if run.parent_id is None else ids.span_of(run.parent_id).to_bytes(8, "big")
        for run in (*goes, *stays)
    }
    parents |= {span.span_id: span.parent_id for span in foreign_spans(spans)}
    fate = {run.span_id: False for run in stays} | {run.span_id: True for run in goes}
    for span in parents:
        _settle(span, parents, fate)
    return {span for span, is_gone in fate.items() if is_gone}


def _from_below(spans: list[SpanRow]) -> list[SpanRow]:
    """Return them with each span after all that are below it, as far as they are in no loop."""
    parents = {span.span_id: span.parent_id for span in foreign_spans(spans)}
    depths: dict[bytes, int] = {}
    for span in parents:
        path: list[bytes] = []
        here: bytes | None = span
        while here is not None and here in parents and here not in depths:
            depths[here] = 0  # for now: a loop of parents ends here
            path.append(here)
            here = parents[here]
        depth = -1 if here is None else depths.get(here, -1)
        for one in reversed(path):
            depth += 1
            depths[one] = depth
    return sorted(spans, key=lambda span: -depths.get(span.span_id, 0))


def _settle(span: bytes, parents: Mapping[bytes, bytes | None], fate: dict[bytes, bool]) -> None:
    path: list[bytes] = []
    here: bytes | None = span
    while here is not None and here not in fate and here in parents and here not in path[-1:]:
        path.append(here)
        if len(path) > len(parents):  # a loop of parents
            break
        here = parents[here]
    found = fate.get(here, False) if here is not None else False
    fate.update(dict.fromkeys(path, found))
