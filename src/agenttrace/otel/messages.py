"""Messages of a model's call, in one form whoever sent them, and the texts that a prompt log shows of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agenttrace.model import transcript as rendering
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
    """Return all that a model was given, as text, see `model.transcript`; None where nothing was captured."""
    return rendering.transcript(system, [plain(message) for message in messages])


def _plain_call(part: Part) -> dict[str, Any]:
    call = {"id": part.id, "name": part.name}
    return call if part.value is None else {**call, "arguments": part.value}


def _joined(message: Message, kind: str) -> str | None:
    texts = [part.value for part in message.parts if part.kind == kind]
    return "\n".join(texts) if texts else None
