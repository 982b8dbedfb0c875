"""The SQL statements of the stores, in what SQLite and PostgreSQL have in common. Text only: nothing runs here.

Parameters are question marks. No statement contains a question mark or a percent sign otherwise.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

from agenttrace.model.rows import AgentRow, ConversationRow, EventRow, RunRow, SessionRow

__all__ = [
    "ANCESTORS",
    "ANY_ORPHAN",
    "EVENT_COLUMNS",
    "OUTLINE",
    "PUT_AGENT",
    "PUT_CONTACT",
    "PUT_CONVERSATION",
    "PUT_EVENT",
    "PUT_RUN",
    "PUT_SESSION",
    "PUT_SESSION_AGENT",
    "RESET_EVENTS",
    "RESET_SESSION",
    "RUN_COLUMNS",
    "SESSION_COLUMNS",
    "TRACE",
    "columns_of",
    "marks",
    "of_many",
]


def columns_of(row: type[Any]) -> tuple[str, ...]:
    """Return the columns of a row class in the order in which its constructor takes them."""
    positional = [field.name for field in fields(row) if not field.kw_only]
    return (*positional, *(field.name for field in fields(row) if field.kw_only))


def marks(count: int) -> str:
    """Return so many parameters.

    >>> marks(3)
    '?, ?, ?'
    """
    return ", ".join("?" * count)


@lru_cache(maxsize=64)
def of_many(insert: str, rows: int) -> str:
    """Return an INSERT of one row as one of several.

    >>> of_many("INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING", 2)
    'INSERT INTO t (a) VALUES (?), (?) ON CONFLICT DO NOTHING'
    """
    head, _, rest = insert.partition(" VALUES (")
    row, _, tail = rest.partition(")")
    return f"{head} VALUES {', '.join([f'({row})'] * rows)}{tail}"


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' if name == "key" else name for name in columns)


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({_names(columns)}) VALUES ({marks(len(columns))})"  # noqa: S608


_RUN = columns_of(RunRow)
_EVENT = columns_of(EventRow)
_SESSION = columns_of(SessionRow)

RUN_COLUMNS = _names(_RUN)
EVENT_COLUMNS = _names(_EVENT)
SESSION_COLUMNS = _names(_SESSION)

PUT_RUN = f"""{_insert("run", _RUN)}
ON CONFLICT (workspace_id, id) DO UPDATE SET
{", ".join(f"{name} = excluded.{name}" for name in _RUN if name not in ("workspace_id", "id"))}
WHERE excluded.version >= run.version"""

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

_OUTLINE = tuple(f"NULL AS {name}" if name in ("content", "error", "attributes") else name for name in _RUN)

#: The same without what may be large.
OUTLINE = TRACE.replace(RUN_COLUMNS, ", ".join(_OUTLINE))

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
