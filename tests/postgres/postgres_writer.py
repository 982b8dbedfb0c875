"""A program that writes runs into a PostgreSQL store, and goes on when the server is away.

`postgres_writer.py URL NUMBER SECONDS`: writes a turn of five runs at a time, as fast as it goes, for so many seconds;
repeats what failed; says at the end how many turns it wrote, and how often it had to wait.
"""

from __future__ import annotations

import sys
import time

from agenttrace.errors import StoreUnavailable
from agenttrace.store.postgres import PostgresStore
from agenttrace.testing.records import TRACE, batch_of, run_record

_PAUSE = 0.05


def turn(number: int, step: int) -> list[tuple[int, bytes]]:
    """Return the records of one turn of one process."""
    trace, scope = TRACE + ((number * 10_000_000 + step) << 80), {"session_id": f"s{number}"}
    start = 1_790_000_000_000_000 + number * 1_000_000_000 + step
    children = [
        run_record(span, trace=trace, parent=1, scope=scope, start=start, end=start + 9, seq=span)
        for span in range(2, 6)
    ]
    return [*children, run_record(1, trace=trace, run_type="master", scope=scope, start=start, end=start + 9)]


def main(url: str, number: int, seconds: float) -> None:
    """Write until the time is over."""
    store = PostgresStore(url)
    waited = _until_done(store.open)
    end, step = time.monotonic() + seconds, 0
    while time.monotonic() < end or step == 0:
        batch = batch_of(*turn(number, step))
        waited += _until_done(lambda batch=batch: store.write(batch))
        step += 1
    store.close()
    sys.stdout.write(f"{step} {waited}\n")


def _until_done(act) -> int:
    failed = 0
    while True:
        try:
            act()
        except StoreUnavailable:
            failed += 1
            time.sleep(_PAUSE)
        else:
            return failed


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
