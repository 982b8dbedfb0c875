"""An empty shelf of rows, and a query over it with a held clock."""

from __future__ import annotations

import pytest
from query_rows import NOW
from query_shelf import Shelf

from agenttrace.query.reader import Query


@pytest.fixture
def shelf() -> Shelf:
    """Give an empty store."""
    return Shelf()


@pytest.fixture
def query(shelf: Shelf) -> Query:
    """Give a query over the shelf; its clock stands at NOW."""
    return Query(shelf, clock=lambda: NOW)
