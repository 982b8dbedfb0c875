"""Prompts kept once: a prompt's content becomes a skeleton and chains of links, and whole again. Pure.

A prompt is mostly what the prompt before it was: the same system prompt, the same tools, the same messages and one or
two more. So each of these is a link, and a link names the one before it: a history is told by its last message's link,
and the next prompt's history adds one link a message. System prompt and tools make a chain of their own, or a system
prompt that tells the time would make every history a new one.

What is taken out is a range of the content's text, byte for byte, and `"@link"` stands in its place. Nothing is taken
out where that would be ambiguous: whole again, the text is always the one that was given.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from agenttrace.model.content import MISSING
from agenttrace.model.transcript import transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agenttrace.model.rows import RunRow

__all__ = ["SMALLEST", "Known", "Link", "Place", "Shortened", "is_short", "shorten", "whole"]

#: Characters below which a member stays where it is: a link takes some 150 bytes besides its data.
SMALLEST = 256

_MARK = '"@link"'
_RENDERED = '"@transcript"'
_MARKS = re.compile(r'"(?:(history|system_prompt|tool_names)":"@link"|full_prompt":"@transcript")')
_OPENING = 64  # characters by which a text that was seen before is looked up

_AFTER = frozenset(",]}")

_HISTORY = '"history":'
_CONTEXT = {kind: f'"{kind}":' for kind in ("tool_names", "system_prompt")}  # tools first: they change more seldom
_FULL_PROMPT = '"full_prompt":'

# Numbers are not read: only where a value ends matters.
_decoder: Any = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_scan: Callable[[str, int], tuple[object, int]] = _decoder.scan_once

#: A range that is taken out, the mark that stands in its place, and its link.
_Cut = tuple[int, int, str, bytes | None]

#: Where a known text may be met again: workspace, kind, conversation, session, the link before it, its opening.
Place = tuple[bytes, str, bytes | None, bytes | None, bytes | None, str]


class Link(NamedTuple):
    """One value of a prompt. The hash tells it and, through `previous`, all that came before."""

    workspace_id: bytes
    hash: bytes
    kind: str
    previous: bytes | None
    data: str


class Known(NamedTuple):
    """JSON values, a comma between each: where in the text each of them ends, and its link."""

    text: str
    ends: list[int]
    heads: list[bytes]


class Shortened(NamedTuple):
    """A prompt's content without what its links hold.

    `links` are to be stored, unless one of `bases` is not: those links were taken as stored, with all before them.
    """

    content: str
    history_link: bytes | None
    context_link: bytes | None
    links: list[Link]
    bases: list[bytes]
    seen: list[tuple[Place, Known]]


def is_short(run: RunRow) -> bool:
    """Return whether a run's content is a skeleton."""
    return run.history_link is not None or run.context_link is not None


def _always(_run_id: bytes, _place: Place) -> bool:
    return True


def shorten(
    run: RunRow, known: Callable[[Place], Known | None], grows: Callable[[bytes, Place], bool] = _always
) -> Shortened | None:
    """Return a prompt's content as a skeleton, or None where it stays whole.

    `known` says what was stored before, and `grows`, which gets the run's id too, whether a history of which nothing is
    known is worth its links.
    Never raises: what is no JSON, nested too deep or too small to matter stays whole.
    """
    content = run.content
    if content is None or len(content) < SMALLEST or run.run_type != "prompt" or is_short(run):
        return None
    walk = _Walk(run, content, known, grows)
    try:
        history = walk.history()
        context = walk.context()
        rendered = walk.rendered() if history or context else []
    except (ValueError, TypeError, LookupError, RecursionError, StopIteration):
        return None
    skeleton = _without(content, [*([history] if history else []), *context, *rendered])
    if skeleton is None:
        return None
    last = context[-1][3] if context else None
    return Shortened(skeleton, history[3] if history else None, last, walk.links, walk.bases, walk.seen)


