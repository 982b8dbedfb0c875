"""Version 2: texts of prompts once, as links of chains; whom traces are about, so that they can be erased; heartbeats.

Only SQLite files were ever of version 1. Their rows stay as they are: prompts of version 1 have no links, their texts
stand in their runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Integer, LargeBinary, Text, text

if TYPE_CHECKING:
    from alembic.operations import Operations

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"

_INDEXES = (
    ("event_run", "event", ["workspace_id", "run_id"]),
    ("span_time", "span", ["workspace_id", "start_time"]),
    ("log_time", "log", ["workspace_id", "time"]),
)
#: Whom the runs of version 1 name: 1 user, 2 contact, 3 session, 4 conversation. The large table is read once.
_SUBJECTS = """
INSERT OR IGNORE INTO subject
SELECT workspace_id, kind, "key", trace_id FROM (
    SELECT workspace_id, trace_id, kind, CASE kind
        WHEN 1 THEN CASE WHEN instr(user_id, char(0)) THEN user_id ELSE substr(user_id, 1, 64) END
        WHEN 2 THEN nullif(lower(hex(ai_contact_id)), '')
        WHEN 3 THEN nullif(lower(hex(session_id)), '')
        WHEN 4 THEN nullif(lower(hex(conversation_id)), '')
    END AS "key"
    FROM run CROSS JOIN (SELECT 1 AS kind UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)
) WHERE "key" IS NOT NULL
"""
#: Users whose ids have NUL characters, at which SQLite's substr would end.
_ODD_USERS = 'SELECT workspace_id, "key", trace_id FROM subject WHERE kind = 1 AND instr("key", char(0))'


def upgrade(op: Operations) -> None:
    """Bring version 1 here."""
    _links(op)
    _subjects(op)
    _processes(op)
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    op.create_index("event_hidden", "event", ["workspace_id", "session_id"], sqlite_where=text("hidden"))
    op.drop_index("session_owner", "session")
    op.create_index("session_owner", "session", ["workspace_id", "user_id", "team_id"])


def _links(op: Operations) -> None:
    op.create_table(
        "link",
        Column("workspace_id", LargeBinary(), primary_key=True),
        Column("hash", LargeBinary(), primary_key=True),
        Column("kind", Text(), nullable=False),
        Column("previous", LargeBinary()),
        Column("created_at", Integer(), nullable=False),
        Column("data", Text(), nullable=False),
    )
    op.create_index("link_previous", "link", ["previous"], sqlite_where=text("previous IS NOT NULL"))
    for name in ("history_link", "context_link"):
        op.add_column("run", Column(name, LargeBinary()))
        op.create_index(f"run_{name}", "run", [name], sqlite_where=text(f"{name} IS NOT NULL"))


def _subjects(op: Operations) -> None:
    op.create_table(
        "subject",
        Column("workspace_id", LargeBinary(), primary_key=True),
        Column("kind", Integer(), primary_key=True),
        Column("key", Text(), primary_key=True),
        Column("trace_id", LargeBinary(), primary_key=True),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    connection.exec_driver_sql(_SUBJECTS)
    for workspace, user, trace in connection.exec_driver_sql(_ODD_USERS).fetchall():
        if len(user) > 64:
            connection.exec_driver_sql(
                'DELETE FROM subject WHERE workspace_id = ? AND kind = 1 AND "key" = ? AND trace_id = ?',
                (workspace, user, trace),
            )
            row = (workspace, user[:64], trace)
            connection.exec_driver_sql("INSERT OR IGNORE INTO subject VALUES (?, 1, ?, ?)", row)


def _processes(op: Operations) -> None:
    op.create_table(
        "process",
        Column("id", LargeBinary(), primary_key=True),
        Column("host", Text(), nullable=False),
        Column("boot_id", Text(), nullable=False),
        Column("pid", Integer(), nullable=False),
        Column("started_at", Integer(), nullable=False),
        Column("seen_at", Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
