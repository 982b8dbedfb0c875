"""What a store costs: runs written a second and CPU a run, and how long each view's pages take as the store grows.

    python benchmarks/store.py [--stores sqlite,memory,postgresql,clickhouse] [--sizes 10000,100000,1000000] [--quick]
                               [--json FILE]

SQLite is in temporary files, ClickHouse's engine in process in a temporary folder; `postgresql` needs
AGENTTRACE_TEST_POSTGRES, the URL of an empty database, in which it makes a schema for each size.

Writing: trees of five runs (a turn, a retrieval, a tool call, two prompts; 200 to 600 bytes of content each), as their
journal records, a start and an end each, in batches of 1,000 records as the writer has them: decoded, merged and
written in one transaction. CPU is this process's; a server's own is not in it.

Reading: in a store of each size, which take turns, the first page and a deep one of each view, in process, as pydantic
documents. What a view matches is the same at every size: 200 trees of one contact, one session of one agent, one
conversation and one day; everything else belongs to others and other days. So the growth says what the rest of the
store costs: 1.0 is none.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agenttrace.model import ids
from agenttrace.query.reader import Query
from agenttrace.store.batch import Batch
from agenttrace.store.protocol import RunFilter
from agenttrace.store.scope import resolve
from agenttrace.store.urls import open_store
from agenttrace.testing.records import PROCESS, batch_of, run_record

if TYPE_CHECKING:
    from agenttrace.store.protocol import Store

# The folder of this file is no place to import from: `http` there is another benchmark, which drivers would meet.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

Record = tuple[int, bytes]

WORKSPACE = ids.DEFAULT_WORKSPACE
TEXT = "The widget shows a green light once it is connected; hold the button for three seconds to start over. "
PROMPT: dict[str, Any] = {
    "system_prompt": TEXT * 4,
    "history": [{"role": "user", "content": TEXT[:80]}],
    "llm_model": "gpt-5",
    "usage": {"input_tokens": 120, "output_tokens": 30},
}
WATCHED = 200  # trees
TREE = 5
DAY = 86_400_000_000
AT_ONCE = 400  # trees a batch while a store is filled


def uid(kind: int, number: int) -> str:
    """Return the UUID of a contact, session, user or conversation."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def scope_of(group: int) -> dict[str, str]:
    """Return the ids of one group of trees; group 0 is the one that is watched."""
    return {
        "agent_key": f"agt_{group % 10}",
        "session_id": uid(2, group),
        "ai_contact_id": uid(1, group),
        "user_id": uid(3, group),
        "conversation_id": uid(5, group),
    }


