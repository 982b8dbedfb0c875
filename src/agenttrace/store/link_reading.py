"""Where prompts are read: skeletons become whole again, those of a page with one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from agenttrace.model.rows import TREE_ROW
from agenttrace.store import link_text
from agenttrace.store.links import Link, is_short, whole
from agenttrace.store.sql_lists import chunks
from agenttrace.store.sql_text import marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agenttrace.model.rows import RunRow, TreeRow

__all__ = ["TREE_COLUMNS", "Rows", "contents", "make_whole", "whole_trees"]

#: What `whole_trees` takes.
TREE_COLUMNS = ", ".join((*TREE_ROW, "history_link", "context_link"))

_CONTENT = TREE_ROW.index("content")

#: A skeleton, its history link and its context link.
Short = tuple[str, bytes | None, bytes | None]


class Rows(Protocol):
    """Runs a statement of the common subset and returns its rows."""

    def __call__(self, sql: str, values: Sequence[Any], /) -> list[Any]: ...


def make_whole(runs: list[RunRow], rows: Rows) -> tuple[list[RunRow], bool]:
    """Give these runs their content as it was recorded; return them, and whether every link was there."""
    by_workspace: dict[bytes, list[RunRow]] = {}
    for run in runs:
        if is_short(run):
            by_workspace.setdefault(run.workspace_id, []).append(run)
    complete = True
    for workspace, short in by_workspace.items():
        told: list[Short] = [(run.content or "", run.history_link, run.context_link) for run in short]
        texts, found = contents(workspace, told, rows)
        complete = complete and found
        for run, text in zip(short, texts, strict=True):
            run.content, run.history_link, run.context_link = text, None, None
    return runs, complete


def whole_trees(workspace_id: bytes, found: list[Any], rows: Rows) -> tuple[list[TreeRow], bool]:
    """Return rows of TREE_COLUMNS as rows of trees, and whether every link was there."""
    short = [row for row in found if row[-1] is not None or row[-2] is not None]
    if not short:
        return [row[:-2] for row in found], True
    told: list[Short] = [(row[_CONTENT] or "", row[-2], row[-1]) for row in short]
    texts, complete = contents(workspace_id, told, rows)
    by_id = {row[0]: text for row, text in zip(short, texts, strict=True)}
    rows_of_trees: list[Any] = [
        (*row[:_CONTENT], by_id.get(row[0], row[_CONTENT]), *row[_CONTENT + 1 : -2]) for row in found
    ]
    return rows_of_trees, complete


def contents(workspace_id: bytes, short: Sequence[Short], rows: Rows) -> tuple[list[str], bool]:
    """Return the contents of these skeletons of one workspace, and whether every link was there."""
    links = _links(workspace_id, {head for one in short for head in one[1:] if head is not None}, rows)
    found = [whole(skeleton, history, context, links) for skeleton, history, context in short]
    return [text for text, _ in found], all(complete for _, complete in found)


def _links(workspace_id: bytes, heads: set[bytes], rows: Rows) -> dict[bytes, Link]:
    links: dict[bytes, Link] = {}
    for part in chunks(sorted(heads)):
        sql = link_text.CHAINS.format(hashes=marks(len(part)))
        for row in rows(sql, (workspace_id, *part, workspace_id, workspace_id)):
            links[row[1]] = Link(*row)
    return links
