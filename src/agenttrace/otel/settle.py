"""Arguments, results, queries and documents as they were meant, out of what frameworks put around them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from agenttrace.otel.parts import Flaws, first, unblocked
from agenttrace.otel.reading import messages_in
from agenttrace.otel.semconv import shapes
from agenttrace.otel.values import read

if TYPE_CHECKING:
    from agenttrace.otel.messages import Message

__all__ = ["call_id_in", "documents_in", "is_schema", "query_in", "settled", "tool_names_in"]

_DEEPEST: Final = 6


def settled(value: Any, flaws: Flaws, *, plain: bool = False) -> Any:
    """Return what a value holds inside of known envelopes: a call's arguments, a tool's message, content blocks.

    With `plain`, of sources that do not wrap results, lists and objects that describe a result stay as they are.

    >>> settled({"args": [], "kwargs": {"city": "Paris"}}, Flaws()), settled([{"json": {"sky": 1}}], Flaws())
    ({'city': 'Paris'}, {'sky': 1})
    """
    for _ in range(_DEEPEST):
        inner = _opened(value, flaws, plain=plain)
        if inner is value:
            break
        value = read(inner).value if isinstance(inner, str) else inner
    return value


def call_id_in(value: Any, flaws: Flaws) -> str | None:
    """Return the id of the call that a result answers, where it is a tool's message or holds one."""
    for _ in range(_DEEPEST):
        message = _tool_message(value, flaws)
        if message is not None:
            return message.parts[0].id if message.parts else None
        inner = _opened(value, flaws)
        if inner is value:
            return None
        value = inner
    return None


def _tool_message(value: Any, flaws: Flaws) -> Message | None:
    """Return the tool's message that a value is, if it is one, as LangChain returns from tools."""
    if not isinstance(value, dict):
        return None
    source = cast("dict[str, Any]", value)
    if source.get("type") not in shapes.TOOL_MESSAGE_TYPES and source.get("role") != "tool":
        return None
    if not source.keys() <= shapes.TOOL_MESSAGE_KEYS:
        return None
    found = messages_in(source, "other", flaws)
    return found[0] if len(found) == 1 and found[0].role == "tool" else None


def query_in(value: Any) -> Any:
    """Return the text of a retrieval's query; an object without a usual key as it is.

    >>> query_in({"query_bundle": {"query_str": "refunds"}}), query_in("refunds"), query_in({"a": 1})
    ('refunds', 'refunds', {'a': 1})
    """
    found = value
    for _ in range(_DEEPEST):
        if not isinstance(found, dict):
            break
        source = cast("dict[str, Any]", found)
        inner = first(source, shapes.QUERY_KEYS)
        if inner is None:
            break
        found = inner
    return found if isinstance(found, str) else value


def documents_in(value: Any) -> Any:
    """Return the documents that a retrieval gave: a list, each with `content` where it has text, and what else it has.

    >>> documents_in({"documents": [{"page_content": "x", "metadata": '{"a": 1}', "type": "Document"}]})
    [{'content': 'x', 'metadata': {'a': 1}}]
    """
    if isinstance(value, dict):
        source = cast("dict[str, Any]", value)
        listed = first(source, shapes.DOCUMENT_LISTS)
        return documents_in(listed) if isinstance(listed, list) else [_document(source)]
    return [_document(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def tool_names_in(value: Any, depth: int = 0) -> list[str]:
    """Return the names of the tools in definitions of any shape: flat, under `function` or `toolSpec`, in lists of
    declarations, as JSON text, or just names.

    >>> tool_names_in([{"function": {"name": "a"}}, {"toolSpec": {"name": "b", "inputSchema": {}}}, "c"])
    ['a', 'b', 'c']
    """
    if depth > _DEEPEST or value is None:
        return []
    if isinstance(value, str):
        inner = read(value).value
        if isinstance(inner, dict | list):
            return tool_names_in(inner, depth + 1)
        return [value] if depth and not value.startswith("<") else []  # an object's repr is no name
    if isinstance(value, list | tuple):
        names = [name for item in cast("list[Any]", value) for name in tool_names_in(item, depth + 1)]
        return list(dict.fromkeys(names))
    return _names_in_object(cast("dict[str, Any]", value), depth) if isinstance(value, dict) else []


def is_schema(value: Any) -> bool:
    """Return whether a value describes parameters instead of giving them.

    >>> is_schema({"type": "object", "properties": {}}), is_schema({"city": {"type": "string"}}), is_schema({"city": 1})
    (True, True, False)
    """
    if not isinstance(value, dict):
        return False
    source = cast("dict[str, Any]", value)
    if "properties" in source or source.get("type") == "object" or "$schema" in source:
        return True
    members = list(source.values())
    return bool(members) and all(isinstance(item, dict) and ("type" in item or "anyOf" in item) for item in members)


def _opened(value: Any, flaws: Flaws, *, plain: bool = False) -> Any:
    if isinstance(value, list):
        return cast("list[Any]", value) if plain else unblocked(cast("list[Any]", value))
    if not isinstance(value, dict):
        return value
    source = cast("dict[str, Any]", value)
    message = _tool_message(source, flaws)
    if message is not None:
        return message.parts[0].value if message.parts else None
    keys = source.keys()
    for known, wanted in shapes.ENVELOPES:
        if keys == known:
            return _held(source, wanted)
    if plain:
        return source
    described = (key for known, beside, key in shapes.RESULT_OBJECTS if known <= keys <= known | beside)
    return next((source[key] for key in described if source[key] is not None), source)


def _held(source: dict[str, Any], wanted: tuple[str, ...]) -> Any:
    """Return the first of the wanted values that is not empty; of positional arguments the only one.

    Arguments of both kinds stay what they are: neither tells the call without the other.
    """
    full = [source[key] for key in wanted if source[key] not in (None, "", [], {})]
    if "args" in wanted and len(full) > 1:
        return source
    inner = full[0] if full else source[wanted[0]]
    listed = cast("list[Any]", inner) if isinstance(inner, list) else []
    return listed[0] if "args" in source and len(listed) == 1 else cast("object", inner)


def _document(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    source = cast("dict[str, Any]", item)
    for wrapper in shapes.DOCUMENT_WRAPPERS:
        if isinstance(source.get(wrapper), dict):
            rest = {key: value for key, value in source.items() if key in ("score", "id") and value is not None}
            source = {**cast("dict[str, Any]", source[wrapper]), **rest}
            break
    text = first(source, shapes.DOCUMENT_TEXTS)
    kept = {key: value for key, value in source.items() if value is not None and key not in _DROPPED}
    if isinstance(kept.get("metadata"), str):
        kept["metadata"] = read(kept["metadata"]).value
    return kept if text is None else {"content": text, **kept}


#: Keys of a document that repeat its text or say that it is one.
_DROPPED: Final = frozenset({*shapes.DOCUMENT_TEXTS, "type", "lc"})


def _names_in_object(source: dict[str, Any], depth: int) -> list[str]:
    listed = next((source[key] for key in shapes.TOOL_LISTS if source.get(key)), None)
    if listed is not None:
        return tool_names_in(listed, depth + 1)
    config = source.get("config")
    if isinstance(config, dict) and "name" not in source:
        return tool_names_in(config, depth + 1)
    inner = first(source, shapes.SCHEMA_KEYS)
    if isinstance(inner, dict | str) and (found := tool_names_in(inner, depth + 1)):
        return found
    name = source.get("name") or source.get("toolName")
    if isinstance(name, str):
        return [name]
    # Tools of the provider's own have a type and no name.
    kind = source.get("type")
    return [kind] if isinstance(kind, str) and kind != "function" and depth else []
