"""The captured cases as foreign spans, hand-made spans, and derived runs as readable text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from agenttrace.model.foreign import Derived, DerivedRun, ForeignLog, ForeignSpan
from agenttrace.otel.derive import derive
from agenttrace.otel.translate import from_agents

DATA = Path(__file__).parent.parent / "data" / "otel"
EMITTERS = (
    "langgraph_openinference",
    "openai_client_openinference",
    "openai_client_traceloop_legacy",
    "openai_client_v2",
    "pydantic_ai",
    "strands_default",
)
AGENTS = "openai_agents_native"
TRACE = bytes(range(16))
_CLIP = 220


@dataclass(frozen=True)
class Trace:
    """All that was captured of one trace. `label` names its case, and its place in it if the case has several."""

    label: str
    spans: list[ForeignSpan]
    logs: list[ForeignLog]


@cache
def captured(emitter: str) -> list[Trace]:
    """Return the traces of an emitter's cases."""
    return list(_agents() if emitter == AGENTS else _traces(emitter))


def _traces(emitter: str) -> Iterator[Trace]:
    for case in json.loads((DATA / f"{emitter}.json").read_text(encoding="utf-8"))["cases"]:
        spans = [*(_span(case, given) for given in case["spans"]), *_open(case)]
        logs = [_log(given) for given in case["logs"]]
        for place, trace in enumerate(dict.fromkeys(span.trace_id for span in spans)):
            label = case["case"] + (f" ({place + 1})" if place else "")
            inside = [span for span in spans if span.trace_id == trace]
            yield Trace(label, inside, [log for log in logs if log.trace_id == trace])


def _span(case: dict[str, Any], given: dict[str, Any]) -> ForeignSpan:
    started = case["at_start"].get(given["span_id"])
    return ForeignSpan(
        trace_id=bytes.fromhex(given["trace_id"]),
        span_id=bytes.fromhex(given["span_id"]),
        parent_id=bytes.fromhex(given["parent_id"]) if given["parent_id"] else None,
        remote_parent=given["parent_is_remote"],
        name=given["name"],
        kind=given["kind"].lower(),
        start=given["start_ns"] // 1000,
        end=given["end_ns"] // 1000,
        status=given["status"]["code"].lower(),
        status_message=given["status"]["description"],
        attributes=given["attributes"],
        start_attributes=started and started["attributes"],
        events=[
            {"name": event["name"], "time": event["time_ns"] // 1000, "attributes": event["attributes"]}
            for event in given["events"]
        ],
        scope_name=given["scope"]["name"],
        resource=given.get("resource") or {},
    )


def _open(case: dict[str, Any]) -> Iterator[ForeignSpan]:
    """Yield the spans that never ended: what is known of them is how they began, inside of the root."""
    for span_id, name in case["never_ended"].items():
        root = case["spans"][-1]
        yield ForeignSpan(
            trace_id=bytes.fromhex(root["trace_id"]),
            span_id=bytes.fromhex(span_id),
            parent_id=bytes.fromhex(root["span_id"]),
            name=name,
            start=root["start_ns"] // 1000 + 1,
            attributes=case["at_start"][span_id]["attributes"],
        )


def _log(given: dict[str, Any]) -> ForeignLog:
    return ForeignLog(
        trace_id=bytes.fromhex(given["trace_id"]),
        span_id=bytes.fromhex(given["span_id"]),
        time=given["time_ns"] // 1000,
        name=given["event_name"] or "",
        body=given["body"],
        attributes=given["attributes"],
    )


def _agents() -> Iterator[Trace]:
    """Yield the traces of the SDK's own tracing, out of the calls that a processor got: starts and ends."""
    calls = json.loads((DATA / f"{AGENTS}.json").read_text(encoding="utf-8"))["events"]
    traces = {call[1]["id"]: call[1] for call in calls if call[0] == "trace_start"}
    for place, (trace, exported) in enumerate(traces.items()):
        spans = [
            from_agents(call[1], exported, call[2] if len(call) > 2 else None)
            for call in calls
            if call[0].startswith("span") and call[1]["trace_id"] == trace
        ]
        yield Trace(f"{exported['workflow_name']} ({place + 1})", spans, [])


# -- hand-made spans ---------------------------------------------------------------------------------------------------


def span(number: int, parent: int | None = None, attributes: dict[str, Any] | None = None, **given: Any) -> ForeignSpan:
    """Return a span of its own number, which starts and ends after those of lower numbers, with fields as given."""
    fields: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": ident(number),
        "parent_id": None if parent is None else ident(parent),
        "name": f"span {number}",
        "start": 1000 * number,
        "end": 1000 * number + 500,
        "scope_name": "some.emitter",
        "attributes": attributes or {},
    }
    return ForeignSpan(**{**fields, **given})


