"""Pieces of SPAN and LOG records (`model.wire`), redacted: what repeats from span to span is made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from agenttrace.otel.attributes import AttributeWriter, is_cut, shortened
from agenttrace.record.capture import to_json
from agenttrace.record.context import Scope
from agenttrace.record.recorder import Recorder

__all__ = ["Pieces"]

_REMEMBERED = 1024
_LONGEST_NAME = 256


class Pieces:
    """Gives pieces for one recorder, whose redaction and limit they follow. Safe in several threads."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.redactor = recorder.redactor  # what is remembered here was redacted by it
        self._attributes = AttributeWriter(recorder)
        self.with_attributes = self._attributes.write
        self._names: dict[str, str] = {}

    def follow(self) -> None:
        """Forget what is remembered if the recorder redacts by other rules by now."""
        if self._recorder.redactor is not self.redactor:
            self._attributes.forget()
            self._names = {}
            self.redactor = self._recorder.redactor

    def json(self, value: Any) -> bytes:
        """Return a value's JSON."""
        return self._recorder.capture(value)

    def body(self, body: Any) -> bytes:
        """Return the JSON of a log record's body; of an object that is too large only the largest values are cut."""
        whole = self._recorder.capture(body)
        if not is_cut(whole) or not isinstance(body, Mapping):
            return whole
        return self.with_attributes("", dict(cast("Mapping[str, Any]", body)))

    def events(self, events: list[dict[str, Any]]) -> bytes:
        """Return the JSON of a span's events; where they are too large, the largest values are cut."""
        whole = self._recorder.capture(events)
        if not is_cut(whole):
            return whole
        kept = shortened([event["attributes"] for event in events], self._recorder)
        cut = [{**event, "attributes": attributes} for event, attributes in zip(events, kept, strict=True)]
        return self._recorder.redactor.json(to_json(cut))

    def text(self, text: object) -> str:
        """Return a text's JSON; of anything else that of `str`."""
        return self._recorder.redactor.text_json(text if isinstance(text, str) else str(text)).decode()

    def name(self, name: str) -> str:
        """Return the JSON of a name, of which there are few."""
        known = self._names.get(name)
        if known is None:
            known = self.text(name)
            if len(name) <= _LONGEST_NAME:
                if len(self._names) >= _REMEMBERED:
                    self._names = {}
                self._names[name] = known
        return known

    def library(self, name: str, version: str | None, schema: str | None) -> str:
        """Return the head's member `lib`, or nothing."""
        known = {"name": name or None, "version": version or None, "schema": schema or None}
        told = {key: value for key, value in known.items() if value is not None}
        return f',"lib":{self.json(told).decode()}' if told else ""

    def resource(self, attributes: Mapping[str, Any]) -> str:
        """Return the head's member `resource`, or nothing."""
        return f',"resource":{self.json(dict(attributes)).decode()}' if attributes else ""

    def scope(self, scope: Scope) -> str:
        """Return the head's members `scope` and `inherited`, or nothing."""
        if not scope.attributes:
            return scope.ids_json()
        members = b",".join([orjson.dumps(key) + b":" + value for key, value in scope.attributes.items()])
        return f'{scope.ids_json()},"inherited":{{{members.decode()}}}'
