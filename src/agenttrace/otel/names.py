"""Runs as spans that leave: attributes by the names that others read, such that they come back as the same runs. Pure.

What those names cannot say exactly stands under `agenttrace.` beside them. That is found by reading back what was
written, so a run that leaves and is derived again is equal by construction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, cast

import orjson

from agenttrace.model.foreign import DerivedRun, ForeignSpan
from agenttrace.model.jsontext import compact_json
from agenttrace.otel.derive import derive
from agenttrace.otel.parts import Flaws
from agenttrace.otel.reading import messages_in
from agenttrace.otel.semconv.names import GEN_AI_NAMES, OPENINFERENCE_NAMES, Name, Names
from agenttrace.otel.semconv.own import ATTRIBUTES, CONTENT, ERROR, NAME, PREFIX, RUN_TYPE, THINKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.otel.messages import Message
    from agenttrace.otel.parts import Part

__all__ = ["NameSet", "Thought", "attributes_of", "span_of"]

#: When a thought was written, in microseconds, and what it says.
Thought = tuple[int, str]
NameSet = Literal["gen_ai", "openinference"]

_NAMES: Final[dict[str, Names]] = {"gen_ai": GEN_AI_NAMES, "openinference": OPENINFERENCE_NAMES}

#: What the recording of a prompt is as a call between processes.
_KINDS: Final = {"prompt": "client"}


def attributes_of(run: DerivedRun, *, names: NameSet = "gen_ai") -> dict[str, Any]:
    """Return the attributes of the span that a run leaves as: text, numbers, truth values and JSON text.

    Names are OpenTelemetry's current ones, or those of OpenInference. `derive` gives the same run back for them:
    content, ids, name, type, free attributes and error.

    >>> run = DerivedRun(trace_id=bytes(15) + b"1", span_id=b"12345678", parent_id=None, run_type="context",
    ...     name="retrieve", status="success", start=0, end=1, content={"query": "refunds"})
    >>> attributes_of(run)["gen_ai.retrieval.query.text"]
    'refunds'
    """
    return span_of(run, names=names).attributes


def span_of(run: DerivedRun, *, names: NameSet = "gen_ai", thoughts: Iterable[Thought] = ()) -> ForeignSpan:
    """Return the span that a run leaves as, with its trace, span and parent ids, times, status, and its error and
    thoughts as events.
    """
    span = ForeignSpan(
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_id=run.parent_id,
        name=run.name,
        kind=_KINDS.get(run.run_type, "internal"),
        start=run.start,
        end=run.end,
        status="error" if run.status == "failed" else "unset",
        status_message=_text(run.error, "message"),
        attributes=dict(_written(run, _NAMES[names])),
        events=[*map(_thought_event, thoughts), *_error_event(run)],
        scope_name=run.source or "agenttrace",
    )
    _complete(span, run)
    return span


def _written(run: DerivedRun, names: Names) -> Iterator[tuple[str, Any]]:
    yield RUN_TYPE, run.run_type
    yield NAME, run.name
    yield names.kind, names.kind_values.get(run.run_type, "CHAIN" if names is OPENINFERENCE_NAMES else run.run_type)
    for name in names.content.get(run.run_type, names.content.get("", ())):
        value = run.content.get(name.key)
        if value is not None:
            yield from _content(name, value, run, names)
    usage: Any = run.content.get("usage")
    for key, count in cast("dict[str, Any]", usage).items() if isinstance(usage, dict) else ():
        if key in names.usage and type(count) is int:
            yield names.usage[key], count
    yield from _identity(run, names)


def _identity(run: DerivedRun, names: Names) -> Iterator[tuple[str, Any]]:
    for name, text in run.scope_ids.items():
        if name in names.ids:
            yield names.ids[name], text
        if name != "workspace_id":
            yield PREFIX + name, text
    agent = run.attributes.get("agent_name") or (run.name if run.run_type in ("master", "agent") else None)
    known = {names.agent: agent, names.provider: run.provider, "error.type": _text(run.error, "type")}
    yield from ((name, text) for name, text in known.items() if isinstance(text, str))
    if run.attributes:
        yield ATTRIBUTES, compact_json(run.attributes)


def _content(name: Name, value: Any, run: DerivedRun, names: Names) -> Iterator[tuple[str, Any]]:
    if (name.how == "text" and isinstance(value, str)) or (name.how == "number" and isinstance(value, int | float)):
        yield name.attribute, value
    elif name.how == "json":
        yield name.attribute, value if isinstance(value, str) else compact_json(value)
        if name.attribute in names.mime:
            yield names.mime[name.attribute], "text/plain" if isinstance(value, str) else "application/json"
    elif name.how == "parts" and isinstance(value, str):
        yield name.attribute, compact_json([{"type": "text", "content": value}])
    elif name.how == "given":
        yield name.attribute, compact_json([_otel_message(message) for message in _messages(value, "user")])
    elif name.how == "said":
        yield name.attribute, compact_json([_otel_message(message) for message in _said(value, run)])
    elif name.how == "tools" and isinstance(value, list):
        yield name.attribute, compact_json([{"type": "function", "name": tool} for tool in cast("list[Any]", value)])
    elif name.how.startswith("flat"):
        yield from _flat(name, value, run)


def _messages(value: Any, role: str) -> list[Message]:
    return messages_in(value if isinstance(value, list) else [{"role": role, "content": _plain(value)}], role, Flaws())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else compact_json(value)


def _said(value: Any, run: DerivedRun) -> list[Message]:
    """Return what was said, with the calls that were asked for."""
    found = _messages(value if isinstance(value, str) else _plain(value), "assistant")
    asked = run.attributes.get("tool_calls")
    if isinstance(asked, list):
        found += messages_in([{"role": "assistant", "tool_calls": asked}], "assistant", Flaws())
    return found


def _otel_message(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "parts": [_otel_part(part) for part in message.parts]}
    return found if message.name is None else {**found, "name": message.name}


def _otel_part(part: Part) -> dict[str, Any]:
    if part.kind == "call":
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.value}
    if part.kind == "result":
        return {"type": "tool_call_response", "id": part.id, "response": part.value}
    if part.kind == "other":
        return cast("dict[str, Any]", part.value)
    return {"type": "reasoning" if part.kind == "thinking" else "text", "content": part.value}


def _flat(name: Name, value: Any, run: DerivedRun) -> Iterator[tuple[str, Any]]:
    if name.how == "flat_tools":
        for index, tool in enumerate(cast("list[Any]", value) if isinstance(value, list) else ()):
            schema = compact_json({"type": "function", "function": {"name": tool}})
            yield f"{name.attribute}.{index}.tool.json_schema", schema
    elif name.how == "flat_documents":
        for index, document in enumerate(cast("list[Any]", value) if isinstance(value, list) else ()):
            yield from _flat_document(f"{name.attribute}.{index}.document", document)
    else:
        found = _said(value, run) if name.how == "flat_said" else _messages(value, "user")
        system = run.content.get("system_prompt")
        if name.how == "flat" and isinstance(system, str):
            found = [*_messages(system, "system"), *found]
        for index, message in enumerate(found):
            yield from _flat_message(f"{name.attribute}.{index}.message", message)


def _flat_document(prefix: str, document: Any) -> Iterator[tuple[str, Any]]:
    source = cast("dict[str, Any]", document) if isinstance(document, dict) else {"content": document}
    for key, value in source.items():
        if isinstance(value, str | int | float):
            yield f"{prefix}.{key}", value
        elif value is not None:
            yield f"{prefix}.{key}", compact_json(value)


def _flat_message(prefix: str, message: Message) -> Iterator[tuple[str, Any]]:
    yield f"{prefix}.role", message.role
    texts = [part.value for part in message.parts if part.kind == "text"]
    results = [part for part in message.parts if part.kind == "result"]
    if texts or results:
        yield f"{prefix}.content", "\n".join(texts) if texts else _plain(results[0].value)
    if results and results[0].id is not None:
        yield f"{prefix}.tool_call_id", results[0].id
    for index, call in enumerate(part for part in message.parts if part.kind == "call"):
        inner = f"{prefix}.tool_calls.{index}.tool_call"
        members = {"id": call.id, "function.name": call.name, "function.arguments": _arguments(call)}
        yield from ((f"{inner}.{key}", value) for key, value in members.items() if value is not None)


def _arguments(call: Part) -> str | None:
    return None if call.value is None else compact_json(call.value)


def _thought_event(thought: Thought) -> dict[str, Any]:
    time, text = thought
    return {"name": THINKING, "time": time, "attributes": {"content": text}}


def _error_event(run: DerivedRun) -> list[dict[str, Any]]:
    if not run.error:
        return []
    known = {"exception.type": "type", "exception.message": "message", "exception.stacktrace": "stack"}
    attributes = {name: text for name, key in known.items() if (text := _text(run.error, key)) is not None}
    return [{"name": "exception", "time": run.start if run.end is None else run.end, "attributes": attributes}]


def _text(source: dict[str, Any] | None, key: str) -> str | None:
    value = None if source is None else source.get(key)
    return value if isinstance(value, str) and value else None


def _complete(span: ForeignSpan, run: DerivedRun) -> None:
    """Add what the names did not say exactly, by reading back what they say."""
    back = derive([span]).runs[0]
    content = {key: value for key, value in run.content.items() if value is not None}
    for key in [*content, *(key for key in back.content if key not in content)]:
        if not _equal(back.content.get(key), content.get(key)):
            span.attributes[CONTENT + key] = compact_json(content.get(key))
    if not _equal(back.error, run.error):
        span.attributes[ERROR] = compact_json(run.error)


def _equal(one: Any, other: Any) -> bool:
    """Return whether two values are the same JSON; 1, 1.0 and true are not."""
    try:
        return orjson.dumps(one) == orjson.dumps(other)
    except TypeError:
        return compact_json(one) == compact_json(other)
