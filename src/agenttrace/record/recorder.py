"""What every span of one AgentTrace shares: where records go, the clock, ids, capture, limits and error handling."""

from __future__ import annotations

import logging
import os
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson

from agenttrace.faults import InternalError
from agenttrace.loading import LOADING
from agenttrace.model.wire import ENTITY
from agenttrace.record.context import EMPTY, Scope
from agenttrace.record.options import Options
from agenttrace.record.quick import capturer
from agenttrace.record.redact import Redactor
from agenttrace.record.state import Gear

if TYPE_CHECKING:
    from agenttrace.record.parameters import Ids

__all__ = ["DEFAULT_MAX_CONTENT_BYTES", "Append", "RandomIds", "Recorder", "any_trace"]


DEFAULT_MAX_CONTENT_BYTES = 1 << 20

#: Takes a record's kind and payload (see `model.wire`); never raises, never waits for I/O.
Append = Callable[[int, bytes], None]

#: Takes a record's kind and the pieces of its payload. What `append` is a method of may have such a method as well.
AppendParts = Callable[..., object]

logger = logging.getLogger("agenttrace")

_MOST_KINDS = 1000  # of errors that are told apart

_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _nowhere(kind: int, payload: bytes) -> None:
    """Forget the record: what a recorder that is switched off does."""


def _in_parts(append: Append) -> AppendParts:
    def append_parts(kind: int, *pieces: bytes) -> None:
        append(kind, b"".join(pieces))

    return getattr(getattr(append, "__self__", None), "append_parts", append_parts)


def any_trace(trace: bytes) -> None:
    """Record it all the same: what a recorder does that does not respect sampling."""


class Recorder(Gear):
    """The traced thread's end of the pipeline.

    Its attributes are read on every span, so they are plain attributes; `configure` sets them anew in place, so a
    decorated function follows without being decorated again.
    """

    def __init__(self) -> None:
        self.enabled = False
        self.unsampled: Callable[[bytes], None] = any_trace  # hears of traces whose foreign spans are not sampled
        self.strict = False
        self.append = _nowhere
        self.clock = time.time_ns
        self.use_ids(RandomIds())
        self.sequence = count(1)
        self.redact_with(None, enabled=True, limit=DEFAULT_MAX_CONTENT_BYTES)
        self.scope = EMPTY  # the scope outside every block
        self.generation = 0
        _recorders.add(self)
        self.internal_errors = 0
        self.errors: dict[str, int] = {}  # how often, by place and type; of the first thousand kinds
        self.unseen: list[InternalError] = []  # raised where nobody could see them

    @property
    def append(self) -> Append:
        """Where records go."""
        return self._append

    @append.setter
    def append(self, append: Append) -> None:
        self._append = append
        self.append_parts = _in_parts(append)
        self.append_again = getattr(getattr(append, "__self__", None), "append_again", None)

    def redact_with(self, extra: Callable[[str | None, str], str] | None, *, enabled: bool, limit: int) -> None:
        """Capture values so: redacted by the built-in rules and by `extra`, cut where they exceed `limit` bytes."""
        self.redactor = Redactor(extra, enabled=enabled, on_error=self.on_redaction_error)
        self.max_content_bytes = limit
        self.capture, self.heads = capturer(self.redactor, limit)
        #: What usual spans are made with, by what it depends on; bounded by who adds to it. Last: other threads record
        #: meanwhile, and what they remembered was made as it was before.
        self.options: dict[tuple[str | None, ...], Options] = {}

    def use_ids(self, ids: Ids) -> None:
        """Take trace and span ids from here."""
        self.new_trace, self.new_span = ids.trace, ids.span

    def serve(self, service: str) -> None:
        """Name the recording service in every run; nothing for an empty text."""
        self.scope = Scope({}, {}, service) if service else EMPTY

    def saved(self) -> dict[str, Any]:
        """Return all that is set, for `restore`."""
        # Loaded where it is asked for: by tests, see `agenttrace.testing`.
        with LOADING:
            from agenttrace.record.statefields import GearInPython
        return {**vars(self), **{name: getattr(self, name) for name in GearInPython.__slots__}}

    def restore(self, saved: dict[str, Any]) -> None:
        """Set anew what `saved` returned."""
        for name, value in saved.items():
            setattr(self, name, value)

    def now(self) -> int:
        """Return the clock in microseconds since the epoch."""
        return self.clock() // 1000

    def attribute(self, key: str, value: object) -> bytes:
        """Return an attribute's JSON, redacted by its key as well."""
        if (
            self.redactor.enabled
            and self.redactor.secret_key(key)
            and value is not None
            and type(value) is not bool  # `isinstance` would run the code of a proxy
        ):
            return b'"[REDACTED]"'
        return self.capture(value)

    def on_redaction_error(self, error: BaseException) -> None:
        """Count a value that was withheld. Only the type of the error is told: its message may quote the value."""
        self.failed(RuntimeError(f"{type(error).__name__}, its message withheld"), "redaction")

    def failed(self, error: BaseException, where: str) -> None:
        """Count a defect of ours, log the first of its kind, and carry on; raise it under `agenttrace.testing`."""
        self.internal_errors += 1
        kind = f"{where}: {type(error).__name__}"
        known = self.errors.get(kind, 0)
        if known or len(self.errors) < _MOST_KINDS:
            self.errors[kind] = known + 1
        # At the end of the interpreter logging itself raises.
        if kind in self.errors and not known and not sys.is_finalizing():
            with suppress(Exception):  # a handler of the program's may raise anything
                logger.warning("agenttrace: internal error in %s; the program goes on", where, exc_info=error)
        if self.strict:
            raise InternalError(f"{where}: {error!r}") from error

    def report(self, where: str, error: BaseException) -> None:
        """Hear of a problem of the pipeline's. What is raised under `agenttrace.testing` is kept, too."""
        try:
            self.failed(error, where)
        except InternalError as raised:
            if where != "append":  # which raises into the traced program; nobody sees what the others raise
                self.unseen.append(raised)
            raise

    def entity(self, kind: str, identity: str, *, scope: dict[str, str], name: str | None = None) -> None:
        """Record that a contact, session or agent exists before its first run."""
        if not self.enabled:
            return
        envelope: dict[str, Any] = {"entity": kind, "id": identity, "time": self.now(), "scope": scope}
        if name is not None:
            envelope["name"] = self.redactor.text(name)
        try:
            self.append(ENTITY, orjson.dumps(envelope))
        except Exception:  # noqa: BLE001 - lone surrogates and other text that JSON cannot hold
            with LOADING:
                from agenttrace.record.capture import to_json
            self.append(ENTITY, to_json(envelope))


def _best_ids() -> tuple[type[Ids], Callable[[], object]]:
    try:
        from agenttrace.record import _native
    except ImportError:  # built without a compiler
        from agenttrace.record.randomids import RandomIdsInPython, seed

        return RandomIdsInPython, seed

    class RandomIdsInC:
        """Trace ids that begin with 48 bits of Unix milliseconds, then random bits; random span ids."""

        span, trace = staticmethod(_native.new_span_id), staticmethod(_native.new_trace_id)

    return RandomIdsInC, lambda: _native.seed(os.urandom(32))


#: Makes trace ids and span ids: as in `_ids.h` where the package was built with a C compiler, else as in `randomids`.
RandomIds, _seed = _best_ids()
_seed()


def _after_fork() -> None:
    _seed()
    for recorder in list(_recorders):
        recorder.generation += 1
        recorder.internal_errors, recorder.errors = 0, {}


os.register_at_fork(after_in_child=_after_fork)
