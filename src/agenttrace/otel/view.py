"""One foreign span with all that is known of it, and its fields looked up in the tables. Pure.

Attributes come first, then the span's events, then its log records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from agenttrace.otel import semconv
from agenttrace.otel.clipped import preview_of
from agenttrace.otel.flat import families, nested
from agenttrace.otel.parts import Flaws
from agenttrace.otel.reading import messages_in
from agenttrace.otel.semconv.own import RUN_TYPE, THINKING
from agenttrace.otel.values import is_text, read, text_of_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agenttrace.model.foreign import ForeignLog, ForeignSpan
    from agenttrace.otel.messages import Message
    from agenttrace.otel.semconv.convention import Source

__all__ = ["Said", "View", "number_of", "view_of"]

#: An object around a single input or output.
_WRAPPED = frozenset({"input", "inputs", "output", "outputs"})


class Said(NamedTuple):
    """A message that an event or a log record carries. The role is "output" for what the model said."""

    role: str
    body: dict[str, Any]
    time: int

    def content(self) -> Any:
        """Return what was said, raw."""
        message = self.body.get("message")
        return self.body.get("content") if message is None else message


def _list() -> list[Any]:
    return []


def _dict() -> dict[str, Any]:
    return {}


@dataclass(slots=True)
class View:
    """What is known of one span. `details` are attributes of events and logs that speak for the span, `documents`
    values of fields of which events hold one document each, `tagged` attributes that users set through an emitter.
    """

    span: ForeignSpan
    attributes: dict[str, Any]
    details: list[Mapping[str, Any]] = field(default_factory=_list)
    events: list[Said] = field(default_factory=_list)
    logs: list[Said] = field(default_factory=_list)
    values: dict[str, list[Any]] = field(default_factory=_dict)
    documents: dict[str, list[Any]] = field(default_factory=_dict)
    thoughts: list[tuple[int, str]] = field(default_factory=_list)
    flat: dict[str, dict[str, Any]] = field(default_factory=_dict)
    tagged: dict[str, Any] = field(default_factory=_dict)
    flaws: Flaws = field(default_factory=Flaws)

    @property
    def own(self) -> bool:
        """Return whether this is a run of agenttrace that left as a span."""
        return RUN_TYPE in self.attributes

    def found(self, name: str) -> Iterator[Any]:
        """Yield what the sources of a field say, the best first, read as its table says; without what is not there."""
        for attributes in (self.attributes, *self.details):
            for source in semconv.FIELDS.get(name, ()):
                value = self._read(source, attributes)
                if value is not None and value != "":
                    yield value
        yield from self.values.get(name, ())
        if name in self.documents:
            yield self.documents[name]

    def first(self, name: str) -> Any:
        """Return the best value of a field, or None."""
        return next(self.found(name), None)

    def text(self, name: str) -> str | None:
        """Return the best value of a field that is a text or a number, as text."""
        texts = map(self._text, self._raw(name))
        return next((text for text in texts if text is not None), None)

    def number(self, name: str) -> float | None:
        """Return the best value of a field that is a number, in the unit of the field."""
        for attributes in (self.attributes, *self.details):
            for source in semconv.FIELDS.get(name, ()):
                value = _number(source, attributes)
                if value is not None:
                    return value if source.scale is None else round(value * source.scale, 9)
        return None

    def first_chunk(self) -> float | None:
        """Return the seconds until the first part of a model's answer came, of a span whose events tell."""
        given = (event for event in self.span.events if isinstance(event, dict) and event.get("name") in semconv.CHUNKS)  # pyright: ignore[reportUnnecessaryIsInstance]
        times = [time for event in given if isinstance(time := event.get("time"), int) and time >= self.span.start]
        return round((min(times) - self.span.start) / 1e6, 6) if times else None

    def usage(self) -> dict[str, int]:
        """Return the counts of tokens that are known."""
        counts: dict[str, int] = {}
        for name, sources in semconv.USAGE.items():
            given = ((source, each) for each in (self.attributes, *self.details) for source in sources)
            count = next((value for source, each in given if (value := _number(source, each)) is not None), None)
            if count is not None:
                counts[name] = int(count)
        return counts

    def messages(self, name: str, role: str) -> Iterator[list[Message]]:
        """Yield the messages that the sources of a field hold, the best first."""
        for value in self.found(name):
            text = ("false", "true")[value] if isinstance(value, bool) else value  # a model answered in JSON
            yield messages_in(text, role, self.flaws)

    def _text(self, value: Any) -> str | None:
        preview = preview_of(value)
        self.flaws.count += preview is not None
        return preview or text_of_scalar(value)

    def _raw(self, name: str) -> Iterator[Any]:
        for attributes in (self.attributes, *self.details):
            for source in semconv.FIELDS.get(name, ()):
                value = attributes.get(source.attribute)
                if value is not None:
                    yield value if source.path is None else _member(read(value).value, source.path)

    def _read(self, source: Source, attributes: Mapping[str, Any]) -> Any:
        if source.how == "flat":
            members = self.flat.get(source.attribute) if attributes is self.attributes else None
            return None if members is None else nested(members)
        value = attributes.get(source.attribute)
        if value is None:
            return None
        if source.how == "text":
            return text_of_scalar(value)
        if source.path is not None:
            return _member(read(value).value, source.path)
        strict = source.how == "strict" or (source.mime is not None and "json" in str(attributes.get(source.mime)))
        found = self.flaws.read(value, strict=strict and is_text(value))
        return self._unwrapped(found) if source.how == "wrapped" else found

    def _unwrapped(self, value: Any) -> Any:
        source = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if len(source) == 1 and not _WRAPPED.isdisjoint(source):
            inner = next(iter(source.values()))
            return self.flaws.read(inner) if isinstance(inner, str) else inner
        return cast("object", value)


