"""Finding the messages in what was sent: requests, responses and lists, in the shapes of any model API. Pure."""

from __future__ import annotations

from typing import Any, Final, cast

from agenttrace.otel.messages import Message
from agenttrace.otel.parts import Flaws, Part, call_of, first, is_part, parts_of, result_value
from agenttrace.otel.semconv import shapes
from agenttrace.otel.values import clean_text, is_text, text_of_scalar

__all__ = ["is_pair", "messages_in", "role_of"]

_DEEPEST: Final = 8


def messages_in(value: Any, role: str, flaws: Flaws, *, strict: bool = False) -> list[Message]:
    """Return the messages that a value holds, in order: a list of them, one, a request or a response around them, or
    text, which is a message of `role`. JSON and Python reprs are read.

    Results of tools are messages of their own with the role `tool`, whatever message they came in.
    """
    found: list[Message] = []
    _collect(flaws.read(value, strict=strict) if is_text(value) else value, role, flaws, found, 0)
    return [message for each in found for message in _split(each)]


def role_of(value: object) -> str | None:
    """Return the role that a text names; None for anything else.

    >>> role_of("MessageRole.USER"), role_of("human"), role_of("critic"), role_of(None)
    ('user', 'user', 'critic', None)
    """
    if not isinstance(value, str) or not value:
        return None
    bare = clean_text(value).rsplit(".", 1)[-1].strip().lower()
    return shapes.ROLES.get(bare, bare)


def is_pair(values: list[Any]) -> bool:
    """Return whether a list is a message as a pair of a role and a text."""
    return len(values) == 2 and all(isinstance(item, str) for item in values) and values[0] in shapes.ROLES


def _collect(value: Any, role: str, flaws: Flaws, found: list[Message], depth: int) -> None:
    if depth > _DEEPEST or value is None:
        return
    if isinstance(value, list):
        _collect_list(cast("list[Any]", value), role, flaws, found, depth)
    elif isinstance(value, dict):
        _collect_object(cast("dict[str, Any]", value), role, flaws, found, depth)
    elif (text := text_of_scalar(value)) is not None:
        found.append(Message(role, [Part("text", text)]))


def _collect_list(values: list[Any], role: str, flaws: Flaws, found: list[Message], depth: int) -> None:
    if is_pair(values):
        found.append(Message(shapes.ROLES[values[0]], parts_of(values[1], flaws)))
        return
    loose: list[Any] = []
    for item in values:
        if is_part(item) and "role" not in item:
            loose.append(item)
            continue
        _flush(loose, role, flaws, found)
        nested = flaws.read(item) if isinstance(item, str) and item[:1] in ("{", "[") else item
        _collect(nested, role, flaws, found, depth + 1)
    _flush(loose, role, flaws, found)


def _flush(loose: list[Any], role: str, flaws: Flaws, found: list[Message]) -> None:
    """Make a message of parts that stand outside of one; calls and reasoning are never the user's."""
    parts = parts_of(loose, flaws)
    loose.clear()
    if parts:
        spoken = any(part.kind in ("call", "thinking") for part in parts)
        found.append(Message("assistant" if spoken and role in ("user", "system") else role, parts))


def _collect_object(source: dict[str, Any], role: str, flaws: Flaws, found: list[Message], depth: int) -> None:
    message = _message(source, role, flaws)
    if message is not None:
        found.append(message)
        return
    if is_part(source):
        _flush([source], role, flaws, found)
        return
    key = next((key for key in shapes.CONTAINERS if source.get(key) not in (None, "", [], {})), None)
    system = _system_in(source, flaws)
    if system and key is not None:
        found.append(Message("system", system))
    if key is not None:
        inner: Any = source[key]
        nested = flaws.read(inner) if isinstance(inner, str) and inner[:1] in ("{", "[") else inner
        _collect(nested, role, flaws, found, depth + 1)


def _system_in(source: dict[str, Any], flaws: Flaws) -> list[Part]:
    config = source.get("config")
    places = [source, cast("dict[str, Any]", config)] if isinstance(config, dict) else [source]
    given = next((value for place in places if (value := first(place, shapes.SYSTEM_KEYS)) is not None), None)
    return parts_of(given, flaws)


def _message(source: dict[str, Any], role: str, flaws: Flaws) -> Message | None:
    """Return the message that an object is; None where it is none."""
    inner = source.get("message")
    if isinstance(inner, dict) and (len(source) == 1 or ("role" in inner and "role" not in source)):
        beside = {key: value for key, value in source.items() if key != "message"}
        return _message({**beside, **cast("dict[str, Any]", inner)}, role, flaws)
    sender, held = _sender(source)
    if sender is None and isinstance(source.get("parts"), list):
        sender = role
    if sender is None:
        return None
    parts = _content(held, sender, flaws)
    if sender in shapes.THINKING_ROLES:
        sender, parts = "assistant", [Part("thinking", part.value) if part.kind == "text" else part for part in parts]
    return Message(sender, _distinct(parts), text_of_scalar(held.get("name")))


