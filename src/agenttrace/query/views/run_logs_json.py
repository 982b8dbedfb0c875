"""The run logs as JSON text, straight from the stored rows: what `run_logs.page_of` says, without its models. Pure.

Stored content is JSON already: it is checked, the documented keys that it lacks are put before it, and it is passed on
as it stands.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.model import times
from agenttrace.model.content import complete, error_of, keys_of, named_by, parse
from agenttrace.model.jsontext import compact_json
from agenttrace.query.document import uuid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agenttrace.model.rows import TreeRow

__all__ = ["Families", "content_text", "families_of", "page_text", "tree_text"]

#: Text with more brackets may be nested too deep for encoders; such text is read and folded, as the models do.
_BRACKETS = 100

#: How many pieces are joined into one.
_AT_ONCE = 512

Families = dict[bytes, list["TreeRow"]]


def page_text(trees: Iterable[Iterable[str]], *, page: int, page_size: int, total: int) -> Iterator[str]:
    """Yield the JSON text of a page in pieces; `trees` are read as the text is. A tree without text is left out."""
    head = f'{{"page":{page},"page_size":{page_size},"total":{total},"run_logs":['
    for tree in trees:
        for piece in tree:
            yield head + piece
            head = ""
        head = head or ","
    yield "]}" if head == "," else head + "]}"


def families_of(rows: Iterable[TreeRow]) -> Families:
    """Return the runs below each run, oldest first."""
    families: Families = {}
    for row in rows:
        parent = row[1]
        if parent is not None and not row[2]:
            families.setdefault(parent, []).append(row)
    for below in families.values():
        below.sort(key=_age)
    return families


def tree_text(root: TreeRow, families: Families, contact: bytes) -> Iterator[str]:
    """Yield the JSON text of a tree in pieces. A run without a contact of its own has this one.

    It does not recurse: trees may have 10,000 levels.
    """
    shown, text = _told(root, contact)
    pieces = [text + 'null,"children":[']
    stack = [(iter(families.get(root[0], ())), shown)]
    comma = ""
    while stack:
        below, parent = stack[-1]
        for row in below:
            if row[0] == root[0]:
                continue  # a loop, whose first run is the root
            shown, text = _told(row, contact)
            pieces.append(f'{comma}{text}{parent},"children":[')
            comma = ""
            stack.append((iter(families.get(row[0], ())), shown))
            break
        else:
            stack.pop()
            pieces.append("]}")
            comma = ","
        if len(pieces) >= _AT_ONCE:
            yield "".join(pieces)
            pieces.clear()
    yield "".join(pieces)


def _age(row: TreeRow) -> tuple[int, int, bytes]:
    return row[8], row[3], row[0]


def _told(row: TreeRow, contact: bytes) -> tuple[str, str]:
    """Return a run's id in quotes, and its JSON text up to its parent."""
    run_id, _, _, _, own, run_type, name, status, start, end, content, error = row
    shown = f'"{uuid_text(run_id)}"'
    return shown, (
        f'{{"id":{shown},"run_type":{_string(run_type)},"status":{_string(status)},'
        f'"content":{content_text(run_type, name, content)},'
        f'"error":{"null" if error is None else compact_json(error_of(error))},'
        f'"start_time":{_time(start)},"end_time":{"null" if end is None else _time(end)},'
        f'"ai_contact_id":"{_uuid(contact if own is None else own)}","parentId":'
    )


def content_text(run_type: str, name: str, text: str | None) -> str:
    """Return a run's content as JSON text: `content.complete` of what was stored.

    >>> content_text("context", "retrieve", '{"query":"q"}'), content_text("context", "retrieve", "{")
    ('{"documents":null,"query":"q"}', 'null')
    """
    if text is None:
        return "null"
    if text[:1] != "{" or text.count("{") + text.count("[") > _BRACKETS:
        return compact_json(complete(run_type, name, parse(text)))
    try:
        known: dict[str, Any] = orjson.loads(text)
    except ValueError:
        return "null"
    if not known:
        return "null"
    begin, named = _beginning(run_type, tuple(known))
    if named is None:
        return begin + text[1:]
    if named not in known:
        return f'{begin}"{named}":{_string(name)},{text[1:]}'
    return compact_json(complete(run_type, name, known)) if known[named] is None else begin + text[1:]


@lru_cache(maxsize=1024)
def _beginning(run_type: str, keys: tuple[str, ...]) -> tuple[str, str | None]:
    """Return how the object begins, with null for each documented key that is absent, and the key named by the run."""
    named = named_by(run_type)
    absent = (key for key in keys_of(run_type) if key not in keys and key != named)
    return "{" + "".join(f'"{key}":null,' for key in absent), named


@lru_cache(maxsize=1024)
def _string(text: str) -> str:
    return compact_json(text)


def _time(time: int) -> str:
    """Return an instant as RFC 3339 text in quotes, without a fraction where it has none."""
    seconds, micros = divmod(time, 1_000_000)
    return f'{_second(seconds)}.{str(1_000_000 + micros)[1:]}Z"' if micros else _second(seconds) + 'Z"'


_uuid = lru_cache(maxsize=1024)(uuid_text)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    """Return the instant of a whole second, in UTC, after a quote and without a zone."""
    return '"' + times.utc(seconds * 1_000_000).replace(tzinfo=None).isoformat()