class _Walk:
    """One content, while what it may share with others is looked for."""

    def __init__(
        self, run: RunRow, content: str, known: Callable[[Place], Known | None], grows: Callable[[bytes, Place], bool]
    ) -> None:
        self.run, self.content, self.known, self.grows = run, content, known, grows
        self.links: list[Link] = []
        self.bases: list[bytes] = []
        self.seen: list[tuple[Place, Known]] = []
        self.inside = (len(content), len(content))  # where the history stands

    def history(self) -> _Cut | None:
        """Return where the history stands, and the link of its last message."""
        content, run = self.content, self.run
        start = content.find(_HISTORY + "[") + len(_HISTORY)
        first = here = start + 1
        if start < len(_HISTORY) or content[first] == "]":
            return None
        opening = content[first : first + _OPENING]
        place: Place = (run.workspace_id, "history", run.conversation_id, run.session_id, None, opening)
        ends, heads = self._met(place, first)
        if not ends and not self.grows(run.id, place):
            return None
        here, known = first + (ends[-1] if ends else 0), len(ends)
        if known and content[here] != "]":
            ends, heads = ends[:], heads[:]  # these are others'
        while here == first or content[here] != "]":
            if here != first:
                if content[here] != ",":
                    raise ValueError("no list of values")
                here += 1
            end = _scan(content, here)[1]
            heads.append(self._link("history", heads[-1] if heads else None, content[here:end]))
            ends.append(end - first)
            here = end
        self.inside = (start, here + 1)
        if here - first < SMALLEST:
            self.links.clear()
            self.bases.clear()
            return None
        if len(ends) > known:
            self.seen.append((place, Known(content[first:here], ends, heads)))
        return start, here + 1, _MARK, heads[-1]

    def context(self) -> list[_Cut]:
        """Return where tools and system prompt stand, with their links; the last one's tells both."""
        cuts: list[_Cut] = []
        head: bytes | None = None
        for kind, key in _CONTEXT.items():
            start = self._outside(key)
            if start < 0 or self.content[start] not in '["{':
                continue
            opening = self.content[start : start + _OPENING]
            place: Place = (self.run.workspace_id, kind, None, None, head, opening)
            ends, heads = self._met(place, start)
            if not ends:
                end = _scan(self.content, start)[1]
                if end - start < SMALLEST:
                    continue
                ends, heads = [end - start], [self._link(kind, head, self.content[start:end])]
                self.seen.append((place, Known(self.content[start:end], ends, heads)))
            head = heads[0]
            cuts.append((start, start + ends[0], _MARK, head))
        return cuts

    def rendered(self) -> list[_Cut]:
        """Return where the full prompt stands, if it is the rendering of the other members."""
        start = self._outside(_FULL_PROMPT)
        if start < 0 or self.content[start] != '"':
            return []
        text = _transcript(self.content)
        if text is None or len(text) < SMALLEST or not self.content.startswith(text, start):
            return []
        return [(start, start + len(text), _RENDERED, None)]

    def _met(self, place: Place, start: int) -> tuple[list[int], list[bytes]]:
        """Return where the values end that are known of this place and stand here as well, and their links.

        The lists may be the known ones.
        """
        known = self.known(place)
        if known is None:
            return [], []
        count = self._alike(known, start)
        # The text goes on behind the last of them, if that is a number.
        if count and self.content[start + known.ends[count - 1] : start + known.ends[count - 1] + 1] not in _AFTER:
            count -= 1
        if count:
            self.bases.append(known.heads[count - 1])
        if count == len(known.ends):
            return known.ends, known.heads
        return known.ends[:count], known.heads[:count]

    def _alike(self, known: Known, start: int) -> int:
        """Return how many of the known values stand here; mostly it is all of them."""
        content, (text, ends, _) = self.content, known
        if content.startswith(text, start):
            return len(ends)
        low, high = 0, len(ends) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if content.startswith(text[: ends[middle - 1]], start):
                low = middle
            else:
                high = middle - 1
        return low

    def _link(self, kind: str, previous: bytes | None, data: str) -> bytes:
        found = _hash(self.run.workspace_id, kind, previous, data)
        self.links.append(Link(self.run.workspace_id, found, kind, previous, data))
        return found

    def _outside(self, key: str) -> int:
        """Return where the value of a key begins, not counting what stands in the history; -1 where there is none."""
        start, end = self.inside
        found = self.content.find(key, 0, start)
        if found < 0:
            found = self.content.find(key, end)
        return found if found < 0 else found + len(key)


