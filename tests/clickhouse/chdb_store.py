"""One engine for all tests of a process; each test has a database, which the next one gets emptied."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from agenttrace.store.clickhouse import ClickHouseStore

_databases: dict[Path, str] = {}
_free: list[str] = []
_holder: list[ClickHouseStore] = []


def engine_folder() -> Path:
    """Return the folder of this process's engine, of which a process can have one only; it runs from now on."""
    if not _holder:
        folder = Path(tempfile.mkdtemp(prefix="agenttrace-chdb-"))
        holder = ClickHouseStore(f"chdb:///{folder}?database=held")
        holder.open()
        _holder.append(holder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        atexit.register(holder.close)
    return Path(_holder[0].url.partition("?")[0].removeprefix("chdb:///"))


def url_of(tmp_path: Path) -> str:
    """Return the URL of the store that belongs to a test's folder."""
    folder = engine_folder()
    if tmp_path not in _databases:
        _databases[tmp_path] = _free.pop() if _free else f"t{len(_databases)}"
    return f"chdb:///{folder}?database={_databases[tmp_path]}"


def give_back(tmp_path: Path) -> None:
    """Empty the databases of a test: of its folder, and of those in it."""
    for path in [one for one in _databases if one.is_relative_to(tmp_path)]:
        _empty(_databases.pop(path))


def _empty(name: str) -> None:
    with _holder[0]._clients.lend() as client:  # pyright: ignore[reportPrivateUsage]
        where = f"database = '{name}' AND engine LIKE '%MergeTree' AND total_rows > 0"
        tables = client.query(f"SELECT name FROM system.tables WHERE {where}").result_rows  # noqa: S608
        for (table,) in tables:
            client.command(f"TRUNCATE TABLE {name}.{table}")
    _free.append(name)