def spans() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the runs of a tree."""
    return [
        ("master", "answer", {"input": {"question": TEXT[:50]}, "output": TEXT}),
        ("context", "retrieve", {"query": TEXT[:50], "documents": [{"title": "Guide", "text": TEXT * 3}]}),
        ("tool_call", "search_kb", {"input": {"query": TEXT[:40], "max": 5}, "output": [TEXT]}),
        ("prompt", "choose", PROMPT | {"llm_response": "search_kb"}),
        ("prompt", "engage", PROMPT | {"llm_response": TEXT}),
    ]


def tree(number: int, start: int, group: int, *, ends: bool = True) -> list[Record]:
    """Return one tree's records: each run's end, or its start."""
    trace = (start // 1000 << 80) | number + 1
    return [
        run_record(
            index + 1,
            trace=trace,
            parent=1 if index else None,
            run_type=kind,
            name=name,
            start=start + index * 1000,
            seq=number * 20 + index * 2,
            turn=start,
            scope=scope_of(group),
            attributes={"interaction_type": "free_form", "widget_id": "w"} if kind == "master" else {},
            **({"prompt_type": name} if kind == "prompt" else {}),
            **({"end": start + index * 1000 + 900 + 5000 * (not index), "content": content} if ends else {}),
        )
        for index, (kind, name, content) in enumerate(spans())
    ]


# --- filling ---------------------------------------------------------------------------------------------------------


class Filler:
    """Fills a store: the watched trees first, on a day of their own, then those of others, on later days."""

    def __init__(self, store: Store, day: int) -> None:
        self.runs = 0
        self._store = store
        self.day = day
        watched = [record for number in range(WATCHED) for record in tree(number, day + number * 60_000_000, 0)]
        for first in range(0, len(watched), 500):
            store.write(batch_of(*watched[first : first + 500]))
        self.runs += len(watched)
        # The other trees' rows are copies of one, with ids and times of their own: made as fast as they are written.
        self._rows = list(batch_of(*tree(1, day, 1)).runs.values())

    def fill(self, size: int) -> None:
        """Write trees of others until the store has this many runs."""
        while self.runs < size:
            trees = min(AT_ONCE, (size - self.runs + TREE - 1) // TREE)
            batch = Batch()
            for _ in range(trees):
                self._add(batch, self.runs // TREE)
                self.runs += TREE
            self._store.write(batch)

    def _add(self, batch: Batch, number: int) -> None:
        start = self.day + DAY + number * 500_000
        trace = (start // 1000 << 80) | number + 1
        group = 1 + number // 40
        scope = resolve(scope_of(group))
        batch._see(scope, start)
        ours = {name: getattr(scope, name) for name in ("session_id", "ai_contact_id", "user_id", "conversation_id")}
        root = ids.run_id(trace, 1)
        for index, row in enumerate(self._rows):
            key = ids.run_id(trace, index + 1)
            batch.runs[row.workspace_id, key] = replace(
                row,
                id=key,
                trace_id=trace.to_bytes(16, "big"),
                parent_id=root if index else None,
                start_time=start + index * 1000,
                end_time=start + index * 1000 + 900,
                turn_time=start,
                seq=number * 20 + index * 2,
                end_seq=number * 20 + index * 2 + 1,
                agent_key=scope.agent_key,
                **ours,
            )


# --- writing ---------------------------------------------------------------------------------------------------------


def written(store: Store, runs: int, day: int) -> dict[str, float]:
    """Return the rate, and the CPU of this process, of writing so many runs in the writer's batches."""
    batches: list[list[Record]] = []
    start = day - 300 * DAY
    for first in range(0, runs // TREE, 100):
        records: list[Record] = []
        for number in range(first, first + 100):
            at, group = start + number * 500_000, 1_000_000 + number // 40
            records += tree(number, at, group, ends=False) + tree(number, at, group)
        batches.append(records)
    count = len(batches) * 100 * TREE
    began, cpu = time.perf_counter(), time.process_time()
    for records in batches:
        batch = Batch()
        for kind, payload in records:
            batch.add(kind, payload, process_id=PROCESS, now=at)
        store.write(batch)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"runs a second": count / took, "cpu": cpu / count * 1e6}


# --- reading ---------------------------------------------------------------------------------------------------------

Page = Callable[[], object]


def pages(query: Query, day: int) -> dict[str, Page]:
    """Return the first page and a deep page of each view."""
    date = datetime.fromtimestamp(day / 1e6, UTC).date().isoformat()  # both ends are inclusive
    group = scope_of(0)
    agent, session, contact = group["agent_key"], group["session_id"], group["ai_contact_id"]
    talk = group["conversation_id"]
    key = None
    for _ in range(11):
        key = query.agent_events(agent, session, limit=20, page_key=key).metadata.page_key
    deep = key

    def asked(page: int) -> object:
        return query.ask_ai_logs(start_date=date, end_date=date, page=page, limit=50)

    return {
        "run logs": lambda: query.run_logs(ai_contact_id=contact),
        "run logs, page 10": lambda: query.run_logs(ai_contact_id=contact, page=10),
        "agent events": lambda: query.agent_events(agent, session, limit=20),
        "agent events, page 12": lambda: query.agent_events(agent, session, limit=20, page_key=deep),
        "action logs": lambda: query.action_logs(session_id=session),
        "Ask AI logs": lambda: asked(1),
        "Ask AI logs, page 4": lambda: asked(4),
        "prompt logs": lambda: query.prompt_logs(WORKSPACE, conversation_id=talk),
        "prompt logs, page 20": lambda: query.prompt_logs(WORKSPACE, conversation_id=talk, offset=380),
    }


