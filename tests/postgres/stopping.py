"""Several processes write and read while the server is stopped and started again: nothing is lost.

`python -m tests.postgres.stopping` runs the long form: eight processes, a minute, the server away for 20 seconds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import psycopg

from agenttrace.errors import StoreUnavailable
from agenttrace.model import ids
from agenttrace.store.postgres import PostgresStore
from agenttrace.store.protocol import RunFilter
from tests.postgres.postgres_server import Cluster, find_programs

__all__ = ["Outcome", "write_while_stopping"]

_WRITER = Path(__file__).with_name("postgres_writer.py")
_WHERE = RunFilter(workspace_id=ids.DEFAULT_WORKSPACE.bytes)


class Outcome(NamedTuple):
    """What became of it."""

    turns: int
    waits: int
    runs: int
    roots: int
    events: int
    reads: int
    failed_reads: int


def write_while_stopping(cluster: Cluster, *, processes: int, seconds: float, away: float) -> Outcome:
    """Write with several processes and read with one, the server being away in the middle."""
    cluster.start(fsync="on")
    store = PostgresStore(cluster.url)
    store.open()
    writers = [
        subprocess.Popen(
            [sys.executable, _WRITER, cluster.url, str(n), str(seconds)], stdout=subprocess.PIPE, text=True
        )
        for n in range(1, processes + 1)
    ]
    try:
        _wait_for_all(cluster.url, processes)
        reads = _read(store, seconds=(seconds - away) / 4)
        cluster.stop()
        gone = _read(store, seconds=away)
        cluster.start(fsync="on")
        after = _read(store, writers)
        told = [writer.communicate(timeout=120)[0].split() for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    store.close()
    counts = _counts(cluster.url)
    failed = reads[1] + gone[1] + after[1]
    return Outcome(sum(int(a) for a, _ in told), sum(int(b) for _, b in told), *counts, reads[0] + after[0], failed)


def _read(
    store: PostgresStore, writers: list[subprocess.Popen[str]] | None = None, *, seconds: float = 0.0
) -> tuple[int, int]:
    """Read for some time, or until the writers are done; return how often that went well, and how often it failed."""
    well = badly = 0
    end = time.monotonic() + seconds
    while any(writer.poll() is None for writer in writers) if writers else time.monotonic() < end:
        try:
            assert store.count_runs(_WHERE) % 5 == 0
            well += 1
        except StoreUnavailable:
            badly += 1
        time.sleep(0.05)
    return well, badly


def _wait_for_all(url: str, processes: int) -> None:
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            if connection.execute("SELECT count(*) FROM session").fetchall() == [(processes,)]:
                return
            time.sleep(0.05)
    raise AssertionError("not every process writes")


def _counts(url: str) -> tuple[int, int, int]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE is_root), (SELECT count(*) FROM event) FROM run"
        ).fetchall()
    return found[0]  # type: ignore[return-value]


if __name__ == "__main__":
    programs = find_programs()
    assert programs is not None
    server = Cluster(programs)
    try:
        sys.stdout.write(f"{write_while_stopping(server, processes=8, seconds=60, away=20)}\n")
    finally:
        server.remove()
