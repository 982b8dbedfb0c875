"""Collect what a generator yields, within a limit, and join it into one output."""

from __future__ import annotations

import sys
from typing import Any

from agenttrace.faults import let_through
from agenttrace.record.fields import member

__all__ = ["Stream", "chunk_text"]


class Stream:
    """The chunks of one stream, kept until `limit` bytes (as far as their size is cheap to know) are reached."""

    __slots__ = ("_chunks", "_dropped", "_join", "_room", "empty")

    def __init__(self, limit: int, *, join: bool) -> None:
        self.empty = True
        self._chunks: list[Any] = []
        self._room = limit
        self._dropped = 0
        self._join = join

    def add(self, chunk: Any) -> None:
        """Keep a chunk."""
        self.empty = False
        if self._room <= 0:
            self._dropped += 1
            return
        self._room -= _size(chunk)
        self._chunks.append(chunk)

    def output(self) -> Any:
        """Return all chunks as one text where every one of them is text, else as a list.

        With `join`, chunks in the shapes of the known model clients count as the text they add.
        """
        chunks: list[Any] = self._chunks
        if chunks and all(type(chunk) is str for chunk in chunks):
            return "".join(chunks) + self._note()
        if self._join:
            texts = [chunk_text(chunk) for chunk in chunks]
            if any(text is not None for text in texts):
                return "".join(text for text in texts if text is not None) + self._note()
        return [*chunks, *([self._note()] if self._dropped else [])]

    def _note(self) -> str:
        return f"... ({self._dropped} more chunks not kept)" if self._dropped else ""


def _size(chunk: Any) -> int:
    try:
        return sys.getsizeof(chunk, 64)
    except BaseException as error:  # noqa: BLE001 - proxies may raise at any look at them
        let_through(error)
        return 64


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
    choices = member(chunk, "choices")
    if isinstance(choices, list | tuple) and choices:
        delta = member(choices[0], "delta")  # pyright: ignore[reportUnknownArgumentType]
        return _text(member(delta, "content"), allow_none=delta is not None)
    for source in (member(chunk, "delta"), chunk):
        if isinstance(source, str):
            return source
        for key in ("text", "content"):
            text = _text(member(source, key))
            if text is not None:
                return text
    return None


def _text(value: Any, *, allow_none: bool = False) -> str | None:
    if isinstance(value, str):
        return value
    return "" if value is None and allow_none else None
