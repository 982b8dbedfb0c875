"""What a run's content holds, by run type, and how text is read from a recorded input or output. Pure.

The keys are those of the design; messages are read in the shapes that OpenAI, Anthropic and the OpenTelemetry
semantic conventions for generative AI give them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

from agenttrace.model.jsontext import compact_json, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONTENT_KEYS", "MISSING", "complete", "error_of", "keys_of", "messages_of", "named_by", "parse", "text_of"]

#: What a prompt's member says that was kept once, with others', and is not there any more; first in a history that has
#: lost its beginning.
MISSING = "<missing: kept once, and not found>"

#: The documented keys of a run's content, in their order.
CONTENT_KEYS: dict[str, tuple[str, ...]] = {
    "master": ("input", "output"),
    "tool_call": ("tool_name", "tool_call_id", "tool_configuration", "input", "output", "payload"),
    "context": ("query", "documents"),
    "prompt": (
        "prompt_type",
        "turn_index",
        "system_prompt",
        "history",
        "full_prompt",
        "llm_model",
        "llm_response",
        "state_name",
        "action",
        "tool_names",
        "usage",
        "cost",
        "time_to_first_token",
    ),
    "predefined_behaviour": ("behaviour", "trigger", "input", "output"),
}

_OTHER_KEYS = ("input", "output")

#: The key that says what a run was, and falls back to the run's name.
_NAMED_BY = {"tool_call": "tool_name", "prompt": "prompt_type", "predefined_behaviour": "behaviour"}

_ERROR_KEYS = ("type", "message", "stack")

#: Where an object keeps its text, most telling first.
_TEXT_KEYS = (
    "content",
    "text",
    "message",
    "question",
    "query",
    "prompt",
    "input",
    "output",
    "answer",
    "response",
    "messages",
    "parts",
)
_PART_KEYS = ("text", "content")
_USERS = ("user", "human")


def parse(text: str | None) -> dict[str, Any] | None:
    """Return the object of stored JSON text; None for None, and for what is none. Never raises.

    What is nested too deep for encoders is folded to text.

    >>> parse('{"input": 1}'), parse("{"), parse(None)
    ({'input': 1}, None, None)
    """
    if text is None:
        return None
    try:
        value: Any = orjson.loads(text)
    except (ValueError, TypeError):
        return None
    if type(value) is not dict or not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        return None
    return cast("dict[str, Any]", fold(value) if text.count("[") + text.count("{") > 100 else value)


def keys_of(run_type: str) -> tuple[str, ...]:
    """Return the documented content keys of a run type."""
    return CONTENT_KEYS.get(run_type, _OTHER_KEYS)


def named_by(run_type: str) -> str | None:
    """Return the content key of a run type that falls back to the run's name, if it has one."""
    return _NAMED_BY.get(run_type)


def complete(run_type: str, name: str, content: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the content with all documented keys, null where unknown; None where nothing was captured.

    Other keys that were captured follow. What the run was (a tool's name, a prompt's type) defaults to its name.

    >>> complete("context", "retrieve", {"query": "q"}), complete("context", "retrieve", {})
    ({'query': 'q', 'documents': None}, None)
    """
    if not content:
        return None
    whole = {key: content.get(key) for key in keys_of(run_type)} | content
    named = _NAMED_BY.get(run_type)
    if named and whole[named] is None:
        whole[named] = name
    return whole


def error_of(text: str | None) -> dict[str, Any] | None:
    """Return a stored error as an object with type, message and stack; text that is no object becomes the message."""
    if text is None or text == "null":
        return None
    error = parse(text)
    if error is None:
        return dict.fromkeys(_ERROR_KEYS) | {"message": text}
    return {key: error.get(key) for key in _ERROR_KEYS} | error


def text_of(value: object, side: Literal["input", "output"] = "output") -> str | None:
    """Return the text of a recorded input or output; None only for null.

    A string is its own text. An object with one value has that value's text, another the text under the first of the
    usual keys (content, text, message, question, ...). Of chat messages it is the last user's on the input side, the
    last one on the output side. The texts of content parts are joined by newlines, those of streamed strings by
    nothing. Anything else is compact JSON.

    >>> text_of({"question": "Why?", "verbose": True}), text_of(["Be", "cause"]), text_of({"a": 1, "b": 2})
    ('Why?', 'Because', '{"a":1,"b":2}')
    """
    while True:
        if value is None or isinstance(value, str):
            return value
        if value == {}:  # a call without arguments
            return ""
        inner = _inside(value, side)
        if inner is value:
            return compact_json(value)
        value = inner


def messages_of(value: object) -> list[dict[str, Any]]:
    """Return a recorded input as the messages of an `input_message` event: at least one, of `type` and `content`.

    An input that already is a list of such messages stays; anything else is one text message.

    >>> messages_of({"question": "Why?"})
    [{'type': 'text', 'content': 'Why?'}]
    """
    inner = _only(value)
    if _are_messages(inner):
        return cast("list[dict[str, Any]]", inner)
    return [{"type": "text", "content": text_of(value, "input") or ""}]


def _only(value: Any) -> Any:
    """Return the value of an object that has one, else the value itself."""
    values = list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else []
    return values[0] if len(values) == 1 else cast("object", value)


def _are_messages(value: Any) -> bool:
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return bool(items) and all(map(_is_message, items))


def _is_message(item: Any) -> bool:
    if not isinstance(item, dict) or "role" in item:
        return False
    return all(isinstance(cast("dict[str, Any]", item).get(key), str) for key in ("type", "content"))


def _inside(value: Any, side: Literal["input", "output"]) -> Any:
    """Return the next value on the way to the text; the value itself where there is no further way."""
    if isinstance(value, dict):
        return _inside_object(cast("dict[str, Any]", value))
    if isinstance(value, list):
        return _inside_list(cast("list[Any]", value), side)
    return value


def _inside_object(value: dict[str, Any]) -> object:
    for key in _TEXT_KEYS:
        if value.get(key) is not None:
            return value[key]
    return _only(value)


def _inside_list(value: list[Any], side: Literal["input", "output"]) -> object:
    if value and all(isinstance(item, str) for item in value):
        return "".join(value)
    if not value or not all(isinstance(item, dict) for item in value):
        return value
    objects = cast("list[dict[str, Any]]", value)
    if all("role" in item for item in objects):
        return _last_message(objects, side)
    if all("type" in item for item in objects):
        return _joined(objects)
    return value


def _last_message(messages: Sequence[dict[str, Any]], side: Literal["input", "output"]) -> object:
    if side == "input":
        of_users = [message for message in messages if message["role"] in _USERS]
        return (of_users or messages)[-1]
    return messages[-1]


def _joined(parts: list[dict[str, Any]]) -> object:
    texts = [text for part in parts if (text := _part_text(part)) is not None]
    return "\n".join(texts) if texts else parts


def _part_text(part: dict[str, Any]) -> str | None:
    return next((part[key] for key in _PART_KEYS if isinstance(part.get(key), str)), None)
