"""The tables as SQLModel classes, and the statements that SQLite gets."""

from __future__ import annotations

import subprocess
import sys
import uuid
from dataclasses import fields
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, select

from agenttrace.model import rows
from agenttrace.store import tables
from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, entity_record, run_record, run_uuid

ROWS = {
    tables.Run: rows.RunRow,
    tables.Event: rows.EventRow,
    tables.Session: rows.SessionRow,
    tables.Agent: rows.AgentRow,
    tables.Contact: rows.ContactRow,
    tables.Conversation: rows.ConversationRow,
    tables.ApiKey: rows.ApiKeyRow,
    tables.Audit: rows.AuditRow,
    tables.DeadLetter: rows.DeadLetterRow,
}


def test_the_sqlite_statements_are_what_the_tables_say() -> None:
    """Else run `python -m agenttrace.store.tables`."""
    packaged = files("agenttrace.store").joinpath("schema", "sqlite.sql").read_text(encoding="utf-8")
    assert packaged == tables.sqlite_schema()


@pytest.mark.parametrize(("table", "row"), ROWS.items())
def test_a_table_has_its_rows_fields_in_order(table: type, row: type) -> None:
    """Columns and fields are one list."""
    columns = [column.name for column in table.__table__.columns]
    assert columns == [field.name for field in fields(row)]


def test_every_column_is_described() -> None:
    """The comments are in the statements too."""
    columns = [column for table in tables.metadata.tables.values() for column in table.columns]
    assert [str(column) for column in columns if not column.comment] == []
    assert tables.sqlite_schema().count("\t-- ") == len(columns)


def test_postgresql_has_types_of_its_own() -> None:
    """UUID, TIMESTAMPTZ and BOOLEAN."""
    statement = str(CreateTable(tables.Run.__table__).compile(dialect=postgresql.dialect()))
    assert "id UUID NOT NULL" in statement
    assert "start_time TIMESTAMP WITH TIME ZONE NOT NULL" in statement
    assert "version BIGINT NOT NULL" in statement


def test_users_read_the_store_through_the_tables(tmp_path: Path) -> None:
    """UUIDs and aware datetimes come out, and go into conditions."""
    store = SQLiteStore(tmp_path / "traces.db")
    store.open()
    store.write(
        batch_of(run_record(1, scope={"session_id": "s"}, end=2_500_000), entity_record("agent", "a", name="A"))
    )
    store.close()
    engine = sqlalchemy.create_engine(store.url)
    with Session(engine) as session:
        since = datetime(1970, 1, 1, tzinfo=UTC)
        run = session.exec(select(tables.Run).where(tables.Run.start_time > since)).one()
        assert run.id == uuid.UUID(bytes=run_uuid(1))
        assert run.end_time == datetime(1970, 1, 1, 0, 0, 2, 500_000, tzinfo=UTC)
        assert session.exec(select(tables.Event).where(tables.Event.run_id == run.id)).all()
        assert [agent.name for agent in session.exec(select(tables.Agent))] == ["A"]
    engine.dispose()


def test_values_of_other_databases_pass_as_they_are() -> None:
    """PostgreSQL's driver takes UUIDs and datetimes itself."""
    dialect = postgresql.dialect()
    value, now = uuid.uuid4(), datetime.now(UTC)
    assert tables.UuidBytes().process_bind_param(value, dialect) == value
    assert tables.UuidBytes().process_result_value(value, dialect) == value
    assert tables.UtcMicros().process_bind_param(now, dialect) == now
    assert tables.UtcMicros().process_result_value(now, dialect) == now


def test_writing_to_sqlite_imports_no_heavy_library(tmp_path: Path) -> None:
    """The traced program pays for what it uses."""
    program = f"""
import sys
from agenttrace.store.urls import open_store
from agenttrace.testing.records import batch_of, run_record
store = open_store({str(tmp_path / "traces.db")!r})
store.open()
store.write(batch_of(run_record(1, scope={{"session_id": "s"}})))
store.close()
heavy = {{"pydantic", "sqlalchemy", "sqlmodel", "fastapi", "typer"}} & set(sys.modules)
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
