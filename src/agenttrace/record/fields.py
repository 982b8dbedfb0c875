"""Which content key a value belongs to, by run type. Tables, and a small reader of what users pass as tools. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agenttrace.faults import let_through

__all__ = [
    "ENVELOPE_KEYS",
    "INPUT_KEY",
    "KEY_JSON",
    "OUTPUT_KEY",
    "PARAMETERS",
    "SETTABLE",
    "member",
    "tool_names",
]

#: The content key of what went in and what came out; run types that are not here use `input` and `output`.
INPUT_KEY = {"context": "query"}
OUTPUT_KEY = {"context": "documents", "prompt": "llm_response"}

#: Parameters of decorated functions that are content of their own; the others stand together under `input`.
PARAMETERS: dict[str, dict[str, str]] = {
    "context": {"query": "query"},
    "prompt": {
        "prompt_type": "prompt_type",
        "turn_index": "turn_index",
        "system_prompt": "system_prompt",
        "system": "system_prompt",
        "history": "history",
        "messages": "history",
        "full_prompt": "full_prompt",
        "prompt": "full_prompt",
        "model": "llm_model",
        "llm_model": "llm_model",
        "state_name": "state_name",
        "action": "action",
        "tools": "tool_names",
        "tool_names": "tool_names",
    },
}

_CONTENT_KEYS = (
    "input",
    "output",
    "query",
    "documents",
    "tool_name",
    "tool_call_id",
    "tool_configuration",
    "payload",
    "behaviour",
    "trigger",
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
)

#: Content keys as they stand in a record: a comma before each.
KEY_JSON = {key: f',"{key}":'.encode() for key in _CONTENT_KEYS}

#: Content keys that the envelope repeats, since prompt logs are found by them.
ENVELOPE_KEYS = frozenset({"prompt_type", "state_name"})

#: Keys that `span.set` writes into the content of such a run instead of its attributes.
SETTABLE: dict[str, frozenset[str]] = {
    "tool_call": frozenset({"tool_name", "tool_call_id", "tool_configuration"}),
    "predefined_behaviour": frozenset({"behaviour", "trigger"}),
    "prompt": frozenset(PARAMETERS["prompt"].values()) | {"usage", "cost", "time_to_first_token"},
}


def tool_names(tools: Any) -> list[str] | None:
    """Return the names of the tools that a prompt was offered: texts, definitions of any provider, or functions.

    >>> tool_names(["a", {"name": "b"}, {"type": "function", "function": {"name": "c"}}, len])
    ['a', 'b', 'c', 'len']
    >>> tool_names([{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}, {"google_search": {}}])
    ['a', 'b', 'google_search']
    """
    if tools is None:
        return None
    try:
        return _names_in(tools)
    except BaseException as error:  # noqa: BLE001 - proxies may raise at any look at them
        let_through(error)
        return [type(tools).__name__]


#: A mapping with one of these keys defines one tool; with others it has one under each.
_ONE = frozenset(("name", "function", "type"))

#: Under these keys a provider's definition has a list of others.
_LISTS = ("tools", "functionDeclarations", "function_declarations")


def _names_in(tools: Any) -> list[str]:
    if isinstance(tools, Mapping) and _ONE.isdisjoint(cast("Mapping[Any, Any]", tools)) and _listed(tools) is None:
        return [str(name) for name in tools]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    items: list[Any] = list(tools) if isinstance(tools, list | tuple | set | frozenset) else [tools]  # pyright: ignore[reportUnknownArgumentType]
    return [name for item in items for name in _names_of(item)]


def _names_of(tool: Any) -> list[str]:
    try:
        within = _listed(tool)
        return [_tool_name(tool)] if within is None else [_tool_name(item) for item in within]
    except BaseException as error:  # noqa: BLE001 - proxies may raise at any look at them
        let_through(error)
        return [type(tool).__name__]


def _listed(tool: Any) -> list[Any] | None:
    if isinstance(tool, Mapping):
        for key in _LISTS:
            found: Any = tool.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(found, list):
                return cast("list[Any]", found)
    return None


def _tool_name(tool: Any) -> str:
    try:
        return _name_in(tool)
    except BaseException as error:  # noqa: BLE001 - proxies may raise at any look at them
        let_through(error)
        return type(tool).__name__


def _name_in(tool: Any) -> str:
    inner = tool
    for _ in range(3):  # {"function": {"name": "x"}} is three steps
        if isinstance(inner, str):
            return inner
        inner = (
            member(inner, "name") or member(inner, "function") or member(inner, "toolSpec") or member(inner, "__name__")
        )
    if isinstance(inner, str):
        return inner
    return _kind_of(tool) or type(tool).__name__


def _kind_of(tool: Any) -> str | None:
    """Return what a provider's own tool is called: `{"type": "web_search"}`, `{"google_search": {}}`."""
    if not isinstance(tool, Mapping):
        return None
    definition = cast("Mapping[Any, Any]", tool)
    kind = definition.get("type")
    if isinstance(kind, str):
        return kind
    keys = [key for key, value in definition.items() if isinstance(value, Mapping)]
    return keys[0] if len(definition) == 1 and keys and isinstance(keys[0], str) else None


def member(source: Any, key: str) -> Any:
    """Return a member of a mapping, or an attribute of what is none; None where there is none."""
    if isinstance(source, Mapping):
        return source.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return getattr(source, key, None)
