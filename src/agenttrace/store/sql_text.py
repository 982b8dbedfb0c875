"""The SQL statements of the stores, in what SQLite and PostgreSQL have in common. Text only: nothing runs here.

Parameters are question marks. No statement contains a question mark or a percent sign otherwise.
"""

from __future__ import annotations

from functools import lru_cache

from agenttrace.model.rows import (
    AgentRow,
    ApiKeyRow,
    AuditRow,
    ConversationRow,
    DeadLetterRow,
    EventRow,
    LogRow,
    ProcessRow,
    RunRow,
    SessionRow,
    SpanRow,
    columns_of,
)

__all__ = [
    "ADD_KEY",
    "ADD_RUN",
    "ANCESTORS",
    "ANY_ORPHAN",
    "AUDIT_COLUMNS",
    "DISCARD_LETTER",
    "EVENTS_BETWEEN",
    "EVENT_COLUMNS",
    "FORGET_PROCESS",
    "KEY_COLUMNS",
    "LAST_LETTER",
    "LAST_RUN",
    "LETTERS",
    "LETTER_FIGURES",
    "LETTER_ORDER",
    "LOGS",
    "NOTHING",
    "OPEN_SPANS",
    "OUTLINE",
    "OUTLINED",
    "PROCESSES",
    "PUT_AGENT",
    "PUT_AUDIT",
    "PUT_CONTACT",
    "PUT_CONVERSATION",
    "PUT_EVENT",
    "PUT_LETTER",
    "PUT_LOG",
    "PUT_PROCESS",
    "PUT_RUN",
    "PUT_SESSION",
    "PUT_SESSION_AGENT",
    "PUT_SPAN",
    "RESET_EVENTS",
    "RESET_SESSION",
    "REVOKE_KEY",
    "RUN_COLUMNS",
    "SESSION_COLUMNS",
    "SPANS",
    "STAMPED",
    "TRACE",
    "TREE_STAMP",
    "USE_KEY",
    "columns_of",
    "marks",
    "of_many",
    "of_traces",
    "run_columns",
]


#: A number that no column has. Floating point, since the driver of SQLite binds that quickest; and one that is exact.
NOTHING = -0.5


def marks(count: int) -> str:
    """Return so many parameters.

    >>> marks(3)
    '?, ?, ?'
    """
    return ", ".join("?" * count)


@lru_cache(maxsize=256)
def of_many(insert: str, rows: int, places: tuple[int, ...], gaps: tuple[int, ...] = ()) -> str:
    """Return an INSERT of one row as one of several, and of the columns at these places alone.

    At those of `gaps` NOTHING means NULL.

    >>> insert = "INSERT INTO t (a, b, c) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
    >>> of_many(insert, 2, (0, 2))
    'INSERT INTO t (a, c) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING'
    >>> print(of_many(insert, 2, (0, 2), (2,)))
    INSERT INTO t (a, c) SELECT column1, CASE column2 WHEN -0.5 THEN NULL ELSE column2 END
    FROM (VALUES (?, ?), (?, ?)) WHERE TRUE ON CONFLICT DO NOTHING
    """
    head, _, rest = insert.partition(" VALUES (")
    table, _, names = head[:-1].partition(" (")
    columns = names.split(", ")
    every = "VALUES " + ", ".join([f"({marks(len(places))})"] * rows)
    if gaps:
        # A parameter that is named twice needs a number, and numbers of parameters are looked for one by one: by SQLite
        # where it prepares a statement, and from Python 3.12 on by the driver, for each value. And no function, such as
        # NULLIF: since it could fail, SQLite would prepare for taking the statement back (ADD_RUN).
        values = [_or_null(f"column{number}", place in gaps) for number, place in enumerate(places, 1)]
        every = f"SELECT {', '.join(values)}\nFROM ({every}) WHERE TRUE"  # without WHERE it would take ON for a join's
    tail = rest.partition(")")[2]
    return f"{table} ({', '.join(columns[place] for place in places)}) {every}{tail}"


def _or_null(value: str, has_gaps: bool) -> str:
    return f"CASE {value} WHEN {NOTHING} THEN NULL ELSE {value} END" if has_gaps else value


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' if name == "key" else name for name in columns)


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({_names(columns)}) VALUES ({marks(len(columns))})"  # noqa: S608


_RUN = columns_of(RunRow)
_EVENT = columns_of(EventRow)
_SESSION = columns_of(SessionRow)

RUN_COLUMNS = _names(_RUN)

#: What is read of every run: it is put in order by it, and a prompt is made whole.
_ALWAYS = frozenset(("workspace_id", "id", "start_time", "history_link", "context_link"))


