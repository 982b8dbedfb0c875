"""Two processes record into one SQLite file while a third one reads it: nobody is locked out, nothing is lost.

`python -m tests.store.minute` runs the long form, for a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from agenttrace.model import ids
from agenttrace.store.protocol import RunFilter
from agenttrace.store.sqlite import SQLiteStore

__all__ = ["Outcome", "write_and_read"]

_WRITER = """
import json, sys, time
import agenttrace
path, journal, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
trace = agenttrace.AgentTrace(path, journal_dir=journal)
end, turns = time.monotonic() + seconds, 0
while time.monotonic() < end:
    with trace.master("answer", input="a question", session_id="s"):
        for name in ("search", "look_up"):
            with trace.tool_call(name, input={"query": "words"}) as call:
                call.output = ["found"]
    turns += 1
    time.sleep(0.001)
stored = trace.flush(60)
stats = trace.stats()
trace.shutdown(60)
print(json.dumps({"turns": turns, "stored": stored, "retried": stats.retried, "error": stats.last_error}))
"""


class Outcome(NamedTuple):
    """What became of it."""

    turns: int
    runs: int
    roots: int
    reads: int
    stored: bool  # both processes could flush
    retried: int  # batches that had to be written again
    errors: tuple[str, ...]  # what writers or the reader met


def write_and_read(folder: Path, *, seconds: float) -> Outcome:
    """Record with two processes for so long, read with this one meanwhile, and count in the end."""
    path = folder / "traces.db"
    store = SQLiteStore(path)
    store.open()
    command = [sys.executable, "-c", _WRITER, str(path), str(folder / "journal"), str(seconds)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    where = RunFilter(workspace_id=ids.DEFAULT_WORKSPACE.bytes, limit=50)
    reads, errors = 0, []
    try:
        while any(writer.poll() is None for writer in writers):
            try:
                store.runs(where)
                store.count_runs(where)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
            reads += 1
        told = [json.loads(writer.communicate(timeout=60)[0]) for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    errors += [one["error"] for one in told if one["error"]]
    runs = store.count_runs(where)
    roots = store.count_runs(RunFilter(workspace_id=where.workspace_id, roots_only=True))
    store.close()
    turns = sum(one["turns"] for one in told)
    stored, retried = all(one["stored"] for one in told), sum(one["retried"] for one in told)
    return Outcome(turns, runs, roots, reads, stored, retried, tuple(errors))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(f"{write_and_read(Path(place), seconds=60)}\n")
