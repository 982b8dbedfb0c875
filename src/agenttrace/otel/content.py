"""The content of a run out of a foreign span, by what the span is. Pure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from agenttrace.model.content import CONTENT_KEYS
from agenttrace.otel import messages as texts
from agenttrace.otel.failure import status_of
from agenttrace.otel.reading import is_pair, messages_in
from agenttrace.otel.semconv import shapes
from agenttrace.otel.semconv.own import CONTENT
from agenttrace.otel.settle import call_id_in, documents_in, is_schema, query_in, settled
from agenttrace.otel.spoken import Captured, answers_in, composed_in, fullest, given_in, options_of, prompt_of, said_in
from agenttrace.otel.values import clean, text_of_scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agenttrace.otel.messages import Message
    from agenttrace.otel.semconv.convention import Kind
    from agenttrace.otel.view import Said, View

__all__ = ["captured"]


def captured(view: View, kind: Kind) -> Captured:
    """Return what a span says; keys without a value are left out."""
    found = (_of_texts if kind.sub == "texts" else _BY_FAMILY.get(kind.family, _of_named))(view)
    own = _own_content(view)
    read_keys = {key: clean(value) for key, value in found.content.items() if key not in own}
    merged = {key: value for key, value in {**read_keys, **own}.items() if value is not None}
    if merged.get("output") == {} and "output" not in own and status_of(view) != "success":
        del merged["output"]  # what emitters write where nothing came back
    keys = CONTENT_KEYS.get(kind.run_type, ("input", "output"))
    found.content = {key: merged[key] for key in (*keys, *sorted(merged.keys() - set(keys))) if key in merged}
    return found


def _own_content(view: View) -> dict[str, Any]:
    """Return the content that agenttrace itself wrote, key by key."""
    prefix = len(CONTENT)
    own = {name: value for name, value in view.attributes.items() if name.startswith(CONTENT)}
    return {name[prefix:]: _loaded(value, view) for name, value in own.items()}


def _loaded(value: Any, view: View) -> Any:
    """Return what JSON says, scalars too, exactly: it was written from a stored run."""
    try:
        return orjson.loads(value)
    except (ValueError, TypeError):
        view.flaws.count += 1
        return clean(value)


def _of_agent(view: View) -> Captured:
    content = {"input": _agent_input(view), "output": _agent_output(view)}
    said = fullest(answers_in(view))
    return Captured(content, texts.thoughts(said))


def _agent_input(view: View) -> Any:
    turn = _turn(view)
    if (text := next((texts.text_of(message) for message in turn if message.role == "user"), None)) is not None:
        return text
    told = (said_in(view, each, output=False) for each in _both(view))
    found = fullest(chain(view.messages("input_messages", "user"), told))
    if texts.has_content(found):
        return texts.last_user_text(found) or [texts.plain(message) for message in found]
    return next((value for each in view.found("input") if (value := _asked(each, view)) is not None), None)


def _agent_output(view: View) -> Any:
    final = view.first("final_output")
    if final is not None:
        return final
    for found in chain(view.messages("output_messages", "assistant"), [composed_in(view), _turn(view)]):
        if (text := _last_answer(found)) is not None:
            return text
    for each in _both(view):
        if (text := _last_answer(said_in(view, each, output=True))) is not None:
            return text
    return next((value for each in view.found("output") if (value := _answered(each, view)) is not None), None)


def _both(view: View) -> tuple[list[Said], list[Said]]:
    return view.events, view.logs


def _turn(view: View) -> list[Message]:
    """Return the messages of this turn, of a record of the whole conversation."""
    found = view.first("all_messages")
    if not isinstance(found, list):
        return []
    start = view.number("new_message_index") or 0
    return messages_in(cast("list[Any]", found)[max(int(start), 0) :], "user", view.flaws)


def _last_answer(found: Sequence[Message]) -> str | None:
    spoken = (texts.text_of(message) for message in reversed(found) if message.role == "assistant")
    return next((text for text in spoken if text is not None), None)


def _asked(value: Any, view: View) -> Any:
    """Return an agent's input: the last message of the user where there are messages, the task, or all of it."""
    inner = _single(settled(value, view.flaws), "input")
    found = _conversation(inner, view)
    if found:
        return texts.last_user_text(found) or [texts.plain(message) for message in found]
    if isinstance(inner, dict):
        source = cast("dict[str, Any]", inner)
        task = next((source[key] for key in shapes.TASK_KEYS if isinstance(source.get(key), str)), None)
        return task or (source if any(value not in _NOTHING for value in source.values()) else None)
    return None if inner in _NOTHING else inner


