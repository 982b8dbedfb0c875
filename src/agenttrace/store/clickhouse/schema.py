"""The tables of the ClickHouse store, and the statements that create them, on one server or on a cluster. Text only.

Tables hold ids as the 16 bytes of a UUID, since ClickHouse sorts its own UUIDs by their second half, and instants as
microseconds since the Unix epoch, since its DateTime64 ends in 2299. Each has a view beside it, `v_` and its name, that
shows UUIDs, instants and JSON, each row once: that is what people and other programs read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NEEDED_VERSION", "SCHEMA_VERSION", "TABLES", "Place", "Table", "statements", "types_of"]

#: The version of these tables; it is kept in the comment of the table `run`.
SCHEMA_VERSION = 1
#: The oldest ClickHouse whose FINAL, SimpleAggregateFunction and lightweight DELETE do what the store needs.
NEEDED_VERSION = (24, 8)

_ID = "FixedString(16)"
_ANY_ID = "Nullable(FixedString(16))"
_TIME = "Int64"
_ANY_TIME = "Nullable(Int64)"
_WORD = "LowCardinality(String)"
_ANY_WORD = "LowCardinality(Nullable(String))"
_TEXT = "String"
_ANY_TEXT = "Nullable(String)"

_CODECS = {
    "Int64": "CODEC(Delta(8), ZSTD(1))",
    "Nullable(Int64)": "CODEC(Delta(8), ZSTD(1))",
    "UInt64": "CODEC(Delta(8), ZSTD(1))",
    "UInt128": "CODEC(ZSTD(1))",
    "String": "CODEC(ZSTD(3))",
    "Nullable(String)": "CODEC(ZSTD(3))",
}

#: Columns whose values are instants, and columns that hold ids of 16 bytes which are no UUIDs.
_INSTANTS = frozenset(
    [
        "start_time",
        "end_time",
        "turn_time",
        "ingested_at",
        "created_at",
        "last_message_at",
        "reset_at",
        "named_at",
        "time",
        "expires_at",
        "revoked_at",
        "started_at",
        "seen_at",
        "last_used_at",
    ]
)
_HEX = frozenset(("trace_id", "span_id", "via", "hash"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables are: a database, and the cluster over which it is spread, if any."""

    database: str
    cluster: str | None = None

    def name(self, table: str) -> str:
        """Return a table's name for use in statements; in a cluster it is the one that is spread over all shards."""
        return f"{quoted(self.database)}.{quoted(table)}"

    def local(self, table: str) -> str:
        """Return the name of a shard's own part of a table."""
        return self.name(table if self.cluster is None else f"{table}_local")

    def changing(self, table: str) -> str:
        """Return what stands for a table in a statement that changes rows, on all shards of a cluster."""
        return self.local(table) + ("" if self.cluster is None else f" ON CLUSTER {quoted(self.cluster)}")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns with their types, and which rows of it are versions of one another."""

    name: str
    columns: tuple[tuple[str, str], ...]
    order: str  # rows with equal values here are versions of one row
    shard: str  # the expression that says on which shard of a cluster a row is
    version: str = ""  # of several versions the one with the greatest value here stays
    merges: bool = False  # columns are SimpleAggregateFunctions: versions become one row
    granularity: int = 8192
    indexes: tuple[str, ...] = ()
    shown: str = "1"  # the condition of the rows that are there


def _merged(function: str, kind: str) -> str:
    return f"SimpleAggregateFunction({function}, {kind})"


_RUN_SHARD = "cityHash64(workspace_id, substring({run}, 1, 7))"  # 7 bytes of a run's id: 52 bits of its trace's
_WORKSPACE_SHARD = "cityHash64(workspace_id)"
_TRACE_SHARD = "cityHash64(workspace_id, trace_id)"

_RUN = (
    ("workspace_id", _ID),
    ("id", _ID),
    ("trace_id", _ID),
    ("span_id", "FixedString(8)"),
    ("parent_id", _ANY_ID),
    ("is_root", "Bool"),
    ("run_type", _WORD),
    ("name", _WORD),
    ("status", _WORD),
    ("start_time", _TIME),
    ("end_time", _ANY_TIME),
    ("version", _TIME),
    ("process_id", _ANY_ID),
    ("turn_time", _TIME),
    ("seq", _TIME),
    ("end_seq", _ANY_TIME),
    ("agent_key", _ANY_WORD),
    ("session_id", _ANY_ID),
    ("conversation_id", _ANY_ID),
    ("call_sid", _ANY_TEXT),
    ("ai_contact_id", _ANY_ID),
    ("user_id", _ANY_TEXT),
    ("team_id", _ANY_TEXT),
    ("prompt_type", _ANY_WORD),
    ("state_name", _ANY_WORD),
    ("interaction_type", _ANY_WORD),
    ("widget_id", _ANY_WORD),
    ("placement_id", _ANY_WORD),
    ("deployment_type", _ANY_WORD),
    ("source", _WORD),
    ("source_system", _ANY_WORD),
    ("service_id", _ANY_ID),
    ("ingested_at", _TIME),
    ("learnt", _ANY_TEXT),
    ("via", "Nullable(FixedString(8))"),
    ("content", _ANY_TEXT),
    ("error", _ANY_TEXT),
    ("attributes", _ANY_TEXT),
    ("deleted", "Bool"),
    ("place", "UInt128"),
)

#: What a lookup row repeats of its run, so that most runs that do not match need not be looked at.
KEY_FILTERS = (
    "run_type",
    "status",
    "name",
    "agent_key",
    "prompt_type",
    "state_name",
    "interaction_type",
    "widget_id",
    "placement_id",
    "deployment_type",
)

_KINDS = (
    "Enum8('time' = 1, 'interaction' = 2, 'contact' = 3, 'conversation' = 4, 'call' = 5, 'session' = 6, 'orphan' = 7)"
)

_RUN_TYPES = dict(_RUN)

_RUN_KEY = (
    ("workspace_id", _ID),
    ("kind", _KINDS),
    ("value", _TEXT),
    ("back", _TIME),
    ("id", _ID),
    *((name, _RUN_TYPES[name]) for name in KEY_FILTERS),
    ("place", "UInt128"),
)

TABLES = (
    Table(
        "run",
        _RUN,
        order="workspace_id, id",
        shard=_RUN_SHARD.format(run="id"),
        version="place",
        granularity=256,  # a page's runs are far apart, and each costs what lies in one granule with it
        shown="NOT deleted",
    ),
    Table(
        "run_key",
        _RUN_KEY,
        order="workspace_id, kind, value, back, id",
        shard=_RUN_SHARD.format(run="id"),
        version="place",
    ),
    Table(
        "event",
        (
            ("workspace_id", _ID),
            ("id", _TEXT),
            ("with_session", "Bool"),
            ("session_id", _ID),
            ("run_id", _ID),
            ("type", _WORD),
            ("created_at", _TIME),
            ("turn_time", _TIME),
            ("hidden", "Bool"),
            ("data", _ANY_TEXT),
            ("deleted", "Bool"),
            ("stamp", "UInt64"),
        ),
        order="workspace_id, with_session, session_id, id",
        shard=_RUN_SHARD.format(run="run_id"),
        version="stamp",
        granularity=1024,
        indexes=("INDEX of_run run_id TYPE bloom_filter(0.01) GRANULARITY 1",),
        shown="NOT stored.deleted AND NOT stored.hidden AND (reset.stamp = 0 OR "
        "(stored.stamp > reset.stamp AND stored.turn_time > reset.at))",
    ),
    Table(
        "session",
        (
            ("workspace_id", _ID),
            ("id", _ID),
            ("key", _merged("anyLast", _TEXT)),
            ("agent_key", _merged("anyLast", _ANY_TEXT)),
            ("user_id", _merged("anyLast", _ANY_TEXT)),
            ("team_id", _merged("anyLast", _ANY_TEXT)),
            ("conversation_id", _merged("anyLast", _ANY_ID)),
            ("call_sid", _merged("anyLast", _ANY_TEXT)),
            ("created_at", _merged("min", _TIME)),
            ("message", _merged("max", "UInt128")),
            ("reset_at", _merged("max", _ANY_TIME)),
            ("reset_stamp", _merged("max", "UInt64")),
        ),
        order="workspace_id, id",
        shard=_WORKSPACE_SHARD,
        merges=True,
        granularity=1024,
    ),
    Table(
        "agent",
        (("workspace_id", _ID), ("key", _TEXT), ("name", _ANY_TEXT), ("named_at", _TIME), ("place", "UInt128")),
        order="workspace_id, key",
        shard=_WORKSPACE_SHARD,
        version="place",
        granularity=1024,
    ),
    Table(
        "session_agent",
        (("workspace_id", _ID), ("session_id", _ID), ("agent_key", _TEXT)),
        order="workspace_id, session_id, agent_key",
        shard=_WORKSPACE_SHARD,
        granularity=1024,
    ),
    Table("contact", (("workspace_id", _ID), ("id", _ID)), order="workspace_id, id", shard=_WORKSPACE_SHARD),
    Table(
        "conversation",
        (
            ("workspace_id", _ID),
            ("id", _ID),
            ("call_sid", _merged("anyLast", _ANY_TEXT)),
            ("session_id", _merged("anyLast", _ANY_ID)),
        ),
        order="workspace_id, id",
        shard=_WORKSPACE_SHARD,
        merges=True,
        granularity=1024,
    ),
    Table(
        "span",
        (
            ("workspace_id", _ID),
            ("trace_id", _ID),
            ("span_id", "FixedString(8)"),
            ("version", _TIME),
            ("process_id", _ANY_ID),
            ("start_time", _TIME),
            ("end_time", _ANY_TIME),
            ("data", _TEXT),
        ),
        order="workspace_id, trace_id, span_id, version",
        shard=_TRACE_SHARD,
        granularity=1024,
    ),
    Table(
        "log",
        (
            ("workspace_id", _ID),
            ("trace_id", _ID),
            ("id", _ID),
            ("span_id", "FixedString(8)"),
            ("time", _TIME),
            ("data", _TEXT),
        ),
        order="workspace_id, trace_id, id",
        shard=_TRACE_SHARD,
        granularity=1024,
    ),
    Table(
        "process",
        (
            ("id", _ID),
            ("host", _TEXT),
            ("boot_id", _TEXT),
            ("pid", _TIME),
            ("started_at", _TIME),
            ("seen_at", _TIME),
            ("deleted", "Bool"),
            ("stamp", "UInt64"),
        ),
        order="id",
        shard="cityHash64(id)",
        version="stamp",
        shown="NOT deleted",
    ),
    Table(
        "api_key",
        (
            ("workspace_id", _merged("anyLast", _ID)),
            ("id", _TEXT),
            ("hash", _merged("anyLast", "FixedString(32)")),
            ("name", _merged("anyLast", _TEXT)),
            ("user_id", _merged("anyLast", _ANY_TEXT)),
            ("team_ids", _merged("anyLast", _TEXT)),
            ("role", _merged("anyLast", _TEXT)),
            ("scopes", _merged("anyLast", _TEXT)),
            ("created_at", _merged("anyLast", _TIME)),
            ("expires_at", _merged("anyLast", _ANY_TIME)),
            ("revoked_at", _merged("min", _ANY_TIME)),
            ("last_used_at", _merged("max", _ANY_TIME)),
        ),
        order="id",
        shard="cityHash64(id)",
        merges=True,
        granularity=1024,
    ),
    Table(
        "dead_letter",
        (
            ("id", _ID),
            ("workspace_id", _ANY_ID),
            ("time", _TIME),
            ("kind", _TIME),
            ("process_id", _ID),
            ("error", _TEXT),
            ("payload", _TEXT),
            ("stamp", "UInt64"),
        ),
        order="id",
        shard="cityHash64(id)",
        version="stamp",
        granularity=1024,
    ),
    Table(
        "audit",
        (
            ("workspace_id", _ID),
            ("id", _ID),
            ("created_at", _TIME),
            ("action", _WORD),
            ("user_id", _ANY_TEXT),
            ("key_id", _ANY_TEXT),
            ("role", _ANY_WORD),
            ("filters", _TEXT),
            ("row_count", _TIME),
            ("status", _ANY_TIME),
            ("request_id", _ANY_TEXT),
            ("first", "UInt64"),
        ),
        order="workspace_id, id",
        shard=_WORKSPACE_SHARD,
        version="first",
    ),
)

#: What a run is found by, besides its id: one row of `run_key` each.
_KEYS = """SELECT workspace_id, entry.1 AS kind, entry.2 AS value, -start_time AS back, id, {filters}, place
FROM {run}
ARRAY JOIN arrayFilter(one -> isNotNull(one.2), [
  ('time', CAST('', 'Nullable(String)')),
  ('interaction', if(isNull(interaction_type), NULL, '')),
  ('contact', if(is_root, CAST(ai_contact_id, 'Nullable(String)'), NULL)),
  ('conversation', CAST(conversation_id, 'Nullable(String)')),
  ('call', call_sid),
  ('session', CAST(session_id, 'Nullable(String)')),
  ('orphan', if(is_root, CAST(parent_id, 'Nullable(String)'), NULL))
]) AS entry
WHERE NOT deleted"""


def quoted(name: str) -> str:
    """Return a name as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def types_of(table: Table) -> dict[str, str]:
    """Return the type of each column as a client writes it: without the function that merges versions."""
    return {name: _plain(kind) for name, kind in table.columns}