def view_of(span: ForeignSpan, logs: Sequence[ForeignLog]) -> View:
    """Return all that is known of a span; its log records come in the order of their times."""
    given = {**(span.start_attributes or {}), **span.attributes}
    attributes = {str(name): value for name, value in given.items() if value is not None}
    view = View(span, attributes, flat=families(attributes, semconv.FLAT))
    view.tagged = {name: value for name, value in attributes.items() if name.startswith(semconv.METADATA)}
    for event in span.events:
        if isinstance(event, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            _take_event(view, event)
    for log in logs:
        name = log.name or str(log.attributes.get("event.name") or "")
        if name in semconv.DETAILS:
            view.details.append(_log_body(log))
        elif name in semconv.MESSAGES:
            view.logs.append(Said(semconv.MESSAGES[name], _log_body(log), log.time))
    _take_lists(view)
    return view


def _take_event(view: View, event: Mapping[str, Any]) -> None:
    name, time = str(event.get("name") or ""), event.get("time")
    given: Any = event.get("attributes")
    attributes = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    when = time if isinstance(time, int) else view.span.start
    if name in semconv.DETAILS:
        view.details.append(attributes)
    elif name in semconv.MESSAGES:
        view.events.append(Said(semconv.MESSAGES[name], _event_body(attributes), when))
    elif name in semconv.VALUE_EVENTS:
        _take_value(view, name, attributes)
    elif name == THINKING and (text := text_of_scalar(attributes.get("content"))) is not None:
        view.thoughts.append((when, text))


def _take_value(view: View, name: str, attributes: dict[str, Any]) -> None:
    """Keep the value of an event; of events that each hold one document, all together are the value."""
    field_name, attribute = semconv.VALUE_EVENTS[name]
    if attribute.endswith("."):
        size = len(attribute)
        found = {key[size:]: read(value).value for key, value in attributes.items() if key.startswith(attribute)}
        view.documents.setdefault(field_name, []).append(found)
    elif attribute in attributes:
        view.values.setdefault(field_name, []).append(view.flaws.read(attributes[attribute]))


def _take_lists(view: View) -> None:
    """Read attributes that hold a list of events."""
    for name in semconv.MESSAGE_LISTS:
        listed = read(view.attributes.get(name)).value if name in view.attributes else None
        for item in cast("list[Any]", listed) if isinstance(listed, list) else ():
            body = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
            role = semconv.MESSAGES.get(str(body.get("event.name")))
            if role is not None:
                view.events.append(Said(role, body, view.span.start))


def _event_body(attributes: dict[str, Any]) -> dict[str, Any]:
    body = next((read(attributes[name]).value for name in semconv.BODIES if name in attributes), None)
    return {**attributes, **cast("dict[str, Any]", body)} if isinstance(body, dict) else attributes


def _log_body(log: ForeignLog) -> dict[str, Any]:
    body: Any = read(log.body).value
    if preview_of(body) is None and isinstance(body, dict):
        return {**log.attributes, **cast("dict[str, Any]", body)}
    return _event_body(log.attributes) if body is None else {**log.attributes, "content": body}


def _member(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return value


def _number(source: Source, attributes: Mapping[str, Any]) -> float | None:
    value = attributes.get(source.attribute)
    return number_of(value if source.path is None or value is None else _member(read(value).value, source.path))


def number_of(value: object) -> float | None:
    """Return a finite number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None  # not for NaN either
