"""The form of a table of conventions: what an emitter's attributes mean. Types only; the tables stand beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

__all__ = [
    "AGENT",
    "CHAIN",
    "EMBEDDINGS",
    "MEMORY",
    "PROMPT",
    "RERANK",
    "RETRIEVE",
    "TOOL",
    "Convention",
    "Evidence",
    "Kind",
    "Source",
    "named",
    "table",
]

Family = Literal["prompt", "tool", "context", "agent", "chain", "other"]


class Kind(NamedTuple):
    """What a span is. An `agent` is a master where it is the outermost; a `chain` may be, where there is no agent.

    Two spans of one family, one directly below the other, are one call seen twice if `sub` is equal.
    """

    family: Family
    run_type: str
    sub: str = ""


PROMPT: Final = Kind("prompt", "prompt")
TOOL: Final = Kind("tool", "tool_call")
RETRIEVE: Final = Kind("context", "context", "retrieve")
RERANK: Final = Kind("context", "context", "rerank")
MEMORY: Final = Kind("context", "context", "memory")
AGENT: Final = Kind("agent", "agent")
CHAIN: Final = Kind("chain", "chain")
EMBEDDINGS: Final = Kind("other", "embeddings", "texts")


def named(run_type: str) -> Kind:
    """Return a kind that keeps a name of its own."""
    return Kind("other", run_type)


class Evidence(NamedTuple):
    """One way to know what a span is: the value of an attribute, or that it is there at all.

    The lowest `rank` of all tables counts. Values are compared in lower case; with `last` only their part behind the
    last dot. A value that is in no table is a name of its own, if `keeps_name`, where nothing else is known. With
    `flat` the attribute is the beginning of numbered ones.
    """

    rank: int
    attribute: str
    kinds: Mapping[str, Kind]
    present: Kind | None = None
    last: bool = False
    flat: bool = False
    keeps_name: bool = False


class Source(NamedTuple):
    """Where a field stands, and how it is read.

    how:   value    JSON, JSON in JSON, a repr or text
           strict   the same, but text that is no JSON is a fault
           wrapped  a value inside an object of inputs or outputs
           flat     numbered attributes that begin with this one
           text     text as it is
    mime:  an attribute which says `json` where the text must be JSON
    scale: what a number is multiplied with
    path:  the key of the object in it that is meant, with dots between keys of objects in objects
    """

    attribute: str
    how: Literal["value", "strict", "wrapped", "flat", "text"] = "value"
    mime: str | None = None
    scale: float | None = None
    path: str | None = None


def table(**entries: Any) -> Mapping[str, Any]:
    """Return an immutable mapping; a single source may stand for a tuple of one."""
    return MappingProxyType(
        {key: (value,) if isinstance(value, str | Source) else value for key, value in entries.items()}
    )


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """All that is known of one emitter. Adding one is a new table, in `semconv.CONVENTIONS`, and a captured case."""

    name: str
    evidence: tuple[Evidence, ...] = ()
    #: Field -> attributes or sources, the best first. See `semconv.FIELDS` for what fields there are.
    fields: Mapping[str, tuple[str | Source, ...]] = field(default_factory=_nothing)
    #: Key of a prompt's usage -> attributes that count it.
    usage: Mapping[str, tuple[str | Source, ...]] = field(default_factory=_nothing)
    #: Id of the scope -> attributes.
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)
    #: Beginnings of attributes, the rest of which is the name of an id or of a free attribute.
    metadata: tuple[str, ...] = ()
    #: Attributes that hold such names and values as one JSON object.
    metadata_objects: tuple[str, ...] = ()
    #: Name of a span event or log record -> role of the message that it carries; "output" is what the model said.
    messages: Mapping[str, str] = field(default_factory=_nothing)
    #: Attributes of such an event that hold its whole body as JSON.
    bodies: tuple[str, ...] = ()
    #: Attributes that hold a list of such events.
    message_lists: tuple[str, ...] = ()
    #: Events and log records whose attributes are read as if they were the span's.
    details: frozenset[str] = frozenset()
    #: Event -> (field, attribute that holds it). An attribute that ends in a dot begins the members of one document,
    #: and the documents of all such events make a list.
    value_events: Mapping[str, tuple[str, str]] = field(default_factory=_nothing)
    #: Events that mark the arrival of a part of a model's answer; the first of them tells the time to the first token.
    chunks: frozenset[str] = frozenset()
    #: Attribute -> value of a span that only repeats another, and never becomes a run.
    repeats: Mapping[str, str] = field(default_factory=_nothing)
    #: Attributes that say more than what is read of them here, and stay beside the run as well.
    kept: frozenset[str] = frozenset()
    #: Beginnings of attributes that say nothing of their own.
    noise: tuple[str, ...] = ()
