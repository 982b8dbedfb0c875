"""One derived run or event (`model.foreign`) becomes one row, and one of our own rows an outline. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.model.foreign import NativeRun
from agenttrace.model.jsontext import compact_json
from agenttrace.model.rows import EventRow, RunRow
from agenttrace.model.versions import RANK_DERIVED, RANK_START, version
from agenttrace.model.wire import PROMOTED
from agenttrace.store.raw import ABANDONED, is_abandoned
from agenttrace.store.runs import in_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agenttrace.model.foreign import DerivedEvent, DerivedRun
    from agenttrace.model.rows import SpanRow
    from agenttrace.store.scope import Scope

__all__ = ["LAST_SEQUENCE", "derived_event", "derived_row", "is_derived", "native_run"]

#: Of what happens to a foreign span at one instant its start comes first, its end last.
LAST_SEQUENCE = (1 << 40) - 1

_FIRST_NATIVE = version(RANK_START, 0, 0)


def is_derived(run: RunRow) -> bool:
    """Return whether a run is what a foreign span means, and none of our own."""
    return run.version < _FIRST_NATIVE


def native_run(run: RunRow) -> NativeRun:
    """Return the outline of one of our own runs."""
    return NativeRun(
        span_id=run.span_id,
        parent_id=None if run.parent_id is None else ids.span_of(run.parent_id).to_bytes(8, "big"),
        via=run.via,
        run_type=run.run_type,
        start=run.start_time,
        end=run.end_time,
    )


def derived_row(
    run: DerivedRun, scope: Scope, raw: SpanRow | None, inherited: Mapping[str, Any], key: bytes, now: int
) -> RunRow:
    """Return the row of what one span means, a root: its place in the tree comes later."""
    start = in_time(run.start)
    end, status = None if run.end is None else max(in_time(run.end), start), run.status
    error = None if run.error is None else compact_json(run.error)
    if raw is not None and is_abandoned(raw):
        end, status, error = raw.end_time, "failed", ABANDONED
    attributes = {**scope.originals, **inherited, **run.attributes}
    if run.data_parse_error:
        attributes["data_parse_error"] = True
    promoted = [_text(attributes.get(name)) for name in PROMOTED]
    return RunRow(
        workspace_id=scope.workspace_id,
        id=key,
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_id=None,
        is_root=True,
        run_type=_sane(run.run_type) or "span",
        name=_sane(run.name),
        status=status,
        start_time=start,
        end_time=end,
        version=version(RANK_DERIVED, 1, 0),
        process_id=raw.process_id if raw is not None and status == "running" else None,
        turn_time=start,
        seq=0,
        end_seq=None if end is None else LAST_SEQUENCE,
        agent_key=_text(scope.agent_key),
        session_id=scope.session_id,
        conversation_id=scope.conversation_id,
        call_sid=_text(scope.call_sid),
        ai_contact_id=scope.ai_contact_id,
        user_id=_text(scope.user_id),
        team_id=_text(scope.team_id),
        prompt_type=_text(run.prompt_type),
        state_name=_text(run.state_name),
        interaction_type=promoted[0],
        widget_id=promoted[1],
        placement_id=promoted[2],
        deployment_type=promoted[3],
        source=_sane(run.source) or "opentelemetry",
        source_system=_text(run.provider),
        service_id=_service_id(run.service),
        ingested_at=now,
        content=compact_json(run.content) if run.content else None,
        error=error,
        attributes=compact_json(attributes) if attributes else None,
    )


def derived_event(event: DerivedEvent, run: RunRow, time: int) -> EventRow:
    """Return the row of an event of a derived run; its id is the same whenever it is derived."""
    return EventRow(
        workspace_id=run.workspace_id,
        id=ids.event_id(time, 1 + event.index, int.from_bytes(event.span_id, "big")),
        session_id=run.session_id,
        run_id=run.id,
        type=_sane(event.type),
        created_at=time,
        turn_time=run.turn_time,
        hidden=False,
        data=compact_json(event.data),
    )


def _service_id(service: str | None) -> bytes | None:
    return ids.entity_id(ids.DEFAULT_WORKSPACE.bytes, ids.service_id(service)) if service else None


def _text(value: Any) -> str | None:
    return None if value is None else _sane(value if isinstance(value, str) else str(value))


def _sane(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
