"""Fixtures of the tests of the ClickHouse store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clickhouse import chdb_store


@pytest.fixture(autouse=True)
def emptied(tmp_path: Path) -> Iterator[None]:
    """Each test's database is empty again afterwards."""
    yield
    chdb_store.give_back(tmp_path)
