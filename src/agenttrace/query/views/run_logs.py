"""The run logs of an AI contact: its root runs, newest first, each with its whole tree. Pure.

Encoders stop at 127 to 500 levels and trees may have 10,000, so they are built and written without recursion.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson
from pydantic import Field

from agenttrace.model import times
from agenttrace.model.content import complete, error_of, parse
from agenttrace.model.jsontext import compact_json
from agenttrace.query import arguments
from agenttrace.query.document import Document, UtcTime, uuid_of
from agenttrace.query.tree import Node, assemble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.model.rows import RunRow

__all__ = ["RunLog", "RunLogPage", "offset_of", "page_of"]

Status = Literal["pending", "running", "success", "failed"]


class RunLog(Document):
    """One run and its children, oldest first; `end_time` is None while it runs, `parent_id` None for a root.

    `model_dump` and `model_dump_json` work for trees of any depth as long as no other options are given than `mode`,
    `by_alias` and `round_trip`.
    """

    id: uuid.UUID
    run_type: str
    status: Status
    content: dict[str, Any] | None
    error: dict[str, Any] | None
    start_time: UtcTime
    end_time: UtcTime | None
    ai_contact_id: uuid.UUID
    parent_id: uuid.UUID | None = Field(alias="parentId")
    children: list[RunLog]

    def walk(self) -> Iterator[RunLog]:
        """Yield this run and all its descendants, each parent before its children, children oldest first."""
        stack: list[RunLog] = [self]
        while stack:
            log = stack.pop()
            yield log
            stack.extend(reversed(log.children))

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the document, as pydantic does, whatever its depth."""
        return _dumped(self, options) if _is_plain(options) else super().model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        """Return the document as JSON text, as pydantic does, whatever its depth."""
        return "".join(_pieces(self, options)) if _is_plain(options) else super().model_dump_json(**options)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in self.__dict__.items():
            yield name, f"<{len(value)}>" if name == "children" else value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunLog):
            return NotImplemented
        ours, theirs = list(self.walk()), list(other.walk())
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))

    __hash__ = None  # type: ignore[assignment]


class RunLogPage(Document):
    """A page of a contact's root runs; `total` counts all of them. Dumps work for trees of any depth."""

    page: int
    page_size: int
    total: int
    run_logs: list[RunLog]

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the document, as pydantic does, whatever its depth."""
        if not _is_plain(options):
            return super().model_dump(**options)
        return {**self._figures(), "run_logs": [_dumped(log, options) for log in self.run_logs]}

    def model_dump_json(self, **options: Any) -> str:
        """Return the document as JSON text, as pydantic does, whatever its depth."""
        if not _is_plain(options):
            return super().model_dump_json(**options)
        logs = ",".join("".join(_pieces(log, options)) for log in self.run_logs)
        return f'{compact_json(self._figures())[:-1]},"run_logs":[{logs}]}}'

    def _figures(self) -> dict[str, Any]:
        return {"page": self.page, "page_size": self.page_size, "total": self.total}


def offset_of(page: object, page_size: object) -> tuple[int, int, int]:
    """Return page, page size and the number of roots before the page; raises InvalidQuery outside their ranges."""
    number = arguments.integer("page", page, low=1)
    size = arguments.integer("page_size", page_size, low=1, high=100)
    return number, size, (number - 1) * size


def page_of(roots: Iterable[Node], *, contact: bytes, page: int, page_size: int, total: int) -> RunLogPage:
    """Return the page of these trees; a run that has no contact of its own shows its root's."""
    logs = [_tree_of(root, contact) for root in roots]
    return RunLogPage.model_construct(page=page, page_size=page_size, total=total, run_logs=logs)


def _tree_of(root: Node, contact: bytes) -> RunLog:
    log = assemble(root, lambda row: _log_of(row, contact), lambda log: log.children)
    log.parent_id = None  # its parent is not stored, or was not yet when the page was chosen
    return log


def _log_of(row: RunRow, contact: bytes) -> RunLog:
    return RunLog.model_construct(
        id=uuid.UUID(bytes=row.id),
        run_type=row.run_type,
        status=cast("Status", row.status),
        content=complete(row.run_type, row.name, parse(row.content)),
        error=error_of(row.error),
        start_time=times.utc(row.start_time),
        end_time=None if row.end_time is None else times.utc(row.end_time),
        ai_contact_id=uuid.UUID(bytes=row.ai_contact_id or contact),
        parent_id=uuid_of(row.parent_id),
        children=[],
    )


_PLAIN = {"mode", "by_alias", "round_trip", "warnings"}


def _is_plain(options: dict[str, Any]) -> bool:
    return _PLAIN.issuperset(options)


def _same(one: RunLog, other: RunLog) -> bool:
    return len(one.children) == len(other.children) and all(
        value == other.__dict__.get(name) for name, value in one.__dict__.items() if name != "children"
    )


def _flat(log: RunLog, options: dict[str, Any]) -> dict[str, Any]:
    """Return the document of one run, its children left out."""
    flat = {name: value for name, value in log.__dict__.items() if name != "children"}
    if options.get("by_alias") is not False:
        flat["parentId"] = flat.pop("parent_id")
    return flat


def _json(flat: dict[str, Any]) -> bytes:
    return orjson.dumps(flat, default=str, option=orjson.OPT_UTC_Z)


def _dumped(log: RunLog, options: dict[str, Any]) -> dict[str, Any]:
    top = _document(log, options)
    stack = [(log, top)]
    while stack:
        above, document = stack.pop()
        for child in above.children:
            below = _document(child, options)
            document["children"].append(below)
            stack.append((child, below))
    return top


def _document(log: RunLog, options: dict[str, Any]) -> dict[str, Any]:
    flat = _flat(log, options)
    return {**(orjson.loads(_json(flat)) if options.get("mode") == "json" else flat), "children": []}


def _pieces(log: RunLog, options: dict[str, Any]) -> Iterator[str]:
    """Yield the JSON text of a tree, run by run."""
    stack: list[RunLog | str] = [log]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
            continue
        yield _opened(item, options)
        stack.append("]}")
        for index, child in enumerate(reversed(item.children), start=1 - len(item.children)):
            stack.append(child)
            if index:
                stack.append(",")


def _opened(log: RunLog, options: dict[str, Any]) -> str:
    return _json(_flat(log, options))[:-1].decode() + ',"children":['
