"""The store of ClickHouse: a server or cluster over HTTP, or the same engine inside this process (`chdb`)."""

from __future__ import annotations

from agenttrace.store.clickhouse.clients import require_engine
from agenttrace.store.clickhouse.store import ClickHouseStore

__all__ = ["ClickHouseStore", "require_engine"]
