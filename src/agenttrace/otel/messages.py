"""Messages of a model's call, in one form whoever sent them, and the texts that a prompt log shows of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agenttrace.model.jsontext import compact_json
from agenttrace.otel.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "Message",
    "calls",
    "has_content",
    "last_user_text",
    "output_text",
    "plain",
    "text_of",
    "thoughts",
    "transcript",
]


def _no_parts() -> list[Part]:
    return []


@dataclass(slots=True)
class Message:
    """One message. The role is system, user, assistant or tool, or a sender's own word in lower case."""

    role: str
    parts: list[Part] = field(default_factory=_no_parts)
    name: str | None = None


def plain(message: Message) -> dict[str, Any]:
    """Return a message as it is stored: `role` and `content`, and where there are such, `thinking`, `tool_calls`
    (`id`, `name`, `arguments`), other `parts`, and for a tool's result its `tool_call_id` and `name`.
    """
    found: dict[str, Any] = {"role": message.role, "content": None}
    results = [part for part in message.parts if part.kind == "result"]
    if results:
        found["content"] = results[0].value
        found["tool_call_id"] = results[0].id
    else:
        found["content"] = text_of(message)
    name = message.name or (results[0].name if results else None)
    extra = {
        "name": name,
        "thinking": _joined(message, "thinking"),
        "tool_calls": [_plain_call(part) for part in message.parts if part.kind == "call"],
        "parts": [part.value for part in message.parts if part.kind == "other"],
    }
    return {**found, **{key: value for key, value in extra.items() if value}}


def text_of(message: Message) -> str | None:
    """Return the text of a message, its parts joined by newlines; None where it has none."""
    return _joined(message, "text")


def has_content(messages: Iterable[Message]) -> bool:
    """Return whether anything was captured of what the messages said."""
    return any(part.value is not None for message in messages for part in message.parts)


def last_user_text(messages: Sequence[Message]) -> str | None:
    """Return the text of the last message of the user; None where there is none."""
    texts = (text_of(message) for message in reversed(messages) if message.role == "user")
    return next((text for text in texts if text is not None), None)


def output_text(messages: Iterable[Message]) -> str | None:
    """Return the text of what a model said, its messages joined by newlines; None where it said none."""
    texts = [text for message in messages if (text := text_of(message)) is not None]
    return "\n".join(texts) if texts else None


def calls(messages: Iterable[Message]) -> list[Part]:
    """Return the calls of tools that messages ask for, in order."""
    return [part for message in messages for part in message.parts if part.kind == "call"]


def thoughts(messages: Iterable[Message]) -> list[str]:
    """Return the texts of the reasoning in messages, in order."""
    return [part.value for message in messages for part in message.parts if part.kind == "thinking"]


def transcript(system: str | None, messages: Sequence[Message]) -> str | None:
    """Return all that a model was given, as text: a single message's own text, else paragraphs that begin with the
    sender; None where nothing was captured.
    """
    spoken = [(message.role, _spoken(message)) for message in messages] if has_content(messages) else []
    lines = [(role, text) for role, text in spoken if text is not None]
    if system is not None:
        lines.insert(0, ("system", system))
    if len(lines) == 1:
        return lines[0][1]
    return "\n\n".join(f"{role}: {text}" for role, text in lines) or None


def _spoken(message: Message) -> str | None:
    """Return what a message says in a transcript: its text, then its calls or its result."""
    spoken: list[str] = []
    for part in message.parts:
        if part.kind == "text":
            spoken.append(part.value)
        elif part.kind == "call":
            spoken.append(f"{part.name or part.id}({'' if part.value is None else _as_text(part.value)})")
        elif part.kind in ("result", "other") and part.value is not None:
            spoken.append(_as_text(part.value))
    return "\n".join(spoken) or None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else compact_json(value)


def _plain_call(part: Part) -> dict[str, Any]:
    call = {"id": part.id, "name": part.name}
    return call if part.value is None else {**call, "arguments": part.value}


def _joined(message: Message, kind: str) -> str | None:
    texts = [part.value for part in message.parts if part.kind == kind]
    return "\n".join(texts) if texts else None
