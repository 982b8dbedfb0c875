"""The tables of the SQL stores, as SQLModel classes: what they hold, for people and programs that read them.

Recording and the stores do not import this module: the statements that create the tables in SQLite and PostgreSQL are
generated from it into `schema/*.sql`, by `python -m agenttrace.store.tables`.

Columns that hold the same thing have the same name in every table. In SQLite a UUID is a 16-byte BLOB, an instant an
INTEGER of microseconds since the Unix epoch (UTC), JSON is TEXT; in PostgreSQL they are UUID and TIMESTAMPTZ.
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, SQLModel

from agenttrace.store.postgres_ddl import postgresql_schema
from agenttrace.store.version import SCHEMA_VERSION

__all__ = [
    "Agent",
    "ApiKey",
    "Audit",
    "Contact",
    "Conversation",
    "DeadLetter",
    "Event",
    "Link",
    "Log",
    "Process",
    "Run",
    "Session",
    "SessionAgent",
    "Span",
    "UtcMicros",
    "UuidBytes",
    "metadata",
    "sqlite_schema",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The tables of agenttrace, apart from other SQLModel tables of the same program.
metadata = MetaData()


class UuidBytes(TypeDecorator[uuid.UUID]):
    """A UUID: 16 bytes in SQLite, UUID in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the column type of the database."""
        kind: Any = postgresql.UUID(as_uuid=True) if dialect.name == "postgresql" else LargeBinary(16)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: uuid.UUID | None, dialect: Dialect) -> Any:
        """Return what the database takes."""
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> uuid.UUID | None:
        """Return the UUID that the database gave."""
        return value if value is None or dialect.name == "postgresql" else uuid.UUID(bytes=value)


class UtcMicros(TypeDecorator[datetime]):
    """An instant: microseconds since the Unix epoch in SQLite, TIMESTAMPTZ in PostgreSQL; aware datetimes in Python."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the column type of the database."""
        kind: Any = postgresql.TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Integer()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the database takes; raises TypeError where a datetime is naive."""
        if value is None or dialect.name == "postgresql":
            return value
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the instant that the database gave."""
        if value is None or dialect.name == "postgresql":
            return value
        return _EPOCH + timedelta(microseconds=value)


def _uuid(comment: str, **options: Any) -> Any:
    return Field(sa_type=UuidBytes, sa_column_kwargs={"comment": comment}, **options)


def _time(comment: str, **options: Any) -> Any:
    return Field(sa_type=UtcMicros, sa_column_kwargs={"comment": comment}, **options)


def _text(comment: str, **options: Any) -> Any:
    # PostgreSQL else compares texts as a language does: slower, and ids would not sort as they do here.
    kind = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    return Field(sa_type=kind, sa_column_kwargs={"comment": comment}, **options)  # type: ignore[call-overload]


def _number(comment: str, **options: Any) -> Any:
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Field(sa_type=kind, sa_column_kwargs={"comment": comment}, **options)  # type: ignore[call-overload]


def _flag(comment: str, **options: Any) -> Any:
    return Field(sa_type=Boolean, sa_column_kwargs={"comment": comment}, **options)


def _bytes(comment: str, **options: Any) -> Any:
    return Field(sa_type=LargeBinary, sa_column_kwargs={"comment": comment}, **options)


# Indexes ascend by time, though lists show the newest first: what comes last goes where an index ends, whose pages fill
# up; inserted at the front, each would stay half empty. A database reads an index either way.
def _index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
    parts = [text(column) if " " in column else column for column in columns]
    condition = None if where is None else text(where)
    return Index(name, *parts, unique=unique, sqlite_where=condition, postgresql_where=condition)


