"""The statements that create the tables in PostgreSQL, from those of `store.tables`. No running store imports this."""

from __future__ import annotations

from sqlalchemy import Index, MetaData, PrimaryKeyConstraint, Table, func
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement, SetColumnComment, SetTableComment

from agenttrace.store.postgres_long import LENGTH, STARTED
from agenttrace.store.version import SCHEMA_VERSION

__all__ = ["postgresql_schema"]

_HEADER = f"""-- The tables of agenttrace in PostgreSQL, schema version {SCHEMA_VERSION}.
-- Generated from store/tables.py by `python -m agenttrace.store.tables`.
"""

_FOOTER = f"""CREATE TABLE run_other PARTITION OF run DEFAULT;

CREATE TABLE event_other PARTITION OF event DEFAULT;

-- A member of a JSON object, as JSON; NULL where the text is no JSON. PostgreSQL's parser refuses \\u0000 and halves of
-- surrogate pairs, so they are read as something else.
CREATE FUNCTION agenttrace_member(object text, member text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF strpos(object, '\\u') > 0 THEN
    object := regexp_replace(object, '\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{{2}})', '\\\\u0001', 'g');
  END IF;
  RETURN (object::json -> member)::text;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;

CREATE TABLE agenttrace_version (version INTEGER NOT NULL);
INSERT INTO agenttrace_version VALUES ({SCHEMA_VERSION});
"""  # noqa: S608

#: How the tables are divided, and the keys that this asks for.
_DIVIDED = {"run": ("start_time", ("workspace_id", "start_time", "id")), "event": ("id", ("workspace_id", "id"))}


def postgresql_schema(tables: MetaData) -> str:
    """Return the statements that create tables, indexes and comments, the partitions for all times, and the version."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    parts = [_HEADER]
    for table in _copied(tables).tables.values():
        statements: list[ExecutableDDLElement] = [CreateTable(table)]
        statements += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
        if table.comment:
            statements.append(SetTableComment(table))
        statements += [SetColumnComment(column) for column in table.columns if column.comment]
        parts.append("\n".join(f"{_tidy(str(one.compile(dialect=dialect)))};" for one in statements) + "\n")
    return "\n".join([*parts, _FOOTER])


def _copied(tables: MetaData) -> MetaData:
    """Return the tables as PostgreSQL has them: divided by time, and with an index for look-ups of runs by id."""
    ours = MetaData()
    for table in tables.tables.values():
        copy = table.to_metadata(ours)
        if table.name in _DIVIDED:
            column, key = _DIVIDED[table.name]
            copy.dialect_options["postgresql"]["partition_by"] = f"RANGE ({column})"
            for name, its in copy.columns.items():
                its.primary_key = name in key
            copy.append_constraint(PrimaryKeyConstraint(*(copy.columns[name] for name in key)))
    run = ours.tables["run"]
    Index("run_id", run.columns["workspace_id"], run.columns["id"])
    for table in ours.tables.values():
        for index in list(table.indexes):
            _shorten(table, index)
    return ours


def _shorten(table: Table, index: Index) -> None:
    """Have an index hold the beginning of texts that may be longer than its entries."""
    parts = [func.left(part, LENGTH) if getattr(part, "name", None) in STARTED else part for part in index.expressions]
    if any(part is not old for part, old in zip(parts, index.expressions, strict=True)):
        where = index.dialect_options["postgresql"]["where"]
        table.indexes.remove(index)
        Index(index.name, *parts, postgresql_where=where, _table=table)


def _tidy(statement: str) -> str:
    return "\n".join(line.rstrip() for line in statement.strip().splitlines())
