"""A program that writes runs into a SQLite store: `store_writer.py FILE NUMBER BATCHES`."""

from __future__ import annotations

import sys

from agenttrace.store.sqlite import SQLiteStore
from agenttrace.testing.records import batch_of, run_record

if __name__ == "__main__":
    path, number, batches = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = SQLiteStore(path)
    store.open()
    for step in range(batches):
        first = number * 1_000_000 + step * 100 + 1
        children = (run_record(first + n, parent=first, end=2_000_000, scope={"session_id": "s"}) for n in range(1, 20))
        store.write(batch_of(*children, run_record(first, run_type="master", scope={"session_id": "s"})))
    store.close()