@lru_cache(maxsize=64)
def run_columns(fields: frozenset[str] | None) -> str:
    """Return RUN_COLUMNS with NULL for what nobody reads: most of what a page of runs costs is reading columns."""
    if fields is None:
        return RUN_COLUMNS
    read = fields | _ALWAYS
    return ", ".join(name if name in read else "NULL" for name in _RUN)


EVENT_COLUMNS = _names(_EVENT)
SESSION_COLUMNS = _names(_SESSION)

PUT_RUN = f"""{_insert("run", _RUN)}
ON CONFLICT (workspace_id, id) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _RUN if name not in ("workspace_id", "id"))}
WHERE excluded.version >= run.version"""

#: The same for runs that are not stored, in SQLite, where no other writer comes between. With a conflict clause, or
#: without `OR ROLLBACK`, it would copy each page that an INSERT of several rows changes to a temporary file before, so
#: that it could take back that statement alone.
ADD_RUN = _insert("run", _RUN).replace("INSERT", "INSERT OR ROLLBACK", 1)

LAST_RUN = "SELECT id FROM run WHERE workspace_id = ? ORDER BY id DESC LIMIT 1"

PUT_EVENT = f"""{_insert("event", _EVENT)}
ON CONFLICT (workspace_id, id) DO UPDATE SET session_id = excluded.session_id, hidden = excluded.hidden
WHERE event.session_id IS NULL AND excluded.session_id IS NOT NULL"""

_KEPT = ("agent_key", "user_id", "team_id", "conversation_id", "call_sid")

PUT_SESSION = f"""{_insert("session", _SESSION)}
ON CONFLICT (workspace_id, id) DO UPDATE SET
{", ".join(f"{name} = COALESCE(session.{name}, excluded.{name})" for name in _KEPT)},
created_at = CASE WHEN excluded.created_at < session.created_at THEN excluded.created_at ELSE session.created_at END,
last_message_at = CASE WHEN session.last_message_at IS NULL OR excluded.last_message_at > session.last_message_at
  THEN excluded.last_message_at ELSE session.last_message_at END"""

PUT_AGENT = f"""{_insert("agent", columns_of(AgentRow))}
ON CONFLICT (workspace_id, "key") DO UPDATE SET name = excluded.name, named_at = excluded.named_at
WHERE excluded.name IS NOT NULL AND (agent.name IS NULL OR excluded.named_at > agent.named_at
  OR (excluded.named_at = agent.named_at AND excluded.name > agent.name))"""

PUT_CONTACT = f"{_insert('contact', ('workspace_id', 'id'))} ON CONFLICT DO NOTHING"

PUT_SESSION_AGENT = f"{_insert('session_agent', ('workspace_id', 'session_id', 'agent_key'))} ON CONFLICT DO NOTHING"

PUT_CONVERSATION = f"""{_insert("conversation", columns_of(ConversationRow))}
ON CONFLICT (workspace_id, id) DO UPDATE SET call_sid = COALESCE(conversation.call_sid, excluded.call_sid),
session_id = COALESCE(conversation.session_id, excluded.session_id)"""

#: A trace's runs are found by their range of ids, since a run's id begins with its trace's.
TRACE = f"""SELECT {RUN_COLUMNS} FROM run
WHERE workspace_id = ? AND id >= ? AND id <= ? AND trace_id = ?"""  # noqa: S608


#: What TREE_STAMP calls its columns.
STAMPED = ("place", "runs", "figure")

#: One sum for all that may change: versions modulo a prime of 40 bits (sums of whole ones would not fit into an
#: integer), and above that how many runs are roots, and how many have no contact of their own.
TREE_STAMP = """{place} AS place, count(*) AS runs, COALESCE(sum(version % 1099511627689
+ CASE WHEN is_root THEN 2199023255552 ELSE 0 END + CASE WHEN ai_contact_id IS NULL THEN 4398046511104 ELSE 0 END), 0)
AS figure"""


@lru_cache(maxsize=64)
def of_traces(columns: str, ranges: int) -> str:
    """Return the statement for these columns of the runs in so many ranges of ids, the first of them at `place` 0."""
    one = f"SELECT {columns} FROM run WHERE workspace_id = ? AND id >= ? AND id <= ?"  # noqa: S608
    return " UNION ALL ".join(one.replace("{place}", str(place)) for place in range(ranges))


_OUTLINE = tuple(f"NULL AS {name}" if name in ("content", "error", "attributes") else name for name in _RUN)