def _answered(value: Any, view: View) -> Any:
    inner = _single(settled(value, view.flaws), "output")
    found = _conversation(inner, view)
    return (_last_answer(found) or [texts.plain(message) for message in found]) if found else inner


def _single(value: Any, key: str) -> Any:
    """Return the value of an object that holds nothing else under this key; any other value as it is."""
    source = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return source[key] if source.keys() == {key} else cast("object", value)


def _conversation(value: Any, view: View) -> list[Message]:
    """Return the messages that a value surely is or holds."""
    held: Any = value
    if isinstance(held, dict):
        source = cast("dict[str, Any]", held)
        held = next((source[key] for key in ("messages", "choices", "generations") if source.get(key)), source)
    sample: Any = held
    while isinstance(sample, list) and sample:
        if is_pair(cast("list[Any]", sample)):
            return messages_in(held, "user", view.flaws)
        sample = cast("list[Any]", sample)[0]
    if not isinstance(sample, dict):
        return []
    known = cast("dict[str, Any]", sample)
    telling = "role" in known or "message" in known or _is_class(known)
    return messages_in(held, "user", view.flaws) if telling else []


#: Values of an input that says nothing.
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})


def _is_class(source: dict[str, Any]) -> bool:
    kind = source.get("type")
    return "lc" in source or (isinstance(kind, str) and kind.lower() in shapes.CLASS_ROLES and len(source) > 1)


def _of_tool(view: View) -> Captured:
    given = _tool_input(view)
    raw, result = _tool_output(view)
    told = next((said.body.get("id") for said in (*view.events, *view.logs) if said.role in ("tool", "output")), None)
    content = {
        "tool_name": view.text("tool_name"),
        "tool_call_id": view.text("tool_call_id") or call_id_in(raw, view.flaws) or text_of_scalar(told),
        "input": given,
        "output": result,
    }
    return Captured(content)


def _tool_input(view: View) -> Any:
    for value in chain(view.found("tool_input"), view.found("input")):
        return settled(value, view.flaws)
    for value in view.found("tool_parameters"):
        if not is_schema(value):
            return value
    for found in view.messages("input_messages", "tool"):
        for part in texts.calls(found):
            return part.value
    return _told(view, "tool")


def _tool_output(view: View) -> tuple[Any, Any]:
    """Return a tool's result as it was sent, and what it holds."""
    for value in view.found("tool_result"):
        return value, settled(value, view.flaws, plain=True)
    for value in chain(view.found("tool_output"), view.found("output")):
        return value, settled(value, view.flaws)
    for found in view.messages("output_messages", "tool"):
        for message in found:
            for part in message.parts:
                if part.kind == "result":
                    return part.value, settled(part.value, view.flaws)
    told = _told(view, "output")
    return told, told


def _told(view: View, role: str) -> Any:
    """Return what the last message of a role says, in events or else in log records."""
    for each in _both(view):
        content = next((said.content() for said in reversed(each) if said.role == role), None)
        if content is not None:
            return settled(view.flaws.read(content), view.flaws)
    return None


def _of_context(view: View) -> Captured:
    query = next((found for each in view.found("query") if (found := _query(each, view)) is not None), None)
    documents = next((documents_in(settled(each, view.flaws, plain=True)) for each in view.found("documents")), None)
    return Captured({"query": query, "documents": documents}, attributes=options_of(view))


def _query(value: Any, view: View) -> Any:
    return query_in(settled(value, view.flaws))


def _of_texts(view: View) -> Captured:
    """Return the texts that were embedded, and the answer."""
    found = _of_named(view)
    given = found.content["input"]
    if isinstance(given, list) and all(isinstance(item, dict) and "role" in item for item in cast("list[Any]", given)):
        found.content["input"] = [item["content"] for item in cast("list[dict[str, Any]]", given)]
    return found


def _of_named(view: View) -> Captured:
    found = _of_chain(view)
    found.attributes = options_of(view)
    return found


def _of_chain(view: View) -> Captured:
    content = {"input": _value(view, "input", given_in), "output": _value(view, "output", answers_in)}
    return Captured(content)


def _value(view: View, name: str, spoken: Callable[[View], Iterable[list[Message]]]) -> Any:
    value = next((settled(each, view.flaws) for each in view.found(name)), None)
    if value is not None:
        return value
    return [texts.plain(message) for message in fullest(spoken(view))] or None


_BY_FAMILY = {"prompt": prompt_of, "agent": _of_agent, "chain": _of_chain, "tool": _of_tool, "context": _of_context}
