"""All tables of conventions, and what is looked up in them: data, made once when this is imported.

The order of `CONVENTIONS` is the order in which a field is looked for.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from agenttrace.otel.semconv.convention import Evidence, Source
from agenttrace.otel.semconv.gen_ai import GEN_AI
from agenttrace.otel.semconv.google_adk import GOOGLE_ADK
from agenttrace.otel.semconv.langsmith import LANGSMITH
from agenttrace.otel.semconv.openai_agents import OPENAI_AGENTS
from agenttrace.otel.semconv.openinference import OPENINFERENCE
from agenttrace.otel.semconv.openllmetry import OPENLLMETRY
from agenttrace.otel.semconv.own import OWN
from agenttrace.otel.semconv.pydantic_ai import PYDANTIC_AI
from agenttrace.otel.semconv.strands import STRANDS
from agenttrace.otel.semconv.vercel import VERCEL

if TYPE_CHECKING:
    from agenttrace.otel.semconv.convention import Convention

__all__ = [
    "BODIES",
    "CHUNKS",
    "CONVENTIONS",
    "DETAILS",
    "EVIDENCE",
    "FIELDS",
    "FLAT",
    "KNOWN",
    "MESSAGES",
    "MESSAGE_LISTS",
    "METADATA",
    "NOISE",
    "REPEATS",
    "USAGE",
    "VALUE_EVENTS",
]

CONVENTIONS: Final[tuple[Convention, ...]] = (
    OWN,
    OPENAI_AGENTS,
    GEN_AI,
    OPENINFERENCE,
    OPENLLMETRY,
    PYDANTIC_AI,
    STRANDS,
    GOOGLE_ADK,
    LANGSMITH,
    VERCEL,
)

#: Ways to know what a span is, the strongest first.
EVIDENCE: Final[tuple[Evidence, ...]] = tuple(
    sorted(chain.from_iterable(each.evidence for each in CONVENTIONS), key=lambda evidence: evidence.rank)
)


def _joined(tables: list[dict[str, tuple[str | Source, ...]]]) -> dict[str, tuple[Source, ...]]:
    found: dict[str, list[Source]] = {}
    for entries in tables:
        for name, sources in entries.items():
            found.setdefault(name, []).extend(
                source if isinstance(source, Source) else Source(source) for source in sources
            )
    return {name: tuple(sources) for name, sources in found.items()}


#: Field -> where it may stand, the best first.
FIELDS: Final = _joined([dict(each.fields) for each in CONVENTIONS])

#: Key of a prompt's usage -> where it may stand, the best first.
USAGE: Final = _joined([dict(each.usage) for each in CONVENTIONS])

#: Name of a span event or log record -> role of the message in it, "output" for what a model said.
MESSAGES: Final = {name: role for each in CONVENTIONS for name, role in each.messages.items()}

#: Attributes of such events that hold their whole body.
BODIES: Final = tuple(chain.from_iterable(each.bodies for each in CONVENTIONS))

#: Attributes that hold lists of such events.
MESSAGE_LISTS: Final = tuple(chain.from_iterable(each.message_lists for each in CONVENTIONS))

#: Events whose attributes are read like a span's.
DETAILS: Final = frozenset(chain.from_iterable(each.details for each in CONVENTIONS))

#: Beginnings of attributes whose rest is a user's own name.
METADATA: Final = tuple(chain.from_iterable(each.metadata for each in CONVENTIONS))

#: Events that mark the arrival of a part of an answer.
CHUNKS: Final = frozenset(chain.from_iterable(each.chunks for each in CONVENTIONS))

#: (attribute, value) of spans that only repeat others.
REPEATS: Final = tuple(chain.from_iterable(each.repeats.items() for each in CONVENTIONS))

#: Event -> (field, attribute).
VALUE_EVENTS: Final = {name: value for each in CONVENTIONS for name, value in each.value_events.items()}

#: Beginnings of numbered attributes.
FLAT: Final = tuple(
    sorted(
        {source.attribute for sources in FIELDS.values() for source in sources if source.how == "flat"}
        | {evidence.attribute for evidence in EVIDENCE if evidence.flat}
    )
)

#: Attributes that become part of a run, so that they are not kept beside it as well.
KNOWN: Final = frozenset(
    chain(
        (source.attribute for sources in FIELDS.values() for source in sources),
        (source.mime for sources in FIELDS.values() for source in sources if source.mime),
        (source.attribute for sources in USAGE.values() for source in sources),
        (evidence.attribute for evidence in EVIDENCE),
        (attribute for each in CONVENTIONS for names in each.ids.values() for attribute in names),
        chain.from_iterable(each.metadata_objects for each in CONVENTIONS),
        MESSAGE_LISTS,
    )
).difference(chain.from_iterable(each.kept for each in CONVENTIONS))

#: Beginnings of attributes that are not kept beside a run.
NOISE: Final = (
    *chain.from_iterable(each.noise for each in CONVENTIONS),
    *METADATA,
    *(prefix + "." for prefix in FLAT),
    "agenttrace.",
)
