"""Version 2: texts of prompts once, as links of chains; indexes for purges by age, ascending ones; heartbeats; letters.

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
    ("span_time", "span", ["workspace_id", "start_time"]),
    ("log_time", "log", ["workspace_id", "time"]),
)

_SET = "IS NOT NULL"
_PROMPT = "run_type = 'prompt'"
_OLDEST_FIRST: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("run_time", "run", ("workspace_id", "start_time", "id DESC"), None),
    ("run_root_contact", "run", ("workspace_id", "ai_contact_id", "start_time", "id DESC"), "is_root"),
    ("run_prompt_time", "run", ("workspace_id", "start_time", "id DESC"), _PROMPT),
    *(
        (
            f"run_prompt_{name}",
            "run",
            ("workspace_id", column, "start_time", "id DESC"),
            f"{_PROMPT} AND {column} {_SET}",
        )
        for name, column in (("conversation", "conversation_id"), ("call", "call_sid"), ("session", "session_id"))
    ),
    (
        "run_interaction",
        "run",
        (
            "workspace_id",
            "start_time",
            "id DESC",
            "interaction_type",
            "run_type",
            "widget_id",
            "placement_id",
            "deployment_type",
        ),
        f"interaction_type {_SET}",
    ),
    ("session_time", "session", ("workspace_id", "created_at", "id DESC"), None),
    ("api_key_time", "api_key", ("workspace_id", "created_at", "id DESC"), None),
    ("audit_action", "audit", ("workspace_id", "action", "id"), None),
    ("audit_user", "audit", ("workspace_id", "user_id", "id"), None),
)


def upgrade(op: Operations) -> None:
    """Bring version 1 here."""
    _links(op)
    _processes(op)
    _letters(op)
    for name, table, columns in _INDEXES:
        op.create_index(name, table, columns)
    op.create_index("event_hidden", "event", ["workspace_id", "session_id"], sqlite_where=text("hidden"))
    op.drop_index("session_owner", "session")
    op.create_index("session_owner", "session", ["workspace_id", "user_id", "team_id"])
    for name, table, columns, where in _OLDEST_FIRST:
        op.drop_index(name, table)
        parts = [text(column) if " " in column else column for column in columns]
        op.create_index(name, table, parts, sqlite_where=None if where is None else text(where))


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


def _letters(op: Operations) -> None:
    op.create_table(
        "dead_letter",
        Column("id", LargeBinary(), primary_key=True),
        Column("workspace_id", LargeBinary()),
        Column("time", Integer(), nullable=False),
        Column("kind", Integer(), nullable=False),
        Column("process_id", LargeBinary(), nullable=False),
        Column("error", Text(), nullable=False),
        Column("payload", LargeBinary(), nullable=False),
    )
    op.create_index("dead_letter_time", "dead_letter", ["time", "id"])
