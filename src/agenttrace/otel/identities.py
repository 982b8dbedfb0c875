"""The ids of a run's scope out of a foreign span, and how they spread in a tree. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from agenttrace.model.ids import is_telling
from agenttrace.model.wire import SCOPE_IDS
from agenttrace.otel import semconv
from agenttrace.otel.semconv.own import ATTRIBUTES, OWN
from agenttrace.otel.tree import Node, by_parent_run, parent_of
from agenttrace.otel.values import clean, read, text_of_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agenttrace.otel.view import View

__all__ = ["Identity", "identify", "spread"]

#: Ids that foreign data may set. The workspace is the receiver's to decide.
_IDS: Final = frozenset(SCOPE_IDS) - {"workspace_id"}

#: Further names of ids in metadata, weaker than an id's own name.
_ALIASES: Final = {"thread_id": "session_id", "conversation_id": "session_id"}

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Identity(NamedTuple):
    """The ids that a span gives its run, and the free attributes that its user set."""

    ids: dict[str, str]
    attributes: dict[str, Any]


def identify(view: View) -> Identity:
    """Return the ids of a span: those that were in force where it started, then what its attributes say."""
    given = ((name, _id(value)) for name, value in view.span.scope_ids.items() if name in _IDS)
    ids = {name: text for name, text in given if text is not None}
    free: dict[str, Any] = {}
    weak: dict[str, str] = {}
    for convention in (OWN,) if view.own else semconv.CONVENTIONS:
        for name, attributes in convention.ids.items():
            for attribute in attributes:
                if attribute in view.attributes and (text := _id(view.attributes[attribute])) is not None:
                    ids.setdefault(name, text)
        _take(_metadata(view, convention.metadata, convention.metadata_objects), ids, weak, free)
    for name, text in weak.items():
        ids.setdefault(name, text)
    own = _object(view.attributes.get(ATTRIBUTES))
    return Identity(ids, own or free)


def spread(nodes: list[Node], identities: dict[bytes, Identity]) -> None:
    """Give each run without an id that of the nearest span above it; a root learns its own from the first below it.

    Plain spans pass on what they have and what is above them, and learn nothing.
    """
    learnt = _learnt(nodes, identities)
    for node in nodes:
        if node.native:
            continue
        ids = identities[node.id].ids
        above = identities[node.raw.id].ids if node.raw is not None and not node.raw.native else {}
        for source in (above, learnt.get(node.id, {})):
            for name, text in source.items():
                ids.setdefault(name, text)


def _learnt(nodes: list[Node], identities: dict[bytes, Identity]) -> dict[bytes, dict[str, str]]:
    """Return what each root can learn of the runs below it, the first of them first."""
    tops: dict[bytes, bytes] = {}
    for node in by_parent_run(nodes):
        up = parent_of(node)
        if node.kind is not None and not node.native:
            tops[node.id] = node.id if up is None or up.native else tops[up.id]
    learnt: dict[bytes, dict[str, str]] = {}
    for node in sorted((node for node in nodes if node.id in tops and node.joined is None), key=Node.key):
        known = learnt.setdefault(tops[node.id], {})
        for name, text in identities[node.id].ids.items():
            known.setdefault(name, text)
    return learnt


def _object(value: Any) -> dict[str, Any] | None:
    """Return the object that was written from a stored run, exactly."""
    try:
        found: Any = None if value is None else orjson.loads(value)
    except (ValueError, TypeError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _metadata(view: View, prefixes: tuple[str, ...], objects: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for prefix in prefixes if view.tagged else ():
        size = len(prefix)
        yield from ((name[size:], value) for name, value in view.tagged.items() if name.startswith(prefix))
    for name in objects:
        held = read(view.attributes.get(name)).value if name in view.attributes else None
        if isinstance(held, dict):
            yield from cast("dict[str, Any]", held).items()


def _take(found: Iterator[tuple[str, Any]], ids: dict[str, str], weak: dict[str, str], free: dict[str, Any]) -> None:
    for given, value in found:
        name = _HUMP.sub("_", given).lower()
        text = _id(value)
        if name == "workspace_id" or value is None:
            continue
        if name in _IDS and text is not None:
            ids.setdefault(name, text)
        elif name not in _IDS:
            free.setdefault(given, clean(value))
        if name in _ALIASES and text is not None:
            weak.setdefault(_ALIASES[name], text)


def _id(value: object) -> str | None:
    """Return an id as text; None for one that was redacted: all that were would be one user, or one session."""
    text = text_of_scalar(value)
    return text if text is not None and is_telling(text) else None