def _transcript(content: str) -> str | None:
    """Return what `full_prompt` is where it is the rendering, as JSON."""
    value: Any = orjson.loads(content)
    history: Any = value.get("history")
    text = transcript(value.get("system_prompt"), history if isinstance(history, list) else [])  # pyright: ignore[reportUnknownArgumentType]
    return None if text is None else encode_basestring(text)


def _without(content: str, cuts: list[_Cut]) -> str | None:
    """Return the content with marks in place of the cuts; None where there is none, or where that is ambiguous."""
    if not cuts:
        return None
    pieces: list[str] = []
    here = 0
    for start, end, mark, _ in sorted(cuts):
        if start < here:
            return None
        pieces += (content[here:start], mark)
        here = end
    pieces.append(content[here:])
    skeleton = "".join(pieces)
    marks = skeleton.count(_MARK) + skeleton.count(_RENDERED)
    return skeleton if marks == len(cuts) else None


def whole(
    skeleton: str, history_link: bytes | None, context_link: bytes | None, links: Mapping[bytes, Link]
) -> tuple[str, bool]:
    """Return the content that a skeleton was made of, and whether all its links were there.

    Of a history whose first links are missing the later messages are shown, after MISSING.
    """
    values: dict[str, list[str]] = {}
    complete = True
    for head in (history_link, context_link):
        chain, intact = _chain(head, links)
        complete = complete and intact
        for link in chain:
            values.setdefault(link.kind, []).append(link.data)
        if not intact and head == history_link:
            values.setdefault("history", []).insert(0, encode_basestring(MISSING))
    filled = _filled(skeleton, values, _RENDERED)
    if _RENDERED not in skeleton:
        return filled, complete
    text = _transcript(filled) if complete else None
    return _filled(skeleton, values, text or encode_basestring(MISSING)), complete


def _chain(head: bytes | None, links: Mapping[bytes, Link]) -> tuple[list[Link], bool]:
    """Return the links that lead to one, the first first, and whether all are there."""
    chain: list[Link] = []
    while head is not None:
        link = links.get(head)
        if link is None or len(chain) > len(links) or type(link.data) is not str:  # gone, or damaged
            return chain[::-1], False
        chain.append(link)
        head = link.previous
    return chain[::-1], True


def _filled(skeleton: str, values: Mapping[str, list[str]], rendered: str) -> str:
    def value(mark: re.Match[str]) -> str:
        kind = mark[1]
        if kind is None:
            return _FULL_PROMPT + rendered
        if kind == "history":
            return f"{_HISTORY}[{','.join(values.get(kind, ()))}]"
        return f'"{kind}":{values.get(kind, _NONE)[0]}'

    return _MARKS.sub(value, skeleton)


_NONE = [encode_basestring(MISSING)]


def _hash(workspace: bytes, kind: str, previous: bytes | None, data: str) -> bytes:
    state = _keyed(workspace, kind).copy()
    state.update((previous or _NO_LINK) + data.encode("utf-8", "surrogatepass"))
    return state.digest()


_NO_LINK = bytes(20)


@lru_cache(maxsize=256)
def _keyed(workspace: bytes, kind: str) -> Any:
    return blake2b(digest_size=len(_NO_LINK), key=workspace, person=kind.encode())
