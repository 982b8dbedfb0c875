"""The records that recording appends to the journal and the writer reads from it. Pure.

Times are integer microseconds since the epoch; process sequences order what one process did. A payload's last part is
one line of JSON or nothing, and no JSON in it contains a raw newline.

RUN      one version of one run, whole: the greatest rank, then revision, then content hash wins. Four parts:
         FIXED     trace id, span id, parent's span id (NO_PARENT: none), start, start of the turn's root, sequence of
                   the start; the same in all versions
         VERSION   end (OPEN: none), sequence of the end, revision, rank (RANK_*), status (place in STATUSES),
                   flags
         envelope  one JSON object and a newline, mostly the same from run to run, so that it is made and read once:
                   type, name                  run type and name
                   scope                       {id name: text as the user gave it}, see SCOPE_IDS
                   attributes                  free JSON object; see STARTED
                   error                       {"type", "message", "stack"}
                   prompt_type, state_name     of a prompt run, so that the writer need not read the content
                   source, provider, service   instrumentation (absent: "agenttrace"), model provider, service id
                   via                         span id of a foreign span between the run and its parent
         content   the members of the content's JSON object, a comma before each: `,"input":1,"output":2`; or nothing
EVENT    one event of a span, besides those that its start and end imply: an envelope, a newline, and the event's data
         ({"content": text} or {"messages": [...]}). The envelope has trace and span (32 and 16 hex digits), time, seq,
         turn, scope, type ("thinking", "input_message", "agent_output", "log")
ENTITY   something that exists before its first run: entity ("contact", "session" or "agent"), id, name, time, scope
SPAN     one version of another library's span, three lines: a head, the span's attributes (an object), and its events
         (a list of {"name", "time", "attributes"}) or nothing. The head's members; those without a value are absent:
         trace, span, parent         hex digits; remote: true, where the parent lives in another process
         name, kind, start, end      kind "internal", "client", ...; without an end the span is still open
         status, message             "ok" or "error", and its description
         links                       [{"trace_id", "span_id", "attributes"}]
         lib, resource               {"name", "version", "schema"} of the instrumentation; the resource's attributes
         dropped                     [attributes, events, links]: how many the sender dropped
         scope, inherited            our ids and free attributes where it started
         run_type                    what the user says it is
LOG      one log record inside such a span: a head (trace, span, time, name, severity, scope; order, where it is not 0:
         what orders those of one microsecond), a newline, and {"body", "attributes"}
AUDIT    one thing that a caller read or changed: a head (time, random bits, which with the time make the row's id,
         rows, status, -1: none) and three lines: who did what (a JSON object of action, workspace, user, key, role;
         the same again and again, so that it is made and read once), the request's id (text or null), the filters
KEY_USED an API key was used: key (its public id), workspace, time

Flags: REMOTE, the parent is not a span that this process recorded; SPREAD, this run knows an id that its root lacks, or
learnt one late.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

__all__ = [
    "AUDIT",
    "ENTITY",
    "EVENT",
    "FIXED",
    "KEY_USED",
    "NO_PARENT",
    "OPEN",
    "PROMOTED",
    "RANK_ABANDONED",
    "RANK_ALIVE",
    "RANK_DERIVED",
    "RANK_END",
    "RANK_START",
    "REMOTE",
    "RUN",
    "SCOPE_IDS",
    "SPAN",
    "SPREAD",
    "STARTED",
    "STATUSES",
    "VERSION",
    "Note",
    "RunRecord",
    "has_ended",
    "read_note",
    "read_run",
    "write_note",
    "write_run",
]

RUN = 1
EVENT = 2
ENTITY = 3
SPAN = 4
LOG = 5
AUDIT = 6
KEY_USED = 7

FIXED = Struct("<16s8s8sqqQ")
VERSION = Struct("<qQIBBBx")
_JSON = FIXED.size + VERSION.size
OPEN = -(1 << 63)
NO_PARENT = bytes(8)
STATUSES: tuple[str, ...] = ("pending", "running", "success", "failed")
REMOTE = 1
SPREAD = 2

#: By which versions of one run compare first, see `versions.py`. This one is of runs that foreign spans mean: every
#: version of a run of our own is greater.
RANK_DERIVED = 0
RANK_START = 1
RANK_ABANDONED = 2
RANK_ALIVE = 3
RANK_END = 4

#: The ids that spans inherit.
SCOPE_IDS = (
    "workspace_id",
    "agent_key",
    "session_id",
    "conversation_id",
    "call_sid",
    "ai_contact_id",
    "user_id",
    "team_id",
)

#: Attribute of a run that was announced before it began: [time, sequence] of its beginning. Its start is when it was
#: announced.
STARTED = "agenttrace.started"

#: Attributes that have a column of their own, since a view filters by them.
PROMOTED = ("interaction_type", "widget_id", "placement_id", "deployment_type")


class RunRecord:  # no named tuple, which would take longer to make than a span: every importing program waits
    """A RUN payload taken apart; `envelope` and `content` are still JSON (content may be empty). Never changed."""

    __slots__ = (
        "content",
        "end",
        "end_seq",
        "envelope",
        "flags",
        "parent",
        "rank",
        "revision",
        "seq",
        "span",
        "start",
        "status",
        "trace",
        "turn",
    )

    def __init__(
        self,
        trace: bytes,
        span: bytes,
        parent: bytes | None,
        start: int,
        end: int | None,
        turn: int,
        seq: int,
        end_seq: int,
        revision: int,
        rank: int,
        status: str,
        flags: int,
        envelope: bytes,
        content: bytes,
    ) -> None:
        self.trace = trace
        self.span = span
        self.parent = parent
        self.start = start
        self.end = end
        self.turn = turn
        self.seq = seq
        self.end_seq = end_seq
        self.revision = revision
        self.rank = rank
        self.status = status
        self.flags = flags
        self.envelope = envelope
        self.content = content

    def replaced(self, **values: Any) -> RunRecord:
        """Return a record with other values."""
        return RunRecord(**{name: getattr(self, name) for name in self.__slots__} | values)


def read_run(payload: bytes) -> RunRecord:
    """Take a RUN payload apart. Raises ValueError where it is none."""
    cut = payload.find(b"\n", _JSON)
    if cut < 0 or payload[_JSON] != 0x7B:
        raise ValueError("payload: no RUN record")
    trace, span, parent, start, turn, seq = FIXED.unpack_from(payload)
    end, end_seq, revision, rank, status, flags = VERSION.unpack_from(payload, FIXED.size)
    if not 0 <= int(status) < len(STATUSES):
        raise ValueError(f"payload: unknown status {status}")
    content = payload[cut + 2 :]
    return RunRecord(
        trace,
        span,
        None if parent == NO_PARENT else parent,
        start,
        None if end == OPEN else end,
        turn,
        seq,
        end_seq,
        revision,
        rank,
        STATUSES[int(status)],
        flags,
        payload[_JSON:cut],
        b"{" + content + b"}" if content else b"",
    )


def has_ended(payload: bytes) -> bool:
    """Return whether a RUN payload is of a run that has ended."""
    return VERSION.unpack_from(payload, FIXED.size)[0] != OPEN


def write_run(record: RunRecord) -> bytes:
    """Return the payload of a record: what `read_run` takes apart.

    >>> payload = FIXED.pack(b"t" * 16, b"s" * 8, NO_PARENT, 1, 1, 2) + VERSION.pack(OPEN, 0, 0, 1, 1, 0)
    >>> payload += b'{"type":"x","name":"y"}\\n,"input":1'
    >>> write_run(read_run(payload)) == payload
    True
    """
    fixed = FIXED.pack(record.trace, record.span, record.parent or NO_PARENT, record.start, record.turn, record.seq)
    version = VERSION.pack(
        OPEN if record.end is None else record.end,
        record.end_seq,
        record.revision,
        record.rank,
        STATUSES.index(record.status),
        record.flags,
    )
    content = b"," + record.content[1:-1] if len(record.content) > 2 else b""
    return fixed + version + record.envelope + b"\n" + content


_NOTE = Struct("<qQqq")
_NO_STATUS = -1

#: Time, random bits, rows, status, and the three lines.
Note = tuple[int, int, int, int | None, bytes, bytes, bytes]


def read_note(payload: bytes) -> Note:
    """Take an AUDIT payload apart: time, random bits, rows, status, caller, request, filters. Raises ValueError."""
    if len(payload) < _NOTE.size:
        raise ValueError("payload: no AUDIT record")
    time, rest, rows, status = _NOTE.unpack_from(payload)
    caller, request, filters = payload[_NOTE.size :].split(b"\n", 2)
    return time, rest, rows, None if status == _NO_STATUS else status, caller, request, filters


def write_note(note: Note) -> bytes:
    """Return the payload of a note: what `read_note` takes apart.

    >>> note = (5, 7, 20, None, b'{"action":"read"}', b"null", b"{}")
    >>> read_note(write_note(note)) == note
    True
    """
    time, rest, rows, status, *lines = note
    return _NOTE.pack(time, rest, rows, _NO_STATUS if status is None else status) + b"\n".join(lines)
