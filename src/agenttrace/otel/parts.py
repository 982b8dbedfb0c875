"""Parts of a message: text, reasoning, calls of tools and their results, in one form whoever sent them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from agenttrace.otel.clipped import preview_of
from agenttrace.otel.semconv import shapes
from agenttrace.otel.values import clean_text, object_repr, read, text_of_scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Flaws", "Part", "call_of", "first", "is_part", "parts_of", "result_value", "unblocked"]

#: Nothing sensible nests content deeper than this.
_DEEPEST: Final = 8


@dataclass(slots=True)
class Flaws:
    """Counts values that should have been readable and were not; they are kept raw."""

    count: int = 0

    def read(self, value: object, *, strict: bool = False) -> Any:
        """Return what `values.read` gives, and count it if it could not be read."""
        found = read(value, strict=strict)
        self.count += not found.ok
        return found.value


@dataclass(slots=True)
class Part:
    """One part of a message: `kind` is text, thinking, call, result or other.

    `value` is a text, a call's arguments, a result, or another part as it was sent.
    """

    kind: str
    value: Any
    id: str | None = None
    name: str | None = None


def first(source: dict[str, Any], keys: Iterable[str]) -> Any:
    """Return the first value that is there and neither null nor empty text; None where there is none."""
    return next((source[key] for key in keys if source.get(key) is not None and source[key] != ""), None)


def parts_of(content: Any, flaws: Flaws, depth: int = 0, *, typed: bool = False) -> list[Part]:
    """Return the parts of a message's content: text, a list of parts in any shape, or either of them as JSON.

    With `typed` the text is a person's: what looks like a call or a thought in it is text.
    """
    if content is None or depth > _DEEPEST:
        return []
    if isinstance(content, list):
        members = cast("list[Any]", content)
        return [part for member in members for part in parts_of(member, flaws, depth + 1, typed=typed)]
    if isinstance(content, dict):
        return _of_object(cast("dict[str, Any]", content), flaws, depth, typed=typed)
    return _of_text(text_of_scalar(content), flaws, depth, typed=typed)


def is_part(value: Any) -> bool:
    """Return whether an object is surely a part of a message, and no message or value of its own."""
    if not isinstance(value, dict):
        return False
    source = cast("dict[str, Any]", value)
    kind = _type(source)
    if kind in shapes.TEXT_TYPES | shapes.THINKING_TYPES | shapes.OTHER_PART_TYPES:
        return True
    if kind in shapes.CALL_TYPES:
        return first(source, (*shapes.NAME_KEYS, "function")) is not None
    if kind in shapes.RESULT_TYPES or preview_of(source) is not None:
        return True
    return len(source) == 1 and not shapes.BLOCKS.isdisjoint(source) and "json" not in source


def unblocked(value: Any) -> Any:
    """Return what a list of content blocks holds: the value of one, else their joined text; others as they are.

    >>> unblocked([{"json": {"sky": "sunny"}}]), unblocked([{"text": "a"}, {"text": "b"}]), unblocked([{"a": 1}])
    ({'sky': 'sunny'}, 'a\\nb', [{'a': 1}])
    """
    blocks = _objects(value)
    if blocks is None:
        return value
    if len(blocks) == 1 and isinstance(blocks[0].get("toolResult"), dict):
        return unblocked(cast("dict[str, Any]", blocks[0]["toolResult"]).get("content"))
    if not all(len(block) == 1 and not shapes.BLOCKS.isdisjoint(block) for block in blocks):
        return value
    held = [next(iter(block.values())) for block in blocks]
    if all(isinstance(item, str) for item in held):
        return "\n".join(held)
    return held[0] if len(held) == 1 else held


def result_value(value: Any, flaws: Flaws) -> Any:
    """Return a tool's result as it stands in a message: text stays text, content parts become their text."""
    if isinstance(value, dict):
        source = cast("dict[str, Any]", value)
        return source["value"] if source.keys() == {"type", "value"} else source
    if isinstance(value, str):
        inner = read(value).value if value.startswith("[{") else None
        return text_of_scalar(value) if inner is None or inner is unblocked(inner) else unblocked(inner)
    if not isinstance(value, list):
        return value
    blocks = _objects([_unwrapped(item) for item in cast("list[Any]", value)])
    if blocks is not None and all(_type(block) in shapes.TEXT_TYPES for block in blocks):
        return "\n".join(str(part.value) for part in parts_of(blocks, flaws))
    return unblocked(value)


def _unwrapped(value: Any) -> Any:
    source = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return source["message_content"] if source.keys() == {"message_content"} else cast("object", value)


def call_of(value: Any, flaws: Flaws) -> Part | None:
    """Return the call that an object describes, flat or under `function`, its arguments read; None where there is no
    name and no id.
    """
    if not isinstance(value, dict):
        return None
    outer = cast("dict[str, Any]", value)
    inner = first(outer, (*shapes.CALL_PARTS, "function", "tool_call"))
    source = cast("dict[str, Any]", inner) if isinstance(inner, dict) else outer
    if source is not outer and isinstance(source.get("function"), dict):
        return call_of(source, flaws)
    name = text_of_scalar(first(source, shapes.NAME_KEYS) or first(outer, shapes.NAME_KEYS))
    call = text_of_scalar(first(outer, shapes.CALL_ID_KEYS) or first(source, shapes.CALL_ID_KEYS))
    if name is None and call is None:
        return None
    arguments = first(source, shapes.ARGUMENT_KEYS)
    if arguments is None and source is not outer:
        arguments = first(outer, shapes.ARGUMENT_KEYS)
    return Part("call", None if arguments is None else flaws.read(arguments), call, name)


