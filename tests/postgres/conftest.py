"""A PostgreSQL server for the tests of this folder, and for each test a schema of its own."""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from tests.postgres.postgres_server import Cluster, find_programs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_VARIABLE = "AGENTTRACE_TEST_POSTGRES"


@pytest.fixture(scope="session")
def postgres_programs() -> object:
    """Return the folder of PostgreSQL's programs."""
    found = find_programs()
    if found is None:
        if os.environ.get(_VARIABLE):
            pytest.skip(f"stops and starts a server of its own, and {_VARIABLE} names one that must stay")
        pytest.fail(f"no PostgreSQL found: `make postgres` installs it, or {_VARIABLE} names a database for tests")
    return found


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Generator[str]:
    """Return the URL of a database on a server, one for each test process."""
    if os.environ.get(_VARIABLE):
        yield os.environ[_VARIABLE]
        return
    cluster = Cluster(request.getfixturevalue("postgres_programs"))
    try:
        cluster.start()
        yield cluster.url
    finally:
        cluster.remove()


@pytest.fixture
def postgres_url(postgres_server: str) -> Generator[str]:
    """Return the URL of a schema that is this test's own."""
    with fresh_schema(postgres_server) as url:
        yield url


@pytest.fixture
def own_cluster(postgres_programs: object) -> Generator[Cluster]:
    """Return a server that a test may stop, not started yet."""
    cluster = Cluster(postgres_programs)  # type: ignore[arg-type]
    try:
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def postgres_schemas(postgres_server: str) -> Generator[Callable[[], str]]:
    """Return a function that returns the URL of one more schema."""
    made: list[object] = []

    def make() -> str:
        context = fresh_schema(postgres_server)
        made.append(context)
        return context.__enter__()

    yield make
    for context in made:
        context.__exit__(None, None, None)  # type: ignore[attr-defined]


def as_role(url: str, role: str) -> str:
    """Return a URL with another role, which has no password; skips the test on a server that asks for one."""
    if "//postgres@" not in url:
        pytest.skip(f"needs a server that trusts every role, and a URL in {_VARIABLE} with postgres@")
    return url.replace("//postgres@", f"//{role}@")


@contextmanager
def fresh_schema(server: str) -> Generator[str]:
    """Make a schema, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")  # type: ignore[arg-type]
    # The options come last: tests add to them.
    added = f"application_name={name}&options={quote(f'-csearch_path={name}')}"
    yield f"{server}{'&' if '?' in server else '?'}{added}"
    if os.environ.get(_VARIABLE):
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {name} CASCADE")  # type: ignore[arg-type]
