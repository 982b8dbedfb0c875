"""The events of a session, from the records of its runs. Pure: no store, no clock.

A master's start and end are the session's messages, a tool call's start and end its tool events. Such events carry no
data of their own: readers take it from the run.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import orjson

from agenttrace.model import ids
from agenttrace.model.rows import EventRow, RunRow
from agenttrace.model.wire import STARTED
from agenttrace.store.runs import in_time

__all__ = ["MESSAGES", "apply_reset", "end_sequence", "event_row", "run_events"]

#: The events that move a session's `last_message_at`.
MESSAGES = ("input_message", "agent_output")


def run_events(run: RunRow) -> list[EventRow]:
    """Return the events that a run's start and end imply, oldest first; none while it is pending or has no session."""
    if run.session_id is None or run.status == "pending":
        return []
    if run.run_type == "tool_call":
        return [_start(run, "tool_input"), *_end(run, "tool_output")]
    if run.run_type == "master":
        content = _content(run)
        start = [_start(run, "input_message")] if content.get("input") is not None else []
        return [*start, *_end(run, "agent_output")] if content.get("output") is not None else start
    return []


def event_row(
    record: dict[str, Any], data: str | None, *, workspace: bytes, session: bytes | None, run: bytes
) -> EventRow:
    """Return the row of one EVENT record; raises KeyError, TypeError or ValueError where it is not understood."""
    time, kind = in_time(_int(record["time"])), record["type"]
    if not isinstance(kind, str):
        raise TypeError(f"an event's type is text, got {kind!r}")
    return EventRow(
        workspace_id=workspace,
        id=ids.event_id(time, _int(record["seq"]), int(record["span"], 16)),
        session_id=session,
        run_id=run,
        type=kind,
        created_at=time,
        turn_time=in_time(_int(record.get("turn", time))),
        hidden=False,
        data=data,
    )


def end_sequence(run: RunRow) -> int:
    """Return the sequence of a run's end, always such that its end event sorts after its start event."""
    sequence = run.seq + 1 if run.end_seq is None else run.end_seq
    return run.seq + 1 if run.end_time == run.start_time and sequence <= run.seq else sequence


def apply_reset(event: EventRow, reset_at: int | None) -> EventRow | None:
    """Return what is left of an event that arrives in a session: after a reset a late input message is hidden and any
    other late event is gone (None).
    """
    if reset_at is None or event.turn_time > reset_at:
        return event
    return replace(event, hidden=True) if event.type == "input_message" else None


def _start(run: RunRow, kind: str) -> EventRow:
    return _event(run, kind, *_begun(run))


def _begun(run: RunRow) -> tuple[int, int]:
    """Return time and sequence of a run's beginning, which is not its start where it was announced before."""
    if run.attributes is not None and STARTED in run.attributes:
        with suppress(ValueError, TypeError, KeyError):
            time, sequence = orjson.loads(run.attributes)[STARTED]
            return max(in_time(_int(time)), run.start_time), max(_int(sequence), run.seq)
    return run.start_time, run.seq


def _end(run: RunRow, kind: str) -> list[EventRow]:
    return [] if run.end_time is None else [_event(run, kind, run.end_time, end_sequence(run))]


def _event(run: RunRow, kind: str, time: int, sequence: int) -> EventRow:
    event = ids.event_id(time, sequence, int.from_bytes(run.span_id, "big"))
    return EventRow(run.workspace_id, event, run.session_id, run.id, kind, time, run.turn_time, False, None)


def _content(run: RunRow) -> dict[str, Any]:
    content: Any
    try:
        content = orjson.loads(run.content or "{}")
    except ValueError:  # a payload that cannot be read still shows as a run
        return {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"expected an integer, got {value!r}")
    return value
