"""What a ClickHouse store shows of what it keeps, for `agenttrace verify-redaction`."""

from __future__ import annotations

import os
from pathlib import Path

from agenttrace.store.clickhouse import ClickHouseStore
from tests.clickhouse.chdb_store import engine_folder
from tests.security.stored import check_stored_rows


def test_every_row_is_shown(tmp_path: Path) -> None:
    """Page by page, in the order of each table's key."""
    url = f"chdb:///{engine_folder()}?database=stored_{os.urandom(4).hex()}"
    check_stored_rows(lambda: ClickHouseStore(url), tmp_path)
