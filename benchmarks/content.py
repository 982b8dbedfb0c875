"""The turn: what its five spans say. Every way records these same values."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ANSWER",
    "ASKED",
    "CALLED",
    "CHUNKS",
    "FOUND",
    "GROWN",
    "HISTORY",
    "LONG",
    "OTHERS",
    "QUERY",
    "QUESTION",
    "RESPONSE",
    "RETURNED",
    "SPANS",
    "SYSTEM",
    "TOOLS",
    "text",
]

SPANS = 5
WORDS = "Open the widget settings, choose the network tab and enter the name of your router there. "


def text(size: int) -> str:
    """Return so many bytes of plain text."""
    return (WORDS * (size // len(WORDS) + 1))[:size]


def _messages(count: int, opening: str = "") -> list[dict[str, str]]:
    said = (opening + text(300))[:300]
    return [{"role": "user" if number % 2 else "assistant", "content": said} for number in range(count)]


QUESTION, ANSWER = text(200), text(500)
QUERY, CHUNKS = text(80), [{"title": "Guide", "text": text(400)} for _ in range(3)]
SYSTEM, RESPONSE = text(2048), text(600)
HISTORY, LONG = _messages(6), _messages(100)
#: What is said when no prompt says what another one said: more conversations than anybody remembers.
OTHERS = [_messages(100, f"{number}: ") for number in range(64)]
#: A conversation as it goes on: each prompt says what the last one said, and two messages more.
_MORE = _messages(126, "And then? ")
GROWN = [[*LONG, *_MORE[: 2 * turn]] for turn in range(64)]
ASKED: dict[str, Any] = {"query": text(150)}
FOUND: list[Any] = [text(400)]
TOOLS = ("search", "look_up")
CALLED, RETURNED = text(200), text(500)  # of a decorated call