def read(queries: dict[int, Query], day: int, times: int) -> dict[str, dict[int, tuple[float, float]]]:
    """Return p50 and p99 of each page, in ms, by size; the sizes take turns, so that what slows one slows all."""
    asked = {size: pages(query, day) for size, query in queries.items()}
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for view in next(iter(asked.values())):
        taken: dict[int, list[float]] = {size: [] for size in queries}
        for number in range(times + 5):
            for size, ask in asked.items():
                started = time.perf_counter()
                ask[view]()
                if number >= 5:  # the first ones warm up
                    taken[size].append((time.perf_counter() - started) * 1000)
        found[view] = {
            size: (statistics.median(each), sorted(each)[min(int(len(each) * 0.99), len(each) - 1)])
            for size, each in taken.items()
        }
    return found


def check(store: Store, size: int) -> None:
    """Exit where the store does not hold what it should: measured is only what is right."""
    count = store.count_runs(RunFilter(workspace_id=WORKSPACE.bytes))
    if count < size:
        sys.exit(f"{store.url}: expected {size} runs, found {count}")


# --- all of it -------------------------------------------------------------------------------------------------------


def url_of(name: str, folder: Path, size: int) -> str:
    """Return the URL of a store for one size: each has a file, a database or a schema of its own."""
    if name == "sqlite":
        return f"sqlite:///{folder}/traces-{size}.db"
    if name == "clickhouse":
        return f"chdb:///{folder}/clickhouse?database=runs_{size}"
    if name == "memory":
        return "memory://"
    server = os.environ.get("AGENTTRACE_TEST_POSTGRES")
    if name != "postgresql" or server is None:
        sys.exit(
            "--stores: sqlite, clickhouse, memory, and postgresql, the URL of whose empty database "
            "AGENTTRACE_TEST_POSTGRES has"
        )
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA runs_{size}")
    return f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3Druns_{size}"


def measure(name: str, folder: Path, sizes: list[int], given: argparse.Namespace) -> dict[str, Any]:
    """Print and return what one kind of store costs."""
    day = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp()) * 1_000_000

    def opened(size: int) -> Store:
        store = open_store(url_of(name, folder, size), clock=lambda: day + 300 * DAY)
        store.open()
        return store

    first = opened(0)
    found: dict[str, Any] = {"write": written(first, given.written, day)}
    print(f"{name}: {found['write']['runs a second']:.0f} runs a second, {found['write']['cpu']:.1f} µs CPU a run")
    first.close()
    stores: dict[int, Store] = {}
    for size in sizes:
        stores[size] = opened(size)
        started = time.perf_counter()
        filler = Filler(stores[size], day)
        filler.fill(size if name != "clickhouse" else min(size, COPIED))
        if name == "clickhouse" and size > COPIED:
            copy(stores[size], filler, size)
        check(stores[size], size)
        print(f"  {size} runs, filled in {time.perf_counter() - started:.0f} s", flush=True)
    queries = {size: Query(store, clock=lambda: day + 300 * DAY) for size, store in stores.items()}
    found["read"] = read(queries, day, given.times)
    print(f"  {'p50 (p99), ms':22}" + "".join(f"{size:>20}" for size in sizes) + f"{'growth':>8}")
    for view, cells in found["read"].items():
        growth = cells[sizes[-1]][0] / cells[sizes[0]][0]
        line = "".join(f"{f'{p50:.2f} ({p99:.2f})':>20}" for p50, p99 in cells.values())
        print(f"  {view:22}{line}{growth:8.2f}")
    for store in stores.values():
        store.close()
    return found