def statements(place: Place) -> Iterator[str]:
    """Return the statements that create what is missing, in order."""
    on_cluster = "" if place.cluster is None else f" ON CLUSTER {quoted(place.cluster)}"
    yield f"CREATE DATABASE IF NOT EXISTS {quoted(place.database)}{on_cluster}"
    for table in TABLES:
        yield _create(table, place, on_cluster)
        if place.cluster is not None:
            yield _distributed(table, place, on_cluster)
    keys = _KEYS.format(run=place.local("run"), filters=", ".join(KEY_FILTERS))
    yield (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {place.local('run_key_of')}{on_cluster} "
        f"TO {place.local('run_key')} AS\n{keys}"
    )
    for table in TABLES:
        if table.name not in ("run_key", "api_key"):
            yield _view(table, place, on_cluster)


def _create(table: Table, place: Place, on_cluster: str) -> str:
    lines = [f"  {quoted(name)} {kind}{_codec(kind)}" for name, kind in table.columns]
    lines += [f"  {index}" for index in table.indexes]
    comment = f"\nCOMMENT 'agenttrace {SCHEMA_VERSION}'" if table.name == "run" else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {place.local(table.name)}{on_cluster} (\n"
        + ",\n".join(lines)
        + f"\n) ENGINE = {_engine(table, place)}\nORDER BY ({table.order})"
        + f"\nSETTINGS index_granularity = {table.granularity}{comment}"
    )


