"""Which content key a value belongs to, by run type. Tables, and two small readers of what users pass. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from agenttrace.foreign import let_through

__all__ = [
    "ENVELOPE_KEYS",
    "INPUT_KEY",
    "KEY_JSON",
    "OUTPUT_KEY",
    "PARAMETERS",
    "SETTABLE",
    "chunk_text",
    "split_arguments",
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


def split_arguments(
    run_type: str, arguments: Mapping[str, Any], is_secret: Callable[[str], bool] | None = None
) -> dict[str, Any]:
    """Return the content that a decorated call's arguments make: by key, the remaining ones together under `input`.

    A parameter whose name is a secret's stays under its name, by which redaction knows it.

    >>> split_arguments("tool_call", {"query": "x", "k": 5})
    {'input': {'query': 'x', 'k': 5}}
    >>> split_arguments("context", {"query": "x", "k": 5})
    {'query': 'x', 'input': {'k': 5}}
    >>> split_arguments("context", {"question": "x"})
    {'query': 'x'}
    """
    known = PARAMETERS.get(run_type)
    if known is None:
        return {"input": arguments}
    content: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in arguments.items():
        key = known.get(name)
        if key is None or key in content:
            rest[name] = value
        else:
            content[key] = tool_names(value) if key == "tool_names" else value
    if run_type == "context" and "query" not in content:
        # What a retrieval is asked for comes first, whatever the parameter is called.
        first = next((name for name in rest if is_secret is None or not is_secret(name)), None)
        if first is not None:
            content["query"] = rest.pop(first)
    if rest:
        content["input"] = rest
    return content


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
        inner = _get(inner, "name") or _get(inner, "function") or _get(inner, "toolSpec") or _get(inner, "__name__")
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


def chunk_text(chunk: Any) -> str | None:
    """Return the text that one chunk of a model's stream adds, or None where its shape is not known.

    Texts, OpenAI chat chunks (`choices[0].delta.content`), Anthropic deltas (`delta.text`), and objects or dicts with
    `text` or `content`.

    >>> chunk_text({"choices": [{"delta": {"content": "Hi"}}]}), chunk_text("x"), chunk_text({"usage": 1})
    ('Hi', 'x', None)
    """
    try:
        return _chunk_text(chunk)
    except BaseException as error:  # noqa: BLE001 - proxies may raise at any look at them
        let_through(error)
        return None


def _chunk_text(chunk: Any) -> str | None:
    if isinstance(chunk, str):
        return chunk
    choices = _get(chunk, "choices")
    if isinstance(choices, list | tuple) and choices:
        delta = _get(choices[0], "delta")  # pyright: ignore[reportUnknownArgumentType]
        return _text(_get(delta, "content"), allow_none=delta is not None)
    for source in (_get(chunk, "delta"), chunk):
        if isinstance(source, str):
            return source
        for key in ("text", "content"):
            text = _text(_get(source, key))
            if text is not None:
                return text
    return None


def _get(source: Any, key: str) -> Any:
    if isinstance(source, Mapping):
        return source.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return getattr(source, key, None)


def _text(value: Any, *, allow_none: bool = False) -> str | None:
    if isinstance(value, str):
        return value
    return "" if value is None and allow_none else None
