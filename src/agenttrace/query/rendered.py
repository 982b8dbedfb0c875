"""JSON text that was made once: of trees that have not changed since, of pages where nothing has.

What is checked at each request is the store, not a clock: an answer is never older than the request.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from agenttrace.query.views.run_logs_json import families_of, tree_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.store.protocol import Store

__all__ = ["PageKey", "RenderedTrees"]

#: How many trees are held in memory while a page of them is written out.
_TREES_AT_ONCE = 20

_MAX_BYTES = 32 << 20
_LARGE = 1 << 18  # characters of a tree that is not kept
_OVERHEAD = 400  # bytes that an entry takes besides its text, roughly

#: Workspace, contact, page, page size.
PageKey = tuple[bytes, bytes, int, int]

#: A page, or workspace, contact and root run.
_Key = PageKey | tuple[bytes, bytes, bytes]


class _Entry(NamedTuple):
    stamp: object  # of a tree its figures, of a page the store's state
    rows: int
    text: str


class RenderedTrees:
    """Keeps the text of trees and pages, at most `max_bytes` of it. Safe in several threads.

    A tree's text is used only where the store says in the same moment that the tree is still the same; a page's, where
    it says that nothing at all was committed since.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: dict[_Key, _Entry] = {}
        self._bytes = 0

    def texts(self, store: Store, workspace_id: bytes, roots: list[bytes], contact: bytes) -> Iterator[Iterable[str]]:
        """Yield the pieces of each root's tree; trees are fetched as they are read, some at a time.

        A root that was erased a moment ago has none.
        """
        for start in range(0, len(roots), _TREES_AT_ONCE):
            part = roots[start : start + _TREES_AT_ONCE]
            stamps = store.tree_stamps(workspace_id, part)
            known = [self._entries.get((workspace_id, contact, root)) for root in part]
            missing = [
                root
                for root, stamp, entry in zip(part, stamps, known, strict=True)
                if not entry or entry.stamp != stamp
            ]
            rows = store.tree_rows(workspace_id, missing) if missing else []
            by_id, families = {row[0]: row for row in rows}, families_of(rows)
            for root, stamp, entry in zip(part, stamps, known, strict=True):
                if entry is not None and entry.stamp == stamp:
                    yield (entry.text,)
                elif root in by_id:
                    tree = tree_text(by_id[root], families, contact)
                    yield self._kept((workspace_id, contact, root), stamp, 1, tree)

    def has(self, key: PageKey) -> bool:
        """Return whether a page was made, in whatever state of the store."""
        return key in self._entries

    def page(self, key: PageKey, state: object | None) -> tuple[int, str] | None:
        """Return how many trees a page has and its text, if it was made in this state of the store."""
        with self._lock:
            found = self._entries.get(key)
        return (found.rows, found.text) if found is not None and state is not None and found.stamp == state else None

    def kept_page(self, key: PageKey, state: object | None, rows: int, text: Iterator[str]) -> Iterator[str]:
        """Yield a page's text as it is, and keep it; `state` is one from before anything of it was read."""
        return text if state is None else self._kept(key, state, rows, text)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _kept(self, key: _Key, stamp: object, rows: int, text: Iterator[str]) -> Iterator[str]:
        """Yield pieces of text as they are, and keep them if they are not large.

        What is kept may be newer than its stamp, never older: then the next stamp differs, and it is made once more.
        """
        pieces: list[str] = []
        size = 0
        for piece in text:
            size += len(piece)
            if size <= _LARGE:
                pieces.append(piece)
            yield piece
        if size <= _LARGE:
            self._keep(key, _Entry(stamp, rows, "".join(pieces)))

    def _keep(self, key: _Key, entry: _Entry) -> None:
        with self._lock:
            self._drop(key)
            self._entries[key] = entry
            self._bytes += len(entry.text) + _OVERHEAD
            while self._bytes > self._max_bytes:  # the oldest go first
                self._drop(next(iter(self._entries)))

    def _drop(self, key: _Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.text) + _OVERHEAD
