"""Bring the tables of an older store up to this library's version, inside a transaction that the caller holds.

Alembic and SQLAlchemy are imported here, and only when there is something to upgrade. Two ways of Alembic are not
gone: its version table (a store says its version in one place, see `store.version`), and its module-wide `op` and
`context`, which belong to the traced program, that may migrate a database of its own at the same moment.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agenttrace.store import forking
from agenttrace.store.version import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.script import Script
    from sqlalchemy import Engine

__all__ = ["FOLDER", "upgrade"]

#: Where the versions are: `versions/v0002.py` leads from version 1 to 2.
FOLDER = Path(__file__).parent

_ENGINES = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
_OPTIONS: dict[str, dict[str, Any]] = {"sqlite": {}, "postgresql": {"use_native_hstore": False}}
# A fork in the middle of an import leaves the child with half a module, so it waits for this one longer than usual.
_IMPORT_SECONDS = 10.0

_log = logging.getLogger("agenttrace.store")


def upgrade(
    connection: Any,
    database: Literal["sqlite", "postgresql"],
    found: int,
    *,
    wanted: int = SCHEMA_VERSION,
    folder: Path | None = None,
) -> None:
    """Change the tables of version `found` to those of version `wanted`; what records the version is the caller's.

    `connection` is the driver's own. Its caller began a transaction in which no other writer interferes, and ends it:
    nothing is committed here, so an error or the death of the process leaves the store as it was. Raises what the
    driver raises.
    """
    with forking.inside(patience=_IMPORT_SECONDS):
        from alembic.migration import MigrationContext
        from alembic.operations import Operations
        from sqlalchemy.exc import DBAPIError

        engine, scripts = _engine(connection, database), _scripts(found, wanted, folder or FOLDER)
    try:
        with engine.connect() as lent:
            operations = Operations(MigrationContext.configure(lent))
            for script in scripts:
                _log.info("a %s store goes from version %s to %s", database, script.down_revision, script.revision)
                script.module.upgrade(operations)
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from error
    finally:
        engine.dispose()


def _engine(connection: Any, database: str) -> Engine:
    """Return an engine whose one connection is this one."""
    from sqlalchemy import StaticPool, create_engine

    return create_engine(
        _ENGINES[database], creator=lambda: _Lent(connection), poolclass=StaticPool, **_OPTIONS[database]
    )


def _scripts(found: int, wanted: int, folder: Path) -> list[Script]:
    """Return what leads from one version to another, in the order to run it."""
    from alembic.script import ScriptDirectory

    return list(ScriptDirectory(folder).iterate_revisions(_revision(wanted), _revision(found)))[::-1]


def _revision(version: int) -> str:
    return f"{version:04}"


class _Lent:
    """A connection whose transaction and life belong to somebody else."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to whoever began."""

    def rollback(self) -> None:
        """Leave it to whoever began."""

    def close(self) -> None:
        """Leave it to whoever opened it."""
