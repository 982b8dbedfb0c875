"""The turn: what its five spans say. Every way records these same values."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ANSWER",
    "ASKED",
    "CALLED",
    "CHUNKS",
    "FOUND",
    "HISTORY",
    "LONG",
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


def _messages(count: int) -> list[dict[str, str]]:
    return [{"role": "user" if number % 2 else "assistant", "content": text(300)} for number in range(count)]


QUESTION, ANSWER = text(200), text(500)
QUERY, CHUNKS = text(80), [{"title": "Guide", "text": text(400)} for _ in range(3)]
SYSTEM, RESPONSE = text(2048), text(600)
HISTORY, LONG = _messages(6), _messages(100)
ASKED: dict[str, Any] = {"query": text(150)}
FOUND: list[Any] = [text(400)]
TOOLS = ("search", "look_up")
CALLED, RETURNED = text(200), text(500)  # of a decorated call