def _sender(source: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Return the role of a message and the object that holds its content."""
    own = role_of(source.get("role"))
    if own is not None:
        return own, source
    for key in ("kwargs", "data"):
        inner = source.get(key)
        if isinstance(inner, dict):
            held = cast("dict[str, Any]", inner)
            return _class_role(source) or _class_role(held), held
    content = source.get("content")
    if isinstance(content, dict) and "parts" in content:
        held = cast("dict[str, Any]", content)
        return role_of(held.get("role")), held
    return (_class_role(source), source) if "content" in source else (None, source)


def _class_role(source: dict[str, Any]) -> str | None:
    """Return the role that the class of a message names: LangChain writes `type`, or the path of the class as `id`."""
    path = source.get("id")
    last: Any = cast("list[Any]", path)[-1] if isinstance(path, list) and path else None
    for name in (last, source.get("type")):
        bare = name.lower() if isinstance(name, str) else ""
        if bare in shapes.CLASS_ROLES or (bare.endswith(("message", "messagechunk")) and bare in shapes.ROLES):
            return shapes.ROLES.get(bare, "assistant")
    return None


def _content(source: dict[str, Any], role: str, flaws: Flaws) -> list[Part]:
    content = [source[key] for key in shapes.CONTENT_KEYS if source.get(key) is not None]
    if role == "tool":
        return _tool_content(source, content, flaws)
    said = [
        parts_of(value, flaws, typed=role == "user") for value in content
    ]  # some say the same as a text and as a list of parts
    parts = [part for place, found in enumerate(said) if found not in said[:place] for part in found]
    return [*_reasoning(source, flaws), *parts, *_calls(source, flaws)]


def _tool_content(source: dict[str, Any], content: list[Any], flaws: Flaws) -> list[Part]:
    parts = [part for value in content if not isinstance(value, str) for part in parts_of(value, flaws)]
    parts = parts or [part for value in content for part in parts_of(value, flaws) if part.kind in ("result", "call")]
    if any(part.kind in ("result", "call") for part in parts):
        return parts
    value = content[0] if content else first(source, shapes.RESULT_KEYS)
    if value is None and (listed := _listed_results(source, flaws)):
        return listed
    return [_result(source, value, flaws)]


def _listed_results(source: dict[str, Any], flaws: Flaws) -> list[Part]:
    """Return the results of a tool's message that are listed under its role, each an object of its own."""
    listed = source.get(str(source.get("role")))
    values = [flaws.read(item) for item in cast("list[Any]", listed)] if isinstance(listed, list) else []
    objects = [cast("dict[str, Any]", value) for value in values if isinstance(value, dict)]
    return [_result(item, first(item, ("content", *shapes.RESULT_KEYS)), flaws) for item in objects]


def _result(source: dict[str, Any], value: Any, flaws: Flaws) -> Part:
    call = text_of_scalar(first(source, shapes.CALL_ID_KEYS))
    return Part("result", result_value(value, flaws), call, text_of_scalar(first(source, shapes.NAME_KEYS)))


def _reasoning(source: dict[str, Any], flaws: Flaws) -> list[Part]:
    extra = source.get("additional_kwargs")
    places = [source, cast("dict[str, Any]", extra)] if isinstance(extra, dict) else [source]
    for place in places:
        for key in shapes.THINKING_PARTS:
            if place.get(key):
                return [part for part in parts_of({key: place[key]}, flaws) if part.kind == "thinking"]
    return []


def _calls(source: dict[str, Any], flaws: Flaws) -> list[Part]:
    extra = source.get("additional_kwargs")
    places = [source, cast("dict[str, Any]", extra)] if isinstance(extra, dict) else [source]
    for place in places:
        listed = flaws.read(first(place, ("tool_calls", "toolCalls")))
        if isinstance(listed, list) and listed:
            return [call for item in cast("list[Any]", listed) if (call := call_of(item, flaws)) is not None]
        single: Any = place.get("function_call")
        if isinstance(single, dict) and (call := call_of(single, flaws)) is not None:
            return [call]
    name = text_of_scalar(first(source, shapes.FUNCTION_NAMES))
    arguments = first(source, shapes.FUNCTION_ARGUMENTS)
    return [Part("call", flaws.read(arguments), None, name)] if name else []


def _distinct(parts: list[Part]) -> list[Part]:
    """Return the parts without calls that stand there twice, as a block of the content and in a list of their own."""
    seen: set[tuple[str | None, str | None]] = set()
    kept: list[Part] = []
    for part in parts:
        key = (part.id, part.name)
        if part.kind == "call" and part.id is not None:
            if key in seen:
                continue
            seen.add(key)
        kept.append(part)
    return kept


def _split(message: Message) -> list[Message]:
    """Return a message with each result of a tool as a message of its own, in the order of its parts."""
    found: list[Message] = []
    for part in message.parts:
        if part.kind == "result":
            found.append(Message("tool", [part], part.name))
        elif found and found[-1].role == message.role and found[-1].parts[0].kind != "result":
            found[-1].parts.append(part)
        else:
            found.append(Message(message.role, [part], message.name))
    return found or [message]
