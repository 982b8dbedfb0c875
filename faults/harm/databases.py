"""Database servers that stop and start again."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from faults.fault import Skipped, fault
from faults.room import Room

if TYPE_CHECKING:
    from tests.postgres.postgres_server import Cluster

WORKING = """
import os, sys, time
from faults.traced import Traced, say

traced = Traced(sys.argv[1], journal_dir="journal")
number = 0
while not os.path.exists("stop"):
    traced.work(f"{sys.argv[2]}-{number}", sys.argv[2], 1)
    number += 1
    time.sleep(0.02)
flushed = traced.trace.flush(60)
say("flushed", flushed, traced.trace.stats().retried)
"""

_SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@fault("store: PostgreSQL stopped and restarted")
def restarted(room: Room) -> None:
    """Once in an orderly way, once as by a crash, while two processes go on recording."""
    try:
        from tests.postgres.postgres_server import Cluster, find_programs
    except ImportError as error:
        raise Skipped(f"needs psycopg ({error})") from error
    programs = find_programs()
    if programs is None:
        raise Skipped("no PostgreSQL is installed")
    cluster = Cluster(programs)
    try:
        cluster.start(**_SETTINGS)
        _stop_and_start(room, cluster)
        room.check(room.read(cluster.url, journal_dir="journal"))
    finally:
        cluster.remove()


def _stop_and_start(room: Room, cluster: Cluster) -> None:
    children = [room.start(WORKING, cluster.url, f"{number}") for number in range(2)]
    for child in children:
        child.wait_lines(100)
    for how in (signal.SIGINT, signal.SIGQUIT):
        cluster.stop(how)
        time.sleep(0.5 if room.quick else 10)
        cluster.start(**_SETTINGS)
        time.sleep(0.2)
    (room.folder / "stop").touch()
    for child in children:
        child.wait()
    for flushed, retried in room.told().said("flushed"):
        room.expect(flushed == "True", "not everything came to the server")
        room.expect(int(retried) > 0, "nobody noticed that the server was away")