class Run(SQLModel, table=True):
    """One run: an agent turn, a tool call, a retrieval, a prompt, or what else has a start and an end."""

    __tablename__: ClassVar[Any] = "run"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index("run_time", "workspace_id", "start_time", "id DESC"),
        _index("run_root_contact", "workspace_id", "ai_contact_id", "start_time", "id DESC", where="is_root"),
        _index("run_orphan", "workspace_id", "parent_id", where="is_root AND parent_id IS NOT NULL"),
        _index("run_open", "process_id", where="status = 'running'"),
        _index("run_prompt_time", "workspace_id", "start_time", "id DESC", where="run_type = 'prompt'"),
        *(
            _index(
                f"run_prompt_{name}",
                "workspace_id",
                column,
                "start_time",
                "id DESC",
                where=f"run_type = 'prompt' AND {column} IS NOT NULL",
            )
            for name, column in (("conversation", "conversation_id"), ("call", "call_sid"), ("session", "session_id"))
        ),
        _index(
            "run_interaction",
            "workspace_id",
            "start_time",
            "id DESC",
            "interaction_type",
            "run_type",
            "widget_id",
            "placement_id",
            "deployment_type",
            where="interaction_type IS NOT NULL",
        ),
        *(
            _index(f"run_{column}", column, where=f"{column} IS NOT NULL")
            for column in ("history_link", "context_link")
        ),
    )

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: uuid.UUID = _uuid("The run's UUID (RFC 9562 version 8), computed from trace_id and span_id.", primary_key=True)
    trace_id: bytes = _bytes("W3C trace id, 16 bytes.")
    span_id: bytes = _bytes("W3C span id, 8 bytes.")
    parent_id: uuid.UUID | None = _uuid(
        "The run's UUID of the parent span, whether that is stored or not.", default=None
    )
    is_root: bool = _flag("No parent, or a parent that is not stored (yet).")
    run_type: str = _text("master, tool_call, context, prompt, predefined_behaviour or another word.")
    name: str = _text("What was called.")
    status: str = _text("pending, running, success or failed.")
    start_time: datetime = _time("Start.")
    end_time: datetime | None = _time("End; NULL while the run is open.", default=None)
    version: int = _number("Of two versions of a run the greater one stays: rank, revision, content hash.")
    process_id: uuid.UUID | None = _uuid("The recording process while the run is running.", default=None)
    turn_time: datetime = _time("Start of the root of this run's turn, as far as the recording process knew.")
    seq: int = _number("Sequence number of the start within its process.")
    end_seq: int | None = _number("Sequence number of the end within its process.", default=None)
    agent_key: str | None = _text("The agent, agt_...", default=None)
    session_id: uuid.UUID | None = _uuid("The session.", default=None)
    conversation_id: uuid.UUID | None = _uuid("The conversation.", default=None)
    call_sid: str | None = _text("The telephone call.", default=None)
    ai_contact_id: uuid.UUID | None = _uuid("The AI contact.", default=None)
    user_id: str | None = _text("The user.", default=None)
    team_id: str | None = _text("The user's team.", default=None)
    prompt_type: str | None = _text("Of a prompt: its type.", default=None)
    state_name: str | None = _text("Of a prompt: the state it belongs to.", default=None)
    interaction_type: str | None = _text("The attribute of this name, repeated.", default=None)
    widget_id: str | None = _text("The attribute of this name, repeated.", default=None)
    placement_id: str | None = _text("The attribute of this name, repeated.", default=None)
    deployment_type: str | None = _text("The attribute of this name, repeated.", default=None)
    source: str = _text("The instrumentation that recorded the run.")
    source_system: str | None = _text("The provider of the model.", default=None)
    service_id: uuid.UUID | None = _uuid("The service that recorded the run.", default=None)
    ingested_at: datetime = _time("When the stored version was received.")
    learnt: str | None = _text(
        "JSON: where ids come from that this version did not know itself (0: spread from the root).", default=None
    )
    via: bytes | None = _bytes(
        "Span id of the foreign span right above the run, where that is not its parent run.", default=None
    )
    history_link: bytes | None = _bytes(
        "Of a prompt: the link of its last message, where the content says @link for its history.", default=None
    )
    context_link: bytes | None = _bytes(
        "Of a prompt: the link where its system prompt and tools are, where the content says @link for them.",
        default=None,
    )
    content: str | None = _text("JSON object by run type.", default=None)
    error: str | None = _text("JSON object of type, message and stack.", default=None)
    attributes: str | None = _text("JSON object of free attributes.", default=None)


class Link(SQLModel, table=True):
    """One message, system prompt or tool catalogue of prompts, kept once a workspace, and the link that it follows."""

    __tablename__: ClassVar[Any] = "link"
    metadata = metadata
    __table_args__: ClassVar[Any] = (_index("link_previous", "previous", where="previous IS NOT NULL"),)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    hash: bytes = _bytes("BLAKE2b of previous, kind and data, keyed with the workspace, 20 bytes.", primary_key=True)
    kind: str = _text("The content key that it is of: history (one message of it), system_prompt or tool_names.")
    previous: bytes | None = _bytes("The link of the message before; NULL for the first.", default=None)
    created_at: datetime = _time("When it was stored.")
    data: str = _text("JSON, byte for byte as it stood in the content.")


class Span(SQLModel, table=True):
    """One version of another library's span, raw: what runs are derived from, the fullest of its ends."""

    __tablename__: ClassVar[Any] = "span"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index("span_open", "process_id", where="process_id IS NOT NULL"),
        _index("span_time", "workspace_id", "start_time"),
    )

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    trace_id: bytes = _bytes("W3C trace id, 16 bytes.", primary_key=True)
    span_id: bytes = _bytes("W3C span id, 8 bytes.", primary_key=True)
    version: int = _number("An end is greater than a start, and then a content hash decides.", primary_key=True)
    process_id: uuid.UUID | None = _uuid("The recording process of a version without an end.", default=None)
    start_time: datetime = _time("Start.")
    end_time: datetime | None = _time("End; NULL where this version is of an open span.", default=None)
    data: str = _text("JSON object: name, parent, status, resource, attributes, events and what else was received.")


