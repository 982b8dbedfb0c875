"""Where prompts are written: which links are stored already, and which have to be. Inside the writer's transaction."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from agenttrace.slices import in_slices
from agenttrace.store.links import Known, Link, Place, Shortened, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agenttrace.model.rows import RunRow

__all__ = ["KnownLinks", "LinkTables", "LinkWriter"]

Key = tuple[bytes, bytes]

_MOST = 8 << 20  # characters
_OVERHEAD = 500  # what an entry takes besides, roughly, and
_A_VALUE = 100  # each of its values
_CONVERSATIONS = 4096  # of which is remembered how their histories began
_OPENINGS = 4  # of each of them

#: Workspace, "history", conversation, session.
_Conversation = tuple[bytes, str, bytes | None, bytes | None]


class LinkTables(Protocol):
    """The statements that are needed, inside one transaction."""

    def known_links(self, keys: Iterable[Key]) -> set[Key]:
        """Return which of these links are stored."""
        ...

    def put_links(self, links: Iterable[Link], now: int) -> None:
        """Insert links; those that are stored stay as they are."""
        ...


class KnownLinks:
    """What histories and system prompts of late begin with, and their links: so that few are read and hashed again.

    It is never trusted: whether a link that it names is stored is looked up, in the transaction that builds on it.
    Holds at most `most` characters. For one thread at a time.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._size = 0
        self._entries: dict[Place, Known] = {}
        self._openings: dict[_Conversation, dict[str, bytes]] = {}

    def grows(self, run_id: bytes, place: Place) -> bool:
        """Return whether a history that nothing is known of may grow: not if it is one that loses its beginning.

        That is so where the conversation has had others, and this run is the first whose history begins like this.
        """
        conversation, opening = place[:4], place[-1]
        if conversation[2:] == (None, None):
            return True
        openings = self._openings.get(conversation)
        if openings is None:
            self._openings[conversation] = {opening: run_id}
            _trim(self._openings, _CONVERSATIONS)
            return True
        first = openings.setdefault(opening, run_id)
        _trim(openings, _OPENINGS)
        return first != run_id

    def get(self, place: Place) -> Known | None:
        """Return what was last seen at a place."""
        return self._entries.get(place)

    def keep(self, seen: Iterable[tuple[Place, Known]]) -> None:
        """Remember these, and forget what was not written for longest."""
        for place, known in seen:
            self._drop(place)
            self._entries[place] = known
            self._size += _size(known)
        while self._size > self._most:
            self._drop(next(iter(self._entries)))

    def _drop(self, place: Place) -> None:
        known = self._entries.pop(place, None)
        if known is not None:
            self._size -= _size(known)


class LinkWriter:
    """Takes the links out of prompts, and stores them. One transaction's; `committed` is called after it."""

    def __init__(self, known: KnownLinks, now: int) -> None:
        self._known = known
        self._now = now
        self._fresh: dict[Place, Known] = {}  # of this transaction: nobody else may know of it yet

    def take(self, runs: Sequence[RunRow], tables: LinkTables) -> dict[int, Shortened]:
        """Store the links of these runs; return by place in the list what is left of those that have some."""
        taken: dict[int, Shortened] = {}
        prompts = ((index, run) for index, run in enumerate(runs) if run.run_type == "prompt")
        for index, run in in_slices(prompts, 1):
            short = shorten(run, self._seen, self._known.grows)
            if short is not None:
                taken[index] = short
                self._fresh.update(short.seen)
        if taken:
            self._store(runs, taken, tables)
        return taken

    def committed(self) -> None:
        """Remember what was stored, now that it is."""
        self._known.keep(self._fresh.items())

    def _store(self, runs: Sequence[RunRow], taken: dict[int, Shortened], tables: LinkTables) -> None:
        new = {link.hash for short in taken.values() for link in short.links}
        bases = {(runs[index].workspace_id, base) for index, short in taken.items() for base in short.bases}
        bases = {key for key in bases if key[1] not in new}
        if bases and bases - tables.known_links(bases):
            # Somebody has erased what we remember. Then all is read and hashed once more.
            for index, run in enumerate(runs):
                if index in taken and (short := shorten(run, _nothing)) is not None:
                    taken[index] = short
        links = {link.hash: link for link in chain.from_iterable(short.links for short in taken.values())}
        tables.put_links(links.values(), self._now)

    def _seen(self, place: Place) -> Known | None:
        return self._fresh.get(place) or self._known.get(place)


def _trim(entries: dict[Any, Any], most: int) -> None:
    if len(entries) > most:
        del entries[next(iter(entries))]


def _size(known: Known) -> int:
    return len(known.text) + _A_VALUE * len(known.ends) + _OVERHEAD


def _nothing(_: Place) -> None:
    return None
