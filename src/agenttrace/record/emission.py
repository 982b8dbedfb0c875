"""How a span becomes records: its ids and parents, its content as JSON, and what it appends to the journal.

What users call is `span`; what the records hold is `model.wire`. Only `span` and `decorate` use what is here.

All of this runs in the traced thread. What every span does is written out rather than split into small calls, and what
few spans need lives in `Extra`. How most begin, take values and end, in one call each, is `usual`, or the same in C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import orjson
from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from agenttrace.loading import LOADING
from agenttrace.model.wire import (
    EVENT,
    FIXED,
    NO_PARENT,
    OPEN,
    RANK_END,
    RANK_START,
    REMOTE,
    RUN,
    SPREAD,
    STARTED,
    VERSION,
)
from agenttrace.record import failure
from agenttrace.record.context import CONTEXT, CURRENT, OURS, SCOPE, Attachment, attach, current_context, detach
from agenttrace.record.fields import ENVELOPE_KEYS, KEY_JSON
from agenttrace.record.options import UNSET, Options, clean
from agenttrace.record.recorder import Recorder
from agenttrace.record.state import (
    ENDED,
    HOME,
    IS_FAILED,
    IS_PENDING,
    IS_RUNNING,
    IS_SUCCESS,
    NATIVE,
    NEW,
    PENDING,
    RUNNING,
    State,
)

__all__ = ["FIRST_VERSION", "TURN", "Emission", "Extra", "begin", "end", "fill", "opened", "parts"]

#: Context key of the start (µs) of a turn whose root lives in another process.
TURN = "agenttrace-turn"

#: Kind, time, sequence and JSON.
Event = tuple[str, int, int, bytes]

_pack_fixed = FIXED.pack
_pack_version = VERSION.pack

FIRST_VERSION = _pack_version(OPEN, 0, 0, RANK_START, IS_RUNNING, 0)


#: Spans that were started by hand, by span id, so that a foreign span between two of ours can be bridged.
_by_hand: WeakValueDictionary[bytes, Emission] = WeakValueDictionary()


class Extra:  # no dataclass: every importing program would wait until it is made
    """What most spans do not have."""

    def __init__(self) -> None:
        self.attributes: dict[str, bytes] | None = None  # the span's own, as JSON
        self.announced = False  # as pending, and not begun since
        self.via = ""  # an envelope member: the foreign span between this one and its parent
        self.error: dict[str, Any] | None = None
        self.error_member = ""
        self.exception: BaseException | None = None  # recorded; the error only if the status says so
        self.failed: str | None = None  # the description of an ERROR status
        self.otel_context: SpanContext | None = None
        self.events: list[Event] = []  # written before the session was known


class Emission(State, otel.Span):
    """The inside of a span. Methods without a leading underscore serve `span` and `decorate`."""

    __slots__ = ()

    _inert = False  # nothing is kept, not even in memory

    def __init__(self, recorder: Recorder, options: Options) -> None:
        self._recorder = recorder
        self._options = options
        self._state = self._revision = self._flags = NEW
        self._span = b""
        self._extra = self.token = None
        self._content, self._values = {}, {}
        if options.content and recorder.enabled:
            for key, value in options.content.items():
                self._set(key, value)

    # -- beginning ---------------------------------------------------------------------------------

    def launch(self) -> Attachment | None:
        """Start the span and make it the current one; return what `context.detach` takes, in the same context."""
        try:
            context = current_context()
            if not self._span:
                self._identify(context)
            if self._state < RUNNING:
                self._state = RUNNING
                self._write_start(IS_RUNNING)
            values = context.copy()
            values[CURRENT] = values[OURS] = self
            values[SCOPE] = self._scope
            return attach(Context(values))
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, "start")
            return None

    def leave(self) -> None:
        """Make current again what was current before `calls` or `with` made the span so."""
        token = self.token
        if token is not None:
            self.token = None
            if not detach(token):
                self.leave_elsewhere(token)

    def leave_elsewhere(self, token: Attachment) -> None:
        """Leave in another context than the token's, where a generator that another task or thread steps carried it."""
        if current_context().get(CURRENT) is self:
            before: Any = token.old_value
            CONTEXT.set(before if isinstance(before, Context) else Context())

    def _identify(self, context: Context) -> None:
        """Take ids, parents and scope from the context; done once, when the first of them is needed."""
        recorder = self._recorder
        scope: Any = context.get(SCOPE) or recorder.scope
        if self._options.scope is not None:
            scope = scope.extended(
                self._options.scope, self._options.attributes, recorder.attribute, recorder.redactor.text
            )
        self._started_at = self._turn = now = recorder.clock() // 1000
        self._scope, self._root, self._parent, self._flags = scope, None, None, 0
        self._generation = recorder.generation
        parent: Any = context.get(CURRENT)
        if isinstance(parent, Emission) and not parent._span:
            # Made current by OpenTelemetry's use_span before it began.
            if parent is self:
                parent = context.get(OURS)
            else:
                parent._identify(context)
        if parent is None:
            self._trace, above = recorder.new_trace(now), NO_PARENT
        elif isinstance(parent, Emission):
            self._trace, self._parent, above = parent._trace, parent, parent._span
            root = parent._root or parent
            if root._scope is scope:
                self._root, self._turn = root, root._turn
            elif parent._scope.same_workspace(scope):
                self._join(root)
        else:
            above = self._below_foreign(context, parent)
        span = recorder.new_span()
        self._fixed = _pack_fixed(self._trace, span, above, now, self._turn, next(recorder.sequence))
        self._span = span

    def _below_foreign(self, context: Context, parent: otel.Span) -> bytes:
        """Begin where the current span is somebody else's, or none of a trace; return the parent's span id."""
        foreign = parent.get_span_context()
        if not foreign.is_valid:
            self._trace = self._recorder.new_trace(self._started_at)
            return NO_PARENT
        self._trace = foreign.trace_id.to_bytes(16, "big")
        if not foreign.trace_flags.sampled:
            self._recorder.unsampled(self._trace)
        ours: Any = _by_hand.get(_parent_of(parent)) or context.get(OURS)
        if ours is not None and ours._trace == self._trace and ours._scope.same_workspace(self._scope):
            # A foreign span between two of ours: the run's parent is ours, so that the tree holds together.
            self.extra().via = f',"via":"{foreign.span_id:016x}"'
            self._parent = ours
            self._join(ours._root or ours)
            return ours._span
        self._flags = REMOTE
        turn: Any = context.get(TURN)
        if isinstance(turn, int):
            self._turn = turn
        return foreign.span_id.to_bytes(8, "big")

    def _join(self, root: Emission) -> None:
        """Become part of a turn: give its root the ids it lacks, and take those that this span's scope lacks."""
        self._root, self._turn = root, root._turn
        scope, above = self._scope, root._scope
        learnt = above.filled(scope)
        if learnt is not above:
            self._flags |= SPREAD
            root._flags |= SPREAD
            root._scope = learnt
            root._rewrite()
        self._scope = scope.filled(learnt)

    def _known(self) -> bool:
        """Make sure that the span has its ids; return whether it has."""
        if not self._span and self._recorder.enabled:
            self._identify(current_context())
        return bool(self._span)

    def _remember(self) -> None:
        """Let foreign spans below this one, which was started by hand, lead back to it."""
        _by_hand[self._span] = self

    def extra(self) -> Extra:
        """Return the span's extras, made if there were none."""
        known = self._extra
        if known is None:
            known = self._extra = Extra()
        return known

    # -- content -----------------------------------------------------------------------------------

    def has(self, key: str) -> bool:
        """Return whether a value was set for this content key."""
        return key in self._content

    def keep(self, key: str, value: Any) -> None:
        """Serialise and redact a value as it is now, for this content key."""
        recorder = self._recorder
        captured = recorder.capture(value)
        if key in self._content:
            self._place = None  # it is not what was said at the start any more
        self._content[key] = captured
        if key in ENVELOPE_KEYS:
            self._options = self._options.with_content({key: recorder.redactor.text(clean(value))})

    def first_token(self) -> None:
        """Record the seconds from the start of a prompt to now as its `time_to_first_token`."""
        now = self._recorder.clock() // 1000
        self._set("time_to_first_token", max(now - self._started_at, 0) / 1_000_000)

    def _open(self) -> bool:
        return self._recorder.enabled and self._state != ENDED

    def _value(self, key: str) -> Any:
        """Return what was set; of what a decorator captured, the JSON value."""
        if key in self._values:
            return self._values[key]
        fragment = self._content.get(key)
        return None if fragment is None else orjson.loads(fragment)

    def _set(self, key: str, value: Any) -> None:
        if self._inert:
            return
        # The program reads back what it set, whether or not it is recorded.
        self._values[key] = value
        try:
            if self._open():
                self.keep(key, value)
        except Exception as error:  # noqa: BLE001
            self._recorder.failed(error, key)

    # -- records -----------------------------------------------------------------------------------

    def append_version(self, version: bytes) -> None:
        """Append the run as it is now to the journal; `version` is the header's part that changes."""
        recorder, scope, static, extra = self._recorder, self._scope, self._options.static, self._extra
        if extra is None or (extra.attributes is None and not extra.via and not extra.error_member):
            envelope = scope.envelopes.get(static) or scope.envelope(static)
        else:
            envelope = scope.special(static, extra.attributes, extra.via + extra.error_member)
        pieces = parts(self._fixed, version, envelope, self._content)
        limit = recorder.max_content_bytes
        if sum(map(len, pieces)) > limit:
            with LOADING:
                from agenttrace.record.clip import clip
            pieces = parts(self._fixed, version, envelope, clip(self._content, limit))
        recorder.append_parts(RUN, *pieces)

    def _write_start(self, status: int) -> None:
        if self._extra is not None and self._extra.announced and status == IS_RUNNING:
            self._note_start(self._extra, self._recorder.clock() // 1000)
        revision = self._revision
        self._revision = revision + 1
        if revision == 0 and status == IS_RUNNING and not self._flags:
            self.append_version(FIRST_VERSION)
        else:
            self.append_version(_pack_version(OPEN, 0, revision, RANK_START, status, self._flags))

    def _note_start(self, extra: Extra, now: int) -> None:
        """Keep when a run begins that was announced before: its start time is that of the announcement."""
        extra.announced = False
        if extra.attributes is None:
            extra.attributes = {}
        extra.attributes[STARTED] = b"[%d,%d]" % (max(now, self._started_at), next(self._recorder.sequence))

    def finish(self) -> None:
        """End the span as it is, now."""
        recorder = self._recorder
        try:
            if self._state in (RUNNING, PENDING):
                self._write_end(recorder.clock() // 1000)
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, "end")

    def _write_end(self, now: int) -> None:
        recorder, extra, begun = self._recorder, self._extra, self._started_at
        self._state, status = ENDED, IS_SUCCESS
        if extra is not None and self._has_failed(extra):
            status = IS_FAILED
        if extra is not None and extra.announced:
            self._note_start(extra, now)
        self._end_time, self._end_number, self._end_status = max(now, begun), next(recorder.sequence), status
        self._write_end_version()
        if extra is not None and extra.events:
            self._write_late_events(extra.events)

    def _write_end_version(self) -> None:
        revision = self._revision
        self._revision = revision + 1
        if self._generation == self._recorder.generation:
            revision |= HOME
        self.append_version(
            _pack_version(self._end_time, self._end_number, revision, RANK_END, self._end_status, self._flags)
        )

    def _rewrite(self) -> None:
        """Write the span's present version again, since it learnt an id."""
        if self._state == ENDED:
            self._write_end_version()
        elif self._state != NEW:
            self._write_start(IS_PENDING if self._state == PENDING else IS_RUNNING)

    def _has_failed(self, extra: Extra) -> bool:
        if extra.error is None and extra.failed is not None:
            known = extra.exception
            described = None if known is None else failure.describe(known)
            extra.error = described or {"type": "Error", "message": extra.failed or None, "stack": None}
        if extra.error is None:
            return False
        redact = self._recorder.redactor
        clean = {key: redact.text(value) if isinstance(value, str) else value for key, value in extra.error.items()}
        extra.error_member = f',"error":{self._recorder.capture(clean).decode()}'
        return True

    # -- events ------------------------------------------------------------------------------------

    def _event(self, kind: str, data: dict[str, Any], time: int | None = None) -> None:
        recorder = self._recorder
        if not recorder.enabled:
            return
        try:
            self._known()
            when = recorder.clock() // 1000 if time is None else time
            body = recorder.capture(data)
            event: Event = (kind, when, next(recorder.sequence), body)
            self._write_event(event)
            if "session_id" not in self._scope.ids and self._state != ENDED:
                # Its session may become known before the span ends; the event is written again then.
                self.extra().events.append(event)
        except Exception as error:  # noqa: BLE001
            recorder.failed(error, kind)

    def _write_event(self, event: Event) -> None:
        kind, when, sequence, body = event
        head = (
            f'{{"trace":"{self._trace.hex()}","span":"{self._span.hex()}","time":{when},"seq":{sequence},'
            f'"turn":{self._turn},"type":"{kind}"{self._scope.ids_json()}}}\n'
        )
        self._recorder.append(EVENT, head.encode() + body)

    def _write_late_events(self, events: list[Event]) -> None:
        scope = self._scope.filled((self._root or self)._scope)
        if "session_id" in scope.ids:
            self._scope = scope
            for event in events:
                self._write_event(event)


def _parent_of(foreign: otel.Span) -> bytes:
    """Return the span id of a foreign span's parent, where it tells: SDK spans do."""
    known = getattr(foreign, "parent", None)
    return known.span_id.to_bytes(8, "big") if isinstance(known, SpanContext) else NO_PARENT


def parts(fixed: bytes, version: bytes, envelope: bytes, content: dict[str, bytes]) -> list[bytes]:
    """Return a RUN payload, in pieces."""
    pieces = [fixed, version, envelope]
    for key, fragment in content.items():
        pieces += (KEY_JSON[key], fragment)
    return pieces


if TYPE_CHECKING or not NATIVE:
    from agenttrace.record.usual import begin_in_python as begin
    from agenttrace.record.usual import end_in_python as end
    from agenttrace.record.usual import fill_in_python as fill
    from agenttrace.record.usual import opened_in_python as opened
else:
    from agenttrace.record import _native

    _native.prepare(
        *(CONTEXT.get, CONTEXT.set, CONTEXT.reset, Context, CURRENT, OURS, SCOPE),
        *(KEY_JSON, ENVELOPE_KEYS, UNSET, RUN, FIRST_VERSION),
    )
    opened, fill, begin, end = _native.opened, _native.fill, _native.begin, _native.end