#: The same without what may be large.
OUTLINED = ", ".join(_OUTLINE)
OUTLINE = TRACE.replace(RUN_COLUMNS, OUTLINED)

ANY_ORPHAN = "SELECT 1 FROM run WHERE workspace_id = ? AND is_root AND parent_id IS NOT NULL LIMIT 1"

ANCESTORS = """WITH RECURSIVE up (id, parent_id) AS (
  SELECT id, parent_id FROM run WHERE workspace_id = ? AND id = ?
  UNION
  SELECT above.id, above.parent_id FROM up JOIN run AS above ON above.workspace_id = ? AND above.id = up.parent_id
) SELECT id, parent_id FROM up"""

#: Parameters: reset_at, workspace_id, session_id.
RESET_SESSION = "UPDATE session SET last_message_at = NULL, reset_at = ? WHERE workspace_id = ? AND id = ?"

#: Parameters: workspace_id, session_id. `event` is the table with its index.
RESET_EVENTS = (
    "DELETE FROM {event} WHERE workspace_id = ? AND session_id = ? AND NOT hidden AND type <> 'input_message'",
    "UPDATE {event} SET hidden = TRUE WHERE workspace_id = ? AND session_id = ? AND NOT hidden",
)

SPAN_COLUMNS = _names(columns_of(SpanRow))
LOG_COLUMNS = _names(columns_of(LogRow))
PUT_SPAN = f"{_insert('span', columns_of(SpanRow))} ON CONFLICT DO NOTHING"
PUT_LOG = f"{_insert('log', columns_of(LogRow))} ON CONFLICT DO NOTHING"

SPANS = f"SELECT {SPAN_COLUMNS} FROM span WHERE workspace_id = ? AND trace_id = ?"  # noqa: S608
LOGS = f"SELECT {LOG_COLUMNS} FROM log WHERE workspace_id = ? AND trace_id = ?"  # noqa: S608

#: Parameters: process_id.
OPEN_SPANS = f"""SELECT {SPAN_COLUMNS} FROM span
WHERE process_id = ? AND NOT EXISTS (SELECT 1 FROM span AS later WHERE later.workspace_id = span.workspace_id
  AND later.trace_id = span.trace_id AND later.span_id = span.span_id AND later.version > span.version)"""  # noqa: S608

#: Parameters: workspace_id, session_id, two ids. `event` is the table with its index.
EVENTS_BETWEEN = f"""SELECT {EVENT_COLUMNS} FROM {{event}}
WHERE workspace_id = ? AND session_id = ? AND NOT hidden AND id >= ? AND id <= ?"""  # noqa: S608

AUDIT_COLUMNS = _names(columns_of(AuditRow))
PUT_AUDIT = f"{_insert('audit', columns_of(AuditRow))} ON CONFLICT DO NOTHING"

PROCESSES = f"SELECT {_names(columns_of(ProcessRow))} FROM process"  # noqa: S608
PUT_PROCESS = f"""{_insert("process", columns_of(ProcessRow))}
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at"""
FORGET_PROCESS = "DELETE FROM process WHERE id = ?"

#: For conditions on columns of its own to follow.
LETTERS = f"SELECT {_names(columns_of(DeadLetterRow))} FROM dead_letter WHERE TRUE"  # noqa: S608
LETTER_ORDER = "ORDER BY time, id"
PUT_LETTER = f"""{_insert("dead_letter", columns_of(DeadLetterRow))}
ON CONFLICT (id) DO UPDATE SET time = excluded.time, error = excluded.error"""
DISCARD_LETTER = "DELETE FROM dead_letter WHERE id = ?"
#: Parameters: since.
LETTER_FIGURES = """SELECT count(*), COALESCE(sum(CASE WHEN time >= ? THEN 1 ELSE 0 END), 0),
COALESCE(sum(length(payload)), 0) FROM dead_letter"""
LAST_LETTER = "SELECT time, error FROM dead_letter ORDER BY time DESC, id DESC LIMIT 1"

KEY_COLUMNS = _names(columns_of(ApiKeyRow))
ADD_KEY = _insert("api_key", columns_of(ApiKeyRow))
#: Parameters: revoked_at, workspace_id, id.
REVOKE_KEY = "UPDATE api_key SET revoked_at = ? WHERE workspace_id = ? AND id = ? AND revoked_at IS NULL"
#: Parameters: last_used_at, workspace_id, id, last_used_at.
USE_KEY = """UPDATE api_key SET last_used_at = ?
WHERE workspace_id = ? AND id = ? AND (last_used_at IS NULL OR last_used_at < ?)"""
