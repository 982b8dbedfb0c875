"""Redaction: no secret leaves the traced thread. A cheap gate first; parsing and patterns (`scrub`) where it opens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson

from agenttrace.foreign import let_through
from agenttrace.loading import LOADING
from agenttrace.record.gate import suspicious
from agenttrace.record.secretwords import SecretNames

if TYPE_CHECKING:
    from agenttrace.record.scrub import Scrubber

__all__ = ["WITHHELD", "WITHHELD_JSON", "Extra", "OnError", "Redactor"]

WITHHELD: Final = "[WITHHELD: redaction failed]"
WITHHELD_JSON: Final = b'"[WITHHELD: redaction failed]"'

#: The user's own redaction: (key or None, text) -> the text to keep.
Extra = Callable[[str | None, str], str]
OnError = Callable[[BaseException], None]


class Redactor:
    """Replaces secrets in JSON and in text, by key name and by form. Safe in several threads; never raises.

    `extra` is called with (key or None, text) for every string after the built-in rules, and returns the text to keep;
    with an `extra`, every value is parsed. Where redaction fails the whole value is withheld, and `on_error` hears why.
    """

    def __init__(self, extra: Extra | None = None, enabled: bool = True, on_error: OnError | None = None) -> None:
        self._extra = extra
        self._enabled = enabled
        self._on_error = on_error
        self._names = SecretNames()
        self._gated = enabled and extra is None
        self._scrubber: Scrubber | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything is redacted at all."""
        return self._enabled

    @property
    def gated(self) -> bool:
        """Whether a text that the gate does not suspect needs no further look."""
        return self._gated

    @property
    def has_extra(self) -> bool:
        """Whether every text is for a callable of the user's to see."""
        return self._extra is not None

    @property
    def names(self) -> SecretNames:
        """What is known about which names are secrets' names."""
        return self._names

    def json(self, data: bytes) -> bytes:
        """Return JSON with every secret replaced; the same object where there is none.

        The value of a secret key becomes "[REDACTED]" (booleans and null stay), the secret part of a string
        "[REDACTED:kind]". Key order, and numbers of any size, stay.
        """
        try:
            if self._gated:
                return self._thorough().json(data) if suspicious(data.decode(), self._names) else data
            return data if self._extra is None else self._thorough().json(data)
        except BaseException as error:  # noqa: BLE001 - fails closed
            let_through(error)
            self._report(error)
            return WITHHELD_JSON

    def text(self, text: str) -> str:
        """Return text with every secret replaced; the same object where there is none."""
        try:
            if self._gated:
                return self._thorough().text(text) if suspicious(text, self._names) else text
            return text if self._extra is None else self._thorough().text(text)
        except BaseException as error:  # noqa: BLE001 - fails closed
            let_through(error)
            self._report(error)
            return WITHHELD

    def text_json(self, text: str) -> bytes:
        """Return the redacted JSON of one text: what `json` returns for it, without decoding it first."""
        try:
            data = orjson.dumps(text)
            if self._gated and not suspicious(text, self._names):
                return data
        except Exception:  # noqa: BLE001 - a lone surrogate # nosec B110
            pass
        with LOADING:
            from agenttrace.record.capture import to_json
            from agenttrace.record.marks import sane
        text = sane(text)
        return self.json(to_json(self.text(text))) if self._gated else self.json(to_json(text))

    def secret_key(self, name: str) -> bool:
        """Say whether a key of this name holds a secret. Answers are remembered, up to a bound."""
        return self._names.secret(name)

    def _thorough(self) -> Scrubber:
        made = self._scrubber
        if made is None:
            # Loaded at first use: most programs never write anything that looks like a secret.
            with LOADING:
                from agenttrace.record.scrub import Scrubber
            made = self._scrubber = Scrubber(self._names, self._extra, enabled=self._enabled)
        return made

    def _report(self, error: BaseException) -> None:
        if self._on_error is not None:
            with suppress(Exception):  # reporting must not break what it reports on
                self._on_error(error)
