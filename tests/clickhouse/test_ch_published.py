"""The published examples, from recording to the answer, with ClickHouse's engine as the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clickhouse.chdb_store import url_of
from tests.e2e import test_published_examples as examples

FACTS = sorted(name for name in vars(examples) if name.startswith("test_"))


@pytest.mark.parametrize("fact", FACTS)
def test_the_published_examples_come_out_of_clickhouse(fact: str, tmp_path: Path) -> None:
    """Each view answers as it does from SQLite."""
    getattr(examples, fact)(url_of(tmp_path))
