"""What a foreign span is, by the evidence in its attributes; never by its name. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agenttrace.otel import semconv
from agenttrace.otel.semconv.convention import Kind, named
from agenttrace.otel.semconv.own import OWN_TYPES
from agenttrace.otel.values import text_of_scalar

if TYPE_CHECKING:
    from agenttrace.otel.semconv.convention import Evidence
    from agenttrace.otel.view import View

__all__ = ["OPEN", "kind_of", "own_name", "plain_while_open"]

#: A span that is still open and does not say yet what it is.
OPEN: Final = Kind("other", "span")

#: Values that say nothing.
_UNKNOWN: Final = frozenset({"", "unknown", "none", "null", "unspecified"})

#: Span kinds and attributes of calls between processes, which never become runs by ending.
_REMOTE_KINDS: Final = frozenset({"client", "server", "producer", "consumer"})
_REMOTE: Final = ("http.", "db.", "rpc.", "messaging.", "url.", "network.", "net.", "faas.", "server.")

_LONGEST_NAME: Final = 64
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OFF_PATTERN: Final = re.compile(r"[^a-z0-9]+")


def kind_of(view: View) -> Kind | None:
    """Return what a span is: the user's word, else the strongest evidence, else a name of its own that it gives; None
    for a plain span.
    """
    override = view.span.run_type_override
    if override:
        return _owned(override)
    if any(view.attributes.get(name) == value for name, value in semconv.REPEATS):
        return None
    for evidence in semconv.EVIDENCE:
        kind = _known(evidence, view)
        if kind is not None:
            return kind
    return next((kind for evidence in semconv.EVIDENCE if (kind := _named(evidence, view)) is not None), None)


def own_name(text: str) -> str:
    """Return a word of a sender's as a run type, in lower snake case.

    >>> own_name("execute_event_loop_cycle"), own_name("memory.search"), own_name("doSomething New")
    ('execute_event_loop_cycle', 'memory_search', 'do_something_new')
    """
    return _OFF_PATTERN.sub("_", _HUMP.sub("_", text).lower()).strip("_")[:_LONGEST_NAME].rstrip("_")


def plain_while_open(view: View) -> bool:
    """Return whether an open span without evidence is no run to come: a call of a service or a database."""
    return view.span.kind in _REMOTE_KINDS or any(name.startswith(_REMOTE) for name in view.attributes)


def _owned(word: str) -> Kind | None:
    name = own_name(word)
    return OWN_TYPES.get(name) or (named(name) if name else None)


def _value(evidence: Evidence, view: View) -> str | None:
    text = text_of_scalar(view.attributes.get(evidence.attribute))
    if text is None:
        text = next((found for each in view.details if (found := text_of_scalar(each.get(evidence.attribute)))), None)
    return None if text is None else text.strip()


def _known(evidence: Evidence, view: View) -> Kind | None:
    if evidence.flat:
        return evidence.present if evidence.attribute in view.flat else None
    text = _value(evidence, view)
    if text is None:
        return None
    word = text.lower()
    kind = evidence.kinds.get(word)
    if kind is None and evidence.last:
        kind = evidence.kinds.get(word.rsplit(".", 1)[-1])
    if kind is None and evidence.rank == 0 and word not in _UNKNOWN:
        return _owned(text)
    return kind or evidence.present


def _named(evidence: Evidence, view: View) -> Kind | None:
    text = _value(evidence, view) if evidence.keeps_name else None
    if text is None or text.lower() in _UNKNOWN:
        return None
    name = own_name(text.rsplit(".", 1)[-1] if evidence.last else text)
    return named("prompt_template" if name == "prompt" else name) if name else None