def log(number: int, name: str, body: Any, time: int = 0, **attributes: Any) -> ForeignLog:
    """Return a log record of the span of a number."""
    return ForeignLog(
        trace_id=TRACE, span_id=ident(number), time=time or 1000 * number, name=name, body=body, attributes=attributes
    )


def ident(number: int) -> bytes:
    """Return the span id of a number."""
    return number.to_bytes(8, "big")


def runs_of(*spans: ForeignSpan, logs: Sequence[ForeignLog] = ()) -> dict[int, DerivedRun]:
    """Return the runs of spans by number."""
    return {int.from_bytes(run.span_id, "big"): run for run in derive(spans, logs).runs}


def run_of(attributes: dict[str, Any], **given: Any) -> DerivedRun:
    """Return the run of one span with these attributes."""
    logs = given.pop("logs", ())
    return runs_of(span(1, attributes=attributes, **given), logs=logs)[1]


def types(runs: dict[int, DerivedRun]) -> dict[int, str]:
    """Return the run types by number."""
    return {number: run.run_type for number, run in runs.items()}


def parents(runs: dict[int, DerivedRun]) -> dict[int, int | None]:
    """Return the numbers of the parents by number."""
    return {n: None if run.parent_id is None else int.from_bytes(run.parent_id, "big") for n, run in runs.items()}


# -- snapshots ---------------------------------------------------------------------------------------------------------


def readable(traces: Iterable[Trace]) -> str:
    """Return what traces mean, as text for people: every span in the order of its start, and what became of it."""
    return "\n".join(line for trace in traces for line in [f"# {trace.label}", *_of_trace(trace), ""])


def _of_trace(trace: Trace) -> Iterator[str]:
    derived = derive(trace.spans, trace.logs)
    runs = {run.span_id: run for run in derived.runs}
    names = {each.span_id: each for each in sorted(trace.spans, key=lambda each: (each.start, each.end is not None))}
    for span_id, each in names.items():
        run = runs.get(span_id)
        yield f"{span_id.hex()} {each.name!r} -> " + ("no run" if run is None else _headline(run))
        yield from () if run is None else _details(run)
    yield from _events(derived)


def _headline(run: DerivedRun) -> str:
    above = "root" if run.parent_id is None else f"below {run.parent_id.hex()}"
    marks = "".join(f", {mark}" for mark in ("provisional", "data_parse_error") if getattr(run, mark))
    return f"{run.run_type} {run.name!r}, {run.status}, {above}{marks}"


def _details(run: DerivedRun) -> Iterator[str]:
    for name, value in run.content.items():
        yield f"    {name}: {_shown(value)}"
    if run.error:
        yield f"    error: {_shown({key: value for key, value in run.error.items() if key != 'stack'})}"
    yield f"    ids: {_shown(run.scope_ids)}, provider: {run.provider}, source: {run.source}"
    yield f"    attributes: {', '.join(sorted(run.attributes))}"


def _events(derived: Derived) -> Iterator[str]:
    for event in derived.events:
        yield f"event of {event.span_id.hex()}: {event.type} {_shown(event.data)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _CLIP else f"{text[:_CLIP]}… ({len(text)})"