def _engine(table: Table, place: Place) -> str:
    name = "AggregatingMergeTree" if table.merges else "ReplacingMergeTree"
    if place.cluster is None:
        return f"{name}({table.version})"
    keeper = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    return f"Replicated{name}({', '.join(part for part in (keeper, table.version) if part)})"


def _distributed(table: Table, place: Place, on_cluster: str) -> str:
    lines = [f"  {quoted(name)} {kind}" for name, kind in table.columns]
    target = f"{quoted(place.cluster or '')}, {quoted(place.database)}, {quoted(table.name + '_local')}"
    return (
        f"CREATE TABLE IF NOT EXISTS {place.name(table.name)}{on_cluster} (\n"
        + ",\n".join(lines)
        + f"\n) ENGINE = Distributed({target}, {table.shard})"
    )


def _view(table: Table, place: Place, on_cluster: str) -> str:
    columns = ",\n".join(f"  {_shown(name, kind)}" for name, kind in table.columns if name not in _OURS)
    source = f"{place.name(table.name)} AS stored FINAL"
    if table.name == "event":
        source += _RESETS.format(session=place.name("session"))
    return (
        f"CREATE VIEW IF NOT EXISTS {place.name('v_' + table.name)}{on_cluster} AS SELECT\n{columns}\n"
        f"FROM {source}\nWHERE {table.shown}"
    )