def _of_object(source: dict[str, Any], flaws: Flaws, depth: int, *, typed: bool = False) -> list[Part]:
    kind = _type(source)
    if (preview := preview_of(source)) is not None:
        flaws.count += 1
        return [Part("text", preview)]
    if kind is None and isinstance(source.get("message_content"), dict):
        call = call_of(source.get("tool_call"), flaws)
        return [call] if call is not None else parts_of(source["message_content"], flaws, depth + 1, typed=typed)
    if kind in shapes.RESULT_TYPES or first(source, shapes.RESULT_PARTS) is not None:
        return [_result(source, flaws)]
    if kind in shapes.CALL_TYPES or first(source, shapes.CALL_PARTS) is not None:
        call = call_of(source, flaws)
        return [] if call is None else [call]
    if kind in shapes.THINKING_TYPES or source.get("thought") is True or first(source, shapes.THINKING_PARTS):
        text = _deep_text(source, (*shapes.THINKING_PARTS, *shapes.THINKING_KEYS))
        return [Part("thinking", text)] if text else []
    if kind in shapes.TEXT_TYPES:
        told = first(source, shapes.TEXT_KEYS)
        text = text_of_scalar(told) if typed and isinstance(told, str) else _deep_text(source, shapes.TEXT_KEYS)
        return _of_text(text, flaws, depth, typed=typed)
    return _untyped(source, flaws, depth, typed=typed) if kind is None else [Part("other", source)]


def _untyped(source: dict[str, Any], flaws: Flaws, depth: int, *, typed: bool) -> list[Part]:
    if isinstance(source.get("parts"), list):
        return parts_of(source["parts"], flaws, depth + 1, typed=typed)
    if isinstance(source.get("text"), str):
        return _of_text(text_of_scalar(source["text"]), flaws, depth, typed=typed)
    if isinstance(source.get("content"), str | list):
        return parts_of(source["content"], flaws, depth + 1, typed=typed)
    return [Part("other", source)] if source else []


def _result(source: dict[str, Any], flaws: Flaws) -> Part:
    inner = first(source, shapes.RESULT_PARTS)
    held = cast("dict[str, Any]", inner) if isinstance(inner, dict) else source
    call = text_of_scalar(first(held, shapes.CALL_ID_KEYS) or first(source, shapes.CALL_ID_KEYS))
    name = text_of_scalar(first(held, shapes.NAME_KEYS))
    return Part("result", result_value(first(held, shapes.RESULT_KEYS), flaws), call, name)


def _of_text(text: str | None, flaws: Flaws, depth: int, *, typed: bool) -> list[Part]:
    """Return the part that a text is, or those that it writes down."""
    if not text:
        return []
    inner = _listed(text)
    if inner is not None:
        found = parts_of(inner, flaws, depth + 1, typed=typed)
        forged = typed and any(part.kind in ("call", "thinking") for part in found)
        return [Part("text", text)] if forged else found
    written = None if typed else object_repr(text)
    if written is not None and _type(written) != "text" and is_part(written):
        return _of_object(written, flaws, depth + 1)
    return [Part("text", text)]


def _deep_text(value: Any, keys: tuple[str, ...], depth: int = 0) -> str | None:
    """Return the text inside an object that may wrap it in objects and lists."""
    if depth > _DEEPEST or value is None:
        return None
    if isinstance(value, list):
        found = [_deep_text(member, keys, depth + 1) for member in cast("list[Any]", value)]
        return "\n".join(text for text in found if text) or None
    if not isinstance(value, dict):
        text = text_of_scalar(value)
        inner = None if text is None else _listed(text)
        return text if inner is None else _deep_text(inner, keys, depth + 1)
    source = cast("dict[str, Any]", value)
    candidates = (_deep_text(source[key], keys, depth + 1) for key in keys if key in source)
    return next((text for text in candidates if text), None)


def _listed(text: str) -> list[Any] | None:
    """Return the parts that a text writes down, if it is surely that: some put the list of parts in as JSON or repr."""
    if not text.startswith("[{") or not text.rstrip().endswith("]"):
        return None
    value = read(text).value
    members = cast("list[Any]", value) if isinstance(value, list) else []
    return members if members and all(map(is_part, members)) else None


def _objects(value: Any) -> list[dict[str, Any]] | None:
    members = cast("list[Any]", value) if isinstance(value, list) else []
    return (
        cast("list[dict[str, Any]]", members) if members and all(isinstance(item, dict) for item in members) else None
    )


def _type(source: dict[str, Any]) -> str | None:
    kind = source.get("type")
    return clean_text(kind).lower() if isinstance(kind, str) and kind else None