#: Above so many runs the engine copies what is there: a day's rows again and again, with other ids and times.
COPIED = 50_000

_MS = "unhex(leftPad(hex(intDiv({column} + shift, 1000)), 12, '0'))"
_OTHER = "toFixedString(concat(substring(t.{column}, 1, 8), unhex(leftPad(hex(10000000 + n), 16, '0'))), 16)"


def copy(store: Any, filler: Filler, size: int) -> None:
    """Let ClickHouse's engine copy the other trees until there are this many runs, some at a time."""
    trees = (filler.runs - WATCHED * TREE) // TREE
    times = (size - filler.runs) // (trees * TREE) + 1
    behind = filler.day + DAY + (WATCHED + trees) * 500_000  # where the copies begin
    with store._clients.lend() as client:
        for table, changed in COPIES.items():
            database, name = store._place.database, store._place.name(table)
            named = f"SELECT name FROM system.columns WHERE database = '{database}' AND table = '{table}'"
            columns = [row[0] for row in client.query(named).result_rows]
            values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
            start = "start_time" if table == "run" else "created_at"
            for first in range(1, times + 1, COPIES_AT_ONCE):
                copies = min(COPIES_AT_ONCE, times + 1 - first)
                client.command(
                    f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values} "
                    f"FROM (SELECT * FROM {name} WHERE {start} >= {filler.day + DAY} AND {start} < {behind}) AS t, "
                    f"(SELECT number AS n, n * {trees * 500_000} AS shift FROM numbers({first}, {copies})) AS k"
                )
    filler.runs += trees * TREE * times


COPIES_AT_ONCE = 5

COPIES: dict[str, dict[str, str]] = {
    "run": {
        "id": f"toFixedString(concat({_MS.format(column='t.turn_time')}, substring(t.id, 7, 10)), 16)",
        "trace_id": f"toFixedString(concat({_MS.format(column='t.turn_time')}, substring(t.trace_id, 7, 10)), 16)",
        "parent_id": f"if(t.parent_id IS NULL, NULL, toFixedString(concat({_MS.format(column='t.turn_time')}, "
        "substring(assumeNotNull(t.parent_id), 7, 10)), 16))",
        **{column: f"t.{column} + shift" for column in ("start_time", "end_time", "turn_time")},
        **{
            column: _OTHER.format(column=column).replace(f"t.{column}", f"assumeNotNull(t.{column})")
            for column in ("session_id", "ai_contact_id", "conversation_id")
        },
    },
    "event": {
        "id": "concat('aev_', lower(leftPad(hex(t.created_at + shift), 14, '0')), substring(t.id, 19))",
        "session_id": _OTHER.format(column="session_id"),
        "run_id": f"toFixedString(concat({_MS.format(column='t.turn_time')}, substring(t.run_id, 7, 10)), 16)",
        **{column: f"t.{column} + shift" for column in ("created_at", "turn_time")},
    },
}


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stores", default="memory,sqlite,clickhouse")
    arguments.add_argument("--sizes", default="10000,100000,1000000")
    arguments.add_argument("--written", type=int, default=50_000, help="runs that are written to measure writing")
    arguments.add_argument("--times", type=int, default=200, help="how often each page is read")
    arguments.add_argument("--quick", action="store_true", help="small stores, and little time")
    arguments.add_argument("--json", type=Path, help="write the figures here as well")
    given = arguments.parse_args()
    if given.quick:
        given.sizes, given.written, given.times = "2000,4000", 2_000, 20
    sizes = [int(size) for size in given.sizes.split(",")]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.stores.split(","):
            at_most = [size for size in sizes if name != "memory" or size <= 100_000]
            found[name] = measure(name, Path(folder), at_most, given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"peak memory of this process {peak} MiB")
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