class Log(SQLModel, table=True):
    """One log record inside another library's span, raw."""

    __tablename__: ClassVar[Any] = "log"
    metadata = metadata

    __table_args__: ClassVar[Any] = (_index("log_time", "workspace_id", "time"),)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    trace_id: bytes = _bytes("W3C trace id, 16 bytes.", primary_key=True)
    id: uuid.UUID = _uuid("A digest of the record, so that the same one is kept once.", primary_key=True)
    span_id: bytes = _bytes("W3C span id, 8 bytes.")
    time: datetime = _time("When it was written.")
    data: str = _text("JSON object: name, severity, body and attributes.")


class Event(SQLModel, table=True):
    """One instant of a session; of a run's start or end, or recorded on its own."""

    __tablename__: ClassVar[Any] = "event"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index(
            "event_session",
            "workspace_id",
            "session_id",
            "id",
            "type",
            "hidden",
            where="NOT hidden AND session_id IS NOT NULL",
        ),
        _index("event_sessionless", "workspace_id", "run_id", where="session_id IS NULL"),
        _index("event_hidden", "workspace_id", "session_id", where="hidden"),
        {"sqlite_with_rowid": False},
    )

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: str = _text("aev_...; ids sort by time, then process sequence.", primary_key=True)
    session_id: uuid.UUID | None = _uuid("The session; NULL shows nowhere.", default=None)
    run_id: uuid.UUID = _uuid("The run.")
    type: str = _text("input_message, thinking, tool_input, tool_output, agent_output or log.")
    created_at: datetime = _time("When it happened.")
    turn_time: datetime = _time("Start of its turn's root: decides whether a session reset concerns it.")
    hidden: bool = _flag("Kept, but shown no more since its session was reset.")
    data: str | None = _text("JSON object; NULL where the run's content is the event's.", default=None)


class Session(SQLModel, table=True):
    """One session of a user with agents."""

    __tablename__: ClassVar[Any] = "session"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index("session_owner", "workspace_id", "user_id", "team_id"),
        _index("session_time", "workspace_id", "created_at", "id DESC"),
        {"sqlite_with_rowid": False},
    )

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: uuid.UUID = _uuid("The session's UUID.", primary_key=True)
    key: str = _text("The session's key, ase_...")
    agent_key: str | None = _text("The first agent that took part; session_agent has all.", default=None)
    user_id: str | None = _text("Its owner.", default=None)
    team_id: str | None = _text("Its owner's team.", default=None)
    conversation_id: uuid.UUID | None = _uuid("The conversation.", default=None)
    call_sid: str | None = _text("The telephone call.", default=None)
    created_at: datetime = _time("Start of the first run that named it, or its registration.")
    last_message_at: datetime | None = _time("Its last message since the last reset.", default=None)
    reset_at: datetime | None = _time("Its last reset.", default=None)


class Agent(SQLModel, table=True):
    """One agent that was recorded or registered."""

    __tablename__: ClassVar[Any] = "agent"
    metadata = metadata
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    key: str = _text("agt_...", primary_key=True)
    name: str | None = _text("Its registered display name.", default=None)
    named_at: datetime = _time("When that was registered.")


class SessionAgent(SQLModel, table=True):
    """Which agents took part in which session."""

    __tablename__: ClassVar[Any] = "session_agent"
    metadata = metadata
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    session_id: uuid.UUID = _uuid("The session.", primary_key=True)
    agent_key: str = _text("The agent.", primary_key=True)


class Contact(SQLModel, table=True):
    """One AI contact that was recorded or registered."""

    __tablename__: ClassVar[Any] = "contact"
    metadata = metadata
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: uuid.UUID = _uuid("The AI contact.", primary_key=True)


class Conversation(SQLModel, table=True):
    """One conversation: a call where call_sid is set, else a text conversation."""

    __tablename__: ClassVar[Any] = "conversation"
    metadata = metadata
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: uuid.UUID = _uuid("The conversation.", primary_key=True)
    call_sid: str | None = _text("The telephone call.", default=None)
    session_id: uuid.UUID | None = _uuid("The session.", default=None)


class Process(SQLModel, table=True):
    """One process that records into this store, until it ends: runs of one that is gone are closed as abandoned."""

    __tablename__: ClassVar[Any] = "process"
    metadata = metadata
    __table_args__: ClassVar[Any] = ({"sqlite_with_rowid": False},)

    id: uuid.UUID = _uuid("The id of its journal; run.process_id of its running runs.", primary_key=True)
    host: str = _text("The host's name.")
    boot_id: str = _text("Which boot of the host, where that is known.")
    pid: int = _number("The process id, as the process itself sees it.")
    started_at: datetime = _time("When its journal was made.")
    seen_at: datetime = _time("Its last heartbeat, by its own clock.")


