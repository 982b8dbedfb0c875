"""All that a model was given, as one text: the one rendering of system prompt and history. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agenttrace.model.jsontext import compact_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["transcript"]


def transcript(system: object, history: Sequence[object]) -> str | None:
    """Return paragraphs that begin with the sender, or a single message's own text; None where nothing was captured.

    Messages are objects with `role` and `content`, and where there are such, `tool_calls` (`id`, `name`,
    `arguments`) and other `parts`. What has another shape says nothing. Never raises.

    >>> transcript("Be brief.", [{"role": "user", "content": "Why?"}])
    'system: Be brief.\\n\\nuser: Why?'
    >>> transcript(None, [{"role": "user", "content": "Why?"}])
    'Why?'
    """
    messages = [cast("dict[str, Any]", message) for message in history if isinstance(message, dict)]
    spoken = [(message.get("role"), _spoken(message)) for message in messages] if any(map(_captured, messages)) else []
    lines = [(str(role), text) for role, text in spoken if text is not None]
    if isinstance(system, str):
        lines.insert(0, ("system", system))
    if len(lines) == 1:
        return lines[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in lines) or None


def _captured(message: dict[str, Any]) -> bool:
    """Return whether anything but the roles and the names of calls was captured."""
    if any(message.get(key) for key in ("thinking", "parts")) or message.get("content") is not None:
        return True
    return any(call.get("arguments") is not None for call in _calls(message))


def _spoken(message: dict[str, Any]) -> str | None:
    """Return what a message says: its text or result, then its calls, then its other parts."""
    content = message.get("content")
    spoken = [] if content is None else [_as_text(content)]
    spoken += [f"{call.get('name') or call.get('id')}({_arguments(call)})" for call in _calls(message)]
    spoken += [_as_text(part) for part in _items(message.get("parts")) if part is not None]
    return "\n".join(spoken) or None


def _calls(message: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (cast("dict[str, Any]", call) for call in _items(message.get("tool_calls")) if isinstance(call, dict))


def _items(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _arguments(call: dict[str, Any]) -> str:
    arguments = call.get("arguments")
    return "" if arguments is None else _as_text(arguments)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else compact_json(value)
