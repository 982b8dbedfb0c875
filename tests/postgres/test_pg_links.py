"""Prompts kept once, in PostgreSQL: the same statements on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from agenttrace.store.postgres import PostgresStore
from agenttrace.store.protocol import LINK_AGE
from agenttrace.testing.records import batch_of
from agenttrace.testing.suite.base import StandingClock
from tests.store.links_support import (
    OTHER,
    WORKSPACE,
    collect_all,
    contents,
    conversation,
    prompt,
    prompt_content,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> StandingClock:
    """The store's clock."""
    return StandingClock()


@pytest.fixture
def store(postgres_url: str, clock: StandingClock) -> Iterator[PostgresStore]:
    """An open store."""
    made = PostgresStore(postgres_url, clock=clock)
    made.open()
    yield made
    made.close()


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    """Return what a statement of one's own finds, or changes."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def test_a_conversation_has_one_link_a_message(store: PostgresStore, postgres_url: str) -> None:
    """And one for its system prompt; two workspaces share none."""
    batch = conversation(10)
    store.write(batch)
    store.write(conversation(3, scope={"workspace_id": OTHER}))
    found = sql(postgres_url, "SELECT kind, count(*) FROM link GROUP BY kind ORDER BY kind")
    assert found == [("history", 24), ("system_prompt", 2)]
    assert contents(store) == written(batch)
    assert contents(store, bytes.fromhex(OTHER.replace("-", ""))).values() != contents(store).values()


def test_what_nothing_leads_to_goes_after_an_hour(
    store: PostgresStore, postgres_url: str, clock: StandingClock
) -> None:
    """And no more than that; the writer notices, in this process and in another."""
    other = PostgresStore(postgres_url, clock=clock)
    other.open()
    for writer in (store, other):
        writer.write(conversation(3))
        writer.write(batch_of(prompt(9, prompt_content(8))))
    sql(postgres_url, "DELETE FROM run WHERE content LIKE '%Answer 8.%'")
    clock.time += LINK_AGE - 1
    assert collect_all(store, limit=5) == 0
    clock.time += 1
    assert collect_all(store, limit=5) == 12
    assert contents(store) == written(conversation(3))
    sql(postgres_url, "DELETE FROM run")
    assert collect_all(other, WORKSPACE, older_than=0) == 6
    for span, writer in enumerate((store, other), 1):
        writer.write(batch_of(prompt(span, prompt_content(span + 3))))
    assert contents(store) == written(*(batch_of(prompt(span, prompt_content(span + 3))) for span in (1, 2)))
    other.close()