class DeadLetter(SQLModel, table=True):
    """One record that the store refused, set aside whole, until somebody has it written again or discards it."""

    __tablename__: ClassVar[Any] = "dead_letter"
    metadata = metadata
    __table_args__: ClassVar[Any] = (_index("dead_letter_time", "time", "id"),)

    id: uuid.UUID = _uuid("A digest of process, kind and payload: the same record is kept once.", primary_key=True)
    workspace_id: uuid.UUID | None = _uuid("The tenant; NULL where the record does not tell.", default=None)
    time: datetime = _time("When it was set aside.")
    kind: int = _number("The kind of record: 1 run, 2 event, 3 entity, 4 span, 5 log, 6 audit, 7 key used.")
    process_id: uuid.UUID = _uuid("The process that recorded it.")
    error: str = _text("Why it was refused.")
    payload: bytes = _bytes("The record as it stood in the journal.")


class ApiKey(SQLModel, table=True):
    """One API key of the HTTP endpoints: who it speaks for, and the hash of its secret."""

    __tablename__: ClassVar[Any] = "api_key"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index("api_key_time", "workspace_id", "created_at", "id DESC"),
        {"sqlite_with_rowid": False},
    )

    workspace_id: uuid.UUID = _uuid("The tenant.")
    id: str = _text("The public part of the key's text, agtk_ID_SECRET.", primary_key=True)
    hash: bytes = _bytes("BLAKE2b of the secret, keyed with the id, 32 bytes.")
    name: str = _text("What its maker called it.")
    user_id: str | None = _text("The user it speaks for.", default=None)
    team_ids: str = _text("JSON list of the teams of which that user is a member.")
    role: str = _text("member, admin, owner or su.")
    scopes: str = _text("JSON list of read, ingest, manage.")
    created_at: datetime = _time("When it was made.")
    expires_at: datetime | None = _time("When it ends by itself.", default=None)
    revoked_at: datetime | None = _time("When it was revoked.", default=None)
    last_used_at: datetime | None = _time("Its last use, to the minute.", default=None)


class Audit(SQLModel, table=True):
    """One thing that a caller read or changed over HTTP. Rows are only ever added."""

    __tablename__: ClassVar[Any] = "audit"
    metadata = metadata
    __table_args__: ClassVar[Any] = (
        _index("audit_action", "workspace_id", "action", "id"),
        _index("audit_user", "workspace_id", "user_id", "id"),
        {"sqlite_with_rowid": False},
    )

    workspace_id: uuid.UUID = _uuid("The tenant.", primary_key=True)
    id: uuid.UUID = _uuid("UUID of version 7: ids sort by created_at.", primary_key=True)
    created_at: datetime = _time("When it was answered.")
    action: str = _text("What was done, as prompt_logs.queried or sessions.reset.")
    user_id: str | None = _text("Who asked.", default=None)
    key_id: str | None = _text("With which API key.", default=None)
    role: str | None = _text("In which role.", default=None)
    filters: str = _text("JSON object of what was asked for, secrets redacted.")
    row_count: int = _number("How many rows were answered.")
    status: int | None = _number("The HTTP status of the answer.", default=None)
    request_id: str | None = _text("The id of the request, as in the logs.", default=None)


def sqlite_schema() -> str:
    """Return the statements that create the tables and indexes in SQLite, with the columns' comments."""
    dialect = sqlite.dialect()
    parts = [_HEADER]
    for table in metadata.tables.values():
        parts.append(_with_comments(str(CreateTable(table).compile(dialect=dialect)), table))
        parts += [
            f"{CreateIndex(index).compile(dialect=dialect)};\n"
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return "\n".join(parts)


_HEADER = f"""-- The tables of agenttrace in SQLite, schema version {SCHEMA_VERSION}.
-- Generated from store/tables.py by `python -m agenttrace.store.tables`.
"""


def _with_comments(statement: str, table: Table) -> str:
    lines: list[str] = []
    for line in statement.strip().splitlines():
        column: Column[Any] | None = table.columns.get(line.split()[0].strip('"')) if line.strip() else None
        if column is not None and column.comment:
            lines.append(f"\t-- {column.comment}")
        lines.append(line.rstrip())
    return "\n".join(lines).replace(")\n WITHOUT", ") WITHOUT") + ";\n"


if __name__ == "__main__":
    for database, statements in (("sqlite", sqlite_schema()), ("postgresql", postgresql_schema(metadata))):
        target = Path(__file__).parent / "schema" / f"{database}.sql"
        target.write_text(statements, encoding="utf-8")
        sys.stdout.write(f"wrote {target}\n")
