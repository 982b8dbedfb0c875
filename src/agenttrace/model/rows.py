"""The rows that stores keep: values without behaviour, made by `store.batch` and read by `query`. No I/O.

Times are integer microseconds since the Unix epoch, UTC. Ids are the 16 bytes of a UUID. JSON is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

try:
    from agenttrace.model import _rows
except ImportError:  # built without a compiler
    _rows = None

__all__ = [
    "RUN_FIELDS",
    "TREE_ROW",
    "AgentRow",
    "ApiKeyRow",
    "AuditRow",
    "ContactRow",
    "ConversationRow",
    "DeadLetterRow",
    "EventRow",
    "LetterFigures",
    "LogRow",
    "ProcessRow",
    "RunFigures",
    "RunRow",
    "SessionRow",
    "SpanRow",
    "TreeRow",
    "TreeStamp",
    "columns_of",
    "run_of_values",
    "values_of_run",
]

if TYPE_CHECKING:
    from agenttrace.model._rows import RunFields as _Fields
else:
    _Fields = object if _rows is None else _rows.RunFields


@dataclass(slots=True)
class RunRow(_Fields):
    """One stored run. Field order is the column order of the `run` table. Values are texts, bytes, numbers or None."""

    workspace_id: bytes
    id: bytes
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    is_root: bool  # no parent, or a parent that the store does not hold (yet)
    run_type: str
    name: str
    status: str  # pending, running, success, failed
    start_time: int
    end_time: int | None
    version: int
    process_id: bytes | None  # the recording process while the run is open; None for pending runs
    turn_time: int  # start of the root of this run's turn, as far as the recording process knew
    seq: int  # process sequence of the start: orders runs of one instant
    end_seq: int | None
    agent_key: str | None
    session_id: bytes | None
    conversation_id: bytes | None
    call_sid: str | None
    ai_contact_id: bytes | None
    user_id: str | None
    team_id: str | None
    prompt_type: str | None
    state_name: str | None
    interaction_type: str | None
    widget_id: str | None
    placement_id: str | None
    deployment_type: str | None
    source: str
    source_system: str | None
    service_id: bytes | None
    ingested_at: int
    #: JSON {id name: version it comes from}, for ids that this version of the run did not know itself; 0 marks an id
    #: that was spread from the run's root. None where there are none, which is the rule.
    learnt: str | None = field(default=None, kw_only=True)
    #: The span id of the foreign span right above the run, where that is not its parent run.
    via: bytes | None = field(default=None, kw_only=True)
    #: Inside a SQL store: the links of which its content tells, see `store.links`. None in what a store returns.
    history_link: bytes | None = field(default=None, kw_only=True)
    context_link: bytes | None = field(default=None, kw_only=True)
    content: str | None
    error: str | None
    attributes: str | None


def columns_of(row: type[Any]) -> tuple[str, ...]:
    """Return the columns of a row class in the order in which its constructor takes them, those by name last."""
    positional = [one.name for one in fields(row) if not one.kw_only]
    return (*positional, *(one.name for one in fields(row) if one.kw_only))


RUN_FIELDS: Final = columns_of(RunRow)


def _run_of_values(values: Sequence[Any]) -> RunRow:
    return RunRow(**dict(zip(RUN_FIELDS, values, strict=True)))


#: `values_of_run(run)`: return a run's values as a tuple in the order of `RUN_FIELDS`.
values_of_run: Callable[[RunRow], tuple[Any, ...]]
#: `run_of_values(values)`: return the run that has the values of such a tuple, as they are.
run_of_values: Callable[[tuple[Any, ...]], RunRow]
if _rows is None:
    values_of_run, run_of_values = attrgetter(*RUN_FIELDS), _run_of_values
else:
    values_of_run, run_of_values = _rows.values, partial(_rows.row_of, RunRow)


#: The fields of a TreeRow, in order.
TREE_ROW = (
    "id",
    "parent_id",
    "is_root",
    "seq",
    "ai_contact_id",
    "run_type",
    "name",
    "status",
    "start_time",
    "end_time",
    "content",
    "error",
)

#: What a tree shows of a run: a plain tuple, as a database gives it, since a page may have thousands.
TreeRow: TypeAlias = tuple[
    bytes, bytes | None, bool, int, bytes | None, str, str, str, int, int | None, str | None, str | None
]

#: How many runs a tree's trace has, and a figure that differs once one of them is stored otherwise.
TreeStamp: TypeAlias = tuple[int, int]


class RunFigures(NamedTuple):
    """What sums need of a run: its times, and whose it was. `usage` and `cost` are JSON text from a prompt's content.

    They are None, or `null`, where the prompt has none, and for every other run.
    """

    id: bytes
    trace_id: bytes
    start_time: int
    end_time: int | None
    status: str
    session_id: bytes | None
    user_id: str | None
    usage: str | None
    cost: str | None


@dataclass(slots=True)
class EventRow:
    """One instant of a session. `data` is JSON, or None where the event's content is its run's.

    An `input_message`, `tool_input`, `tool_output` or `agent_output` that stems from a run's start or end carries no
    data: readers take it from the run. An event of a span without a session has no session_id and shows nowhere.
    """

    workspace_id: bytes
    id: str
    session_id: bytes | None
    run_id: bytes
    type: str  # input_message, thinking, tool_input, tool_output, agent_output, log
    created_at: int
    turn_time: int
    hidden: bool
    data: str | None


@dataclass(slots=True)
class SessionRow:
    """One session; `last_message_at` and `reset_at` are None until a message, a reset."""

    workspace_id: bytes
    id: bytes
    key: str
    agent_key: str | None
    user_id: str | None
    team_id: str | None
    conversation_id: bytes | None
    call_sid: str | None
    created_at: int
    last_message_at: int | None
    reset_at: int | None


@dataclass(slots=True, frozen=True)
class AgentRow:
    """One agent; `name` is its registered display name, the one that was registered last (at `named_at`)."""

    workspace_id: bytes
    key: str
    name: str | None
    named_at: int = 0


@dataclass(slots=True, frozen=True)
class ContactRow:
    """One AI contact that was registered, or named by a span."""

    workspace_id: bytes
    id: bytes


@dataclass(slots=True, frozen=True)
class ConversationRow:
    """One conversation: a call where a call_sid is known, else a text conversation."""

    workspace_id: bytes
    id: bytes
    call_sid: str | None
    session_id: bytes | None


@dataclass(slots=True, frozen=True)
class ApiKeyRow:
    """One API key: who it speaks for, and the hash of its secret. `team_ids` and `scopes` are JSON lists of text."""

    workspace_id: bytes
    id: str  # the public part of the key's text, see `model.keys`
    hash: bytes
    name: str
    user_id: str | None
    team_ids: str
    role: str
    scopes: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None


@dataclass(slots=True, frozen=True)
class AuditRow:
    """One thing that a caller read or changed. Its id, a UUID of version 7, sorts by `created_at`."""

    workspace_id: bytes
    id: bytes
    created_at: int
    action: str
    user_id: str | None
    key_id: str | None
    role: str | None
    filters: str  # JSON object
    row_count: int
    status: int | None
    request_id: str | None


@dataclass(slots=True, frozen=True)
class ProcessRow:
    """The heartbeat of one process that records. Its id is that of its journal; times are by its own clock."""

    id: bytes
    host: str
    boot_id: str
    pid: int
    started_at: int
    seen_at: int


@dataclass(slots=True)
class SpanRow:
    """One version of another library's span, raw. Runs are derived from all versions, see `store.raw.foreign_spans`.

    `data` is the JSON object of a SPAN record (`model.wire`): its head, with `attributes` and `events`.
    """

    workspace_id: bytes
    trace_id: bytes
    span_id: bytes
    version: int
    process_id: bytes | None  # the recording process of a version without an end
    start_time: int
    end_time: int | None
    data: str


@dataclass(slots=True)
class LogRow:
    """One log record inside another library's span, raw. `id` is a digest of it; `data` the JSON of a LOG record."""

    workspace_id: bytes
    trace_id: bytes
    id: bytes
    span_id: bytes
    time: int
    data: str


@dataclass(slots=True, frozen=True)
class DeadLetterRow:
    """One record that a store refused, set aside whole; `model.letters` makes it.

    `id` is a digest of process, kind and payload, so that the same record is kept once.
    """

    id: bytes
    workspace_id: bytes | None  # None: the record does not tell, or cannot be read
    time: int  # when it was set aside
    kind: int  # of the record, see `model.wire`
    process_id: bytes  # of the process that recorded it
    error: str  # why it was refused; without lone surrogates
    payload: bytes


@dataclass(slots=True, frozen=True)
class LetterFigures:
    """How many dead letters there are, and what the newest one's error is."""

    count: int
    recent: int  # of those, set aside at or after the time that was asked about
    bytes: int  # of their payloads
    newest: int | None
    last_error: str | None