#: Events that were there when their session was reset, and what belongs to a turn that began before, show no more.
_RESETS = """
LEFT JOIN (
  SELECT workspace_id, id AS session_id, max(reset_stamp) AS stamp, max(reset_at) AS at FROM {session}
  GROUP BY workspace_id, id HAVING stamp > 0
) AS reset ON stored.workspace_id = reset.workspace_id AND stored.session_id = reset.session_id"""

#: Columns that are the store's own business.
_OURS = frozenset(("place", "deleted", "stamp", "with_session", "first", "reset_stamp", "message"))


def _shown(name: str, kind: str) -> str:
    column, plain = f"stored.{quoted(name)}", _plain(kind)
    if name in _INSTANTS:
        return f"fromUnixTimestamp64Micro({column}, 'UTC') AS {quoted(name)}"
    if name in _HEX:
        return f"lower(hex({column})) AS {quoted(name)}"
    if "FixedString(16)" in plain:
        return f"toUUIDOrNull(UUIDNumToString({column})) AS {quoted(name)}"
    return f"{column} AS {quoted(name)}"


def _codec(kind: str) -> str:
    codec = _CODECS.get(_plain(kind))
    return f" {codec}" if codec else ""


def _plain(kind: str) -> str:
    return kind.partition(", ")[2][:-1] if kind.startswith("SimpleAggregateFunction(") else kind
