"""Links that nothing leads to any more are deleted: the last ones of a chain first, and then those before them.

Safe beside writers: what is found by a reader is looked up once more in the transaction that deletes it, and writers
look up, in theirs, what they build on. So a link that is there has all links before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agenttrace.store import link_text
from agenttrace.store.sql_lists import chunks
from agenttrace.store.sql_text import marks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agenttrace.store.dialect import Dialect
    from agenttrace.store.sql_tables import SQLTables

__all__ = ["forget", "look"]

Key = tuple[bytes, bytes]

_NOWHERE = bytes(16)


def look(
    dialect: Dialect, workspace_id: bytes | None, after: bytes, latest: int, limit: int
) -> tuple[str, tuple[Any, ...]]:
    """Return the statement that tells of the next links whether they can go: workspace, hash, 1 or 0."""
    head = _indexed(link_text.LOOK, dialect)
    if workspace_id is not None:
        return head + link_text.AFTER, (latest, workspace_id, after[16:], limit)
    return head + link_text.ALL_AFTER, (latest, after[:16] or _NOWHERE, after[16:], limit)


def forget(tables: SQLTables, dialect: Dialect, keys: Iterable[Key], latest: int, limit: int) -> tuple[int, list[Key]]:
    """Delete those of these links that can go, and those before them; return how many, and which may still go.

    `limit` is where to stop, roughly: whoever waits for this transaction does not wait long.
    """
    todo = list(keys)
    count = 0
    while todo and count < limit:
        workspace = todo[0][0]
        part = next(chunks([key[1] for key in todo if key[0] == workspace]))
        gone = set(part)
        todo = [key for key in todo if key[0] != workspace or key[1] not in gone]
        select = _indexed(link_text.UNUSED, dialect, hashes=marks(len(part)))
        unused = tables.rows(select, workspace, *part, latest)
        if unused:
            tables.forget_links(workspace, [row[0] for row in unused])
        count += len(unused)
        todo += [(workspace, row[1]) for row in unused if row[1] is not None]
    return count, todo


def _indexed(statement: str, dialect: Dialect, **more: str) -> str:
    return statement.format(**{index: dialect.using(index) for index in link_text.INDEXES}, **more)
