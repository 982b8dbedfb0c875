"""`writer="process"`: what several programs record reaches the store by way of one drainer, whatever dies when."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agenttrace.journal import seat
from tests.drain.conftest import Place, ended, line, say
from tests.e2e.children import wait_until

RECORDS = """
for number in range(int(sys.argv[3])):
    with trace.master(f"{sys.argv[2]}{number:05d}", input={"n": number}) as turn:
        turn.output = "x" * 200
assert trace.flush(60)
from agenttrace.journal import seat
print(seat.said(__import__("pathlib").Path(sys.argv[1] + ".journal"))["pid"], flush=True)
"""


def names(letter: str, count: int) -> list[str]:
    return [f"{letter}{number:05d}" for number in range(count)]


def test_several_programs_share_one_drainer(place: Place) -> None:
    """Each starts one if need be, and one of them stays; nothing is left but the drainer's own files."""
    children = [place.start(RECORDS, letter, 40) for letter in "abc"]
    assert len({ended(child) for child in children}) == 1
    assert place.names() == [name for letter in "abc" for name in names(letter, 40)]
    assert {run.status for run in place.runs()} == {"success"}
    assert place.journals() == []
    assert {entry.name for entry in place.root.iterdir()} == {
        "drain.lock",
        "drain.start",
        "drain.state",
        "drain.wake",
    }
    assert {entry.stat().st_mode & 0o077 for entry in place.root.iterdir()} == {0}


def test_a_drainer_is_no_child_that_the_program_meets(place: Place) -> None:
    """A program that waits for any child of its own meets its own, and no zombie stays."""
    said = place.run(
        """
with trace.master("first"):
    pass
try:
    print(os.wait())
except ChildProcessError:
    print("no child")
assert trace.flush(60)
"""
    )
    assert said == "no child\n"


def test_a_store_that_is_removed_is_made_anew_by_the_drainer(place: Place) -> None:
    """What is recorded afterwards is there, also for the program's own queries."""
    said = place.run(
        """
import logging
logging.disable()
with trace.master("before"):
    pass
assert trace.flush(60)
assert len(list(trace.query.runs())) == 1
for suffix in ("", "-wal", "-shm"):
    os.remove(sys.argv[1] + suffix)
with trace.master("after"):
    pass
assert trace.flush(60)
print([run.name for run in trace.query.runs()])
"""
    )
    assert said.strip() == "['after']"
    assert place.names() == ["after"]


def test_the_program_has_no_thread_no_driver_no_child_and_its_counters(place: Place) -> None:
    """It reads its own writes all the same; the driver is loaded by the first query."""
    said = place.run(
        """
with trace.master("turn") as turn:
    with trace.tool_call("look"):
        pass
assert trace.flush(60)
assert trace.flush(60)
threads = [thread.name for thread in threading.enumerate()]
loaded = {"sqlite3", "psycopg", "sqlalchemy", "pydantic", "agenttrace.store.sqlite"} & set(sys.modules)
stats = trace.stats()
try:
    os.waitpid(-1, os.WNOHANG)
    child = True
except ChildProcessError:
    child = False
with trace.master("last"):
    pass
seen = sorted(run.name for run in trace.query.runs())
import json
print(json.dumps([threads, sorted(loaded), child, seen, stats.recorded, stats.written, stats.pending, stats.heartbeats,
                  stats.backlog_bytes, stats.last_error]))
"""
    )
    assert json.loads(said) == [["MainThread"], [], False, ["last", "look", "turn"], 4, 4, 0, 1, 0, None]


def test_shutting_down_and_going_on(place: Place) -> None:
    """`shutdown` says True once all is stored, twice if asked twice; a later span begins anew."""
    place.run(
        """
with trace.master("first"):
    pass
folder = trace.stats().journal_dir
assert trace.shutdown(60)
assert not os.path.exists(folder)
assert trace.shutdown(60)
assert trace.stats().journal_dir is None
with trace.master("second"):
    pass
assert trace.flush(60)
assert trace.stats().written == 4
span = trace.master("open").start()
assert trace.flush(60)
folder = trace.stats().journal_dir
assert trace.shutdown(60)
assert os.path.exists(folder), "a run is open: its process lives"
span.end()
assert trace.shutdown(60)
assert not os.path.exists(folder)
"""
    )
    assert {run.name: run.status for run in place.runs()} == dict.fromkeys(("first", "second", "open"), "success")


def test_a_drainer_that_is_killed_in_the_middle_is_replaced(place: Place) -> None:
    """Nothing is lost, nothing is there twice, and what was open is still known as open."""
    child = place.start(
        """
held = trace.master("held").start()
assert trace.flush(60)
for part in range(3):
    print("part", flush=True)
    sys.stdin.readline()
    for number in range(1500):
        with trace.tool_call(f"{part}{number:05d}", input="x" * 300):
            pass
    print("recorded", flush=True)
    sys.stdin.readline()
    assert trace.flush(60), trace.stats()
assert trace.shutdown(60)
assert trace.stats().journal_dir is not None, "a run is open"
held.end()
"""
    )
    killed = set[int]()
    for _ in range(3):
        line(child)
        say(child)
        line(child)
        killed.add(place.kill_drainer())
        say(child)
    ended(child)
    assert len(killed) == 3
    assert place.names() == sorted(["held", *(f"{part}{number:05d}" for part in range(3) for number in range(1500))])
    assert {run.status for run in place.runs()} == {"success"}


def test_a_program_that_is_killed_has_its_open_runs_abandoned(place: Place) -> None:
    """And all that it recorded is there; its folder goes."""
    child = place.start(
        """
with trace.master("whole"):
    pass
trace.master("half").start()
assert trace.flush(60)
with trace.tool_call("late"):
    pass
print("there", flush=True)
sys.stdin.readline()
"""
    )
    line(child)
    child.kill()
    wait_until(lambda: place.journals() == [])
    assert {run.name: run.status for run in place.runs()} == {"whole": "success", "half": "failed", "late": "success"}
    (half,) = place.runs(name="half")
    assert half.error is not None
    assert half.error["type"] == "abandoned"
    with closing(sqlite3.connect(place.path)) as store:
        assert store.execute("select count(*) from process").fetchone() == (0,)


def test_a_program_that_ends_has_its_open_runs_abandoned(place: Place) -> None:
    """By an exit as well, without a word."""
    place.run(
        """
with trace.master("whole"):
    trace.tool_call("half").start()
"""
    )
    wait_until(lambda: place.journals() == [])
    assert {run.name: run.status for run in place.runs()} == {"whole": "success", "half": "failed"}
    (half,) = place.runs(name="half")
    assert half.error is not None
    assert half.error["type"] == "abandoned"


def test_where_both_are_killed_whoever_comes_next_has_it_all(place: Place) -> None:
    """By hand, once."""
    child = place.start(
        """
trace.master("open").start()
assert trace.flush(60)
print("there", flush=True)
sys.stdin.readline()
for number in range(100):
    with trace.tool_call(f"{number:05d}"):
        pass
print("done", flush=True)
sys.stdin.readline()
"""
    )
    line(child)
    place.kill_drainer()
    say(child)
    line(child)
    child.kill()
    child.wait()
    assert len(place.journals()) == 1
    ended(place.drain("--once"))
    assert place.journals() == []
    assert place.names() == [*(f"{number:05d}" for number in range(100)), "open"]
    assert [run.status for run in place.runs(name="open")] == ["failed"]


def test_the_journal_of_a_dead_thread_is_there_before_a_query_answers(place: Place) -> None:
    """Settling waits for a look of the drainer at what lay there."""
    place.run(
        """
other = agenttrace.AgentTrace(sys.argv[1], flush_interval=600.0)
for number in range(50):
    with other.master(f"{number:05d}"):
        pass
os._exit(0)
"""
    )
    assert len(place.journals()) == 1
    said = place.run(
        """
print(len(list(trace.query.runs())))
assert trace.flush(60)
"""
    )
    assert said == "50\n"


def test_a_burst_beyond_the_bound_degrades_and_keeps_its_structure(place: Place) -> None:
    """Nobody waits for room; every run is there, with what there was room for."""
    child = place.start(
        """
small = agenttrace.AgentTrace(sys.argv[1], writer="process", journal_max_bytes=1 << 20, exit_timeout=30.0)
with small.master("first"):
    pass
assert small.flush(60)
print("there", flush=True)
sys.stdin.readline()
with small.master("root"):
    for number in range(400):
        with small.tool_call(f"{number:05d}", input=f"x{number} " * 1000):
            pass
during = small.stats()
used = sum(e.stat().st_size for e in os.scandir(during.journal_dir) if e.name.endswith(".seg"))
print("recorded", flush=True)
sys.stdin.readline()
assert small.flush(60), small.stats()
after = small.stats()
print(used, during.degraded, after.degraded, after.dropped, after.pending, flush=True)
for number in range(20):
    with small.tool_call(f"after{number}", input="y" * 5000):
        pass
assert small.flush(60)
assert small.stats().degraded == after.degraded, "there is room again"
"""
    )
    line(child)
    pid = place.drainer()
    os.kill(pid, signal.SIGSTOP)
    say(child)
    line(child)
    os.kill(pid, signal.SIGCONT)
    say(child)
    used, during, after, dropped, pending = map(int, line(child).split())
    ended(child)
    assert used <= 1 << 20
    assert during > 0
    assert (after, pending) == (during, 0)
    runs = {run.name: run for run in place.runs() if run.run_type != "gap"}
    (root,) = [run.id for run in runs.values() if run.name == "root"]
    if not dropped:
        assert {f"{number:05d}" for number in range(400)} <= runs.keys()
    assert {run.parent_id for name, run in runs.items() if name.isdecimal()} == {root}
    assert runs["after3"].content["input"] == "y" * 5000


def test_a_forked_child_has_a_journal_of_its_own_and_the_same_drainer(place: Place) -> None:
    """What it records is there, and what its parent records after that."""
    said = place.run(
        """
from agenttrace.journal import seat
from pathlib import Path
root = Path(sys.argv[1] + ".journal")
with trace.master("before"):
    pass
assert trace.flush(60)
first = seat.said(root)["pid"]
child = os.fork()
if not child:
    with trace.master("child"):
        pass
    assert trace.shutdown(60)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
with trace.master("after"):
    pass
assert trace.flush(60)
print(first == seat.said(root)["pid"])
"""
    )
    assert said == "True\n"
    assert place.names() == ["after", "before", "child"]
    assert place.journals() == []


def test_where_no_drainer_can_be_started_waiting_ends_in_time(place: Place) -> None:
    """It says so; the records are in the journal, for who comes next."""
    place.run(
        """
sys.executable = "/nowhere/python"
lost = agenttrace.AgentTrace(sys.argv[1], writer="process", exit_timeout=0.2)
with lost.master("kept"):
    pass
assert not lost.flush(0.3)
stats = lost.stats()
assert stats.pending == 2
assert "drainer: FileNotFoundError" in stats.last_error, stats.last_error
os._exit(0)
"""
    )
    assert len(place.journals()) == 1
    ended(place.drain("--once"))
    assert place.names() == ["kept"]


def test_a_store_that_is_out_of_reach_holds_up_nothing_and_is_told(place: Place) -> None:
    """The drainer tries again, and the program hears why."""
    (place.folder / "later").mkdir()
    child = place.start(
        """
away = agenttrace.AgentTrace(sys.argv[2], journal_dir=sys.argv[1] + ".journal", writer="process", exit_timeout=30.0)
with away.master("kept"):
    pass
assert not away.flush(0.2)
deadline = time.monotonic() + 60
while not (away.stats().last_error and away.stats().retried):
    assert time.monotonic() < deadline
    time.sleep(0.01)
print(away.stats().last_error, flush=True)
sys.stdin.readline()
assert away.flush(60), away.stats()
print(len(list(away.query.runs())))
""",
        place.folder / "later",
    )
    assert "StoreUnavailable" in line(child)
    (place.folder / "later").rmdir()
    say(child)
    assert ended(child) == "1\n"


def test_a_url_that_no_drainer_can_use_is_told(place: Place) -> None:
    """It ends with a reason, which the programs see."""
    said = place.run(
        """
wrong = agenttrace.AgentTrace("postgresql://nobody@127.0.0.1/x?nonsense=1", journal_dir=sys.argv[1] + ".journal",
                              writer="process", exit_timeout=0.1)
with wrong.master("kept"):
    pass
deadline = time.monotonic() + 60
while not wrong.stats().last_error:
    assert time.monotonic() < deadline
    wrong.flush(0.1)
print(wrong.stats().last_error, flush=True)
os._exit(0)
"""
    )
    assert said.startswith("drainer: ConfigurationError"), said


@pytest.mark.parametrize("writer", ["thread", "process"])
def test_a_program_leaves_the_same_rows_either_way(tmp_path: Path, writer: str) -> None:
    """But for the id of the process."""
    rows: dict[str, list[object]] = {}
    for how in ("thread", writer):
        folder = tmp_path / f"{how}-{len(rows)}"
        folder.mkdir()
        place = Place(folder)
        try:
            place.run(PROGRAM, how)
            rows[how] = contents(place.path)
        finally:
            place.close()
    assert rows["thread"] == rows[writer]
    assert len(rows["thread"]) > 10


PROGRAM = """
from datetime import UTC, datetime
from agenttrace.testing import CountedIds, FixedClock
same = agenttrace.AgentTrace(sys.argv[1], writer=sys.argv[2], clock=FixedClock(datetime(2026, 5, 1, tzinfo=UTC)),
                             ids=CountedIds(), exit_timeout=30.0)

@same.tool_call
def look(text):
    if text == "bad":
        raise ValueError(text)
    return [text]

@same.master(agent_key="agt_a")
def turn(text):
    with same.context("find", query=text) as found:
        found.documents = ["d"]
    history = [{"role": "user", "content": text}]
    with same.prompt("engage", model="m", system_prompt="s" * 3000, history=history) as asked:
        asked.response = "r"
    same.register_contact("c2")
    try:
        look("bad")
    except ValueError:
        pass
    return look(text)

with same.scope(session_id="s", ai_contact_id="c", user_id="u"):
    turn("hello")
assert same.shutdown(60)
"""


def contents(path: Path) -> list[object]:
    """Return all rows, without the id of the process and what the store's own clock says."""
    found: list[object] = []
    with closing(sqlite3.connect(path)) as store:
        tables = sorted(name for (name,) in store.execute("select name from sqlite_master where type = 'table'"))
        for table in tables:
            columns = [row[1] for row in store.execute(f"pragma table_info({table})")]
            ours = {"process_id", "ingested_at", *(["created_at"] if table == "link" else [])}
            kept = [name for name in columns if name not in ours]
            if table.startswith("sqlite_") or table == "process" or not kept:
                continue
            rows = store.execute(f"select {', '.join(kept)} from {table}")  # noqa: S608 - the store's own names
            found += sorted(((table, *row) for row in rows), key=repr)
    return found


def test_a_program_that_erases_waits_for_the_journals_of_others(place: Place) -> None:
    """What another living program has in its journal is stored, deleted, and overwritten on the disk."""
    other = place.start(
        """
with trace.scope(user_id="u-erased"):
    with trace.master("theirs", input="SECRETWORD"):
        pass
print(trace.stats().journal_dir, flush=True)
sys.stdin.readline()
with trace.master("later", input="kept"):
    pass
"""
    )
    folder = Path(line(other))
    said = place.run(
        """
with trace.scope(user_id="u-erased"):
    with trace.master("ours"):
        pass
receipt = trace.purge(user_id="u-erased", timeout=60.0)
print(receipt.complete, receipt.pending_journals, receipt.counts["runs"])
"""
    )
    assert said.split() == ["True", "0", "2"]
    assert place.names() == []
    assert all(b"SECRETWORD" not in segment.read_bytes() for segment in folder.glob("*.seg"))
    say(other)
    ended(other)
    assert place.names() == ["later"]


def test_a_program_hears_that_another_one_erased(place: Place) -> None:
    """What it keeps of answers goes before it answers again, as the writer's thread would see to."""
    child = place.start(
        """
told = []
def forget():
    told.append(1)
trace.when_erased(forget)
with trace.scope(user_id="u-erased"):
    with trace.master("theirs"):
        pass
assert len(list(trace.query.runs())) == 1
held = trace.query
print("there", flush=True)
sys.stdin.readline()
trace.query
first = len(told)
print("again", flush=True)
sys.stdin.readline()
assert list(held.runs()) == []
print(first, len(told), flush=True)
"""
    )
    for _ in range(2):
        line(child)
        said = place.run("print(trace.purge(user_id='u-erased', timeout=60.0).complete)")
        assert said == "True\n"
        say(child)
    assert line(child) == "1 2"
    ended(child)


def test_its_own_records_are_erased_as_well(place: Place) -> None:
    """Twice, so that a segment that was overwritten once is looked at again."""
    said = place.run(
        """
for attempt in range(2):
    with trace.scope(user_id="u-erased"):
        with trace.master("ours", input="SECRETWORD"):
            pass
    receipt = trace.purge(user_id="u-erased", timeout=60.0)
    print(receipt.complete, receipt.counts["runs"])
    for entry in __import__("pathlib").Path(trace.stats().journal_dir).iterdir():
        assert b"SECRETWORD" not in entry.read_bytes()
"""
    )
    assert said.split() == ["True", "1", "True", "1"]


def test_a_drainer_by_hand_ends_on_a_signal_and_refuses_company(place: Place) -> None:
    """Status 0 for SIGTERM and Ctrl-C; status 3, and who drains, for a second one."""
    for number in (signal.SIGTERM, signal.SIGINT):
        first = place.drain("--flush-interval", "60")
        pid = place.drainer()
        assert pid == first.pid
        second = place.drain()
        out, err = second.communicate(timeout=60)
        assert (second.returncode, out) == (3, "")
        assert f"process {pid} on" in err
        first.send_signal(number)
        assert ended(first) == ""
        assert not seat.is_taken(place.root)


def test_a_drainer_with_nothing_to_do_ends_after_a_while(place: Place) -> None:
    """It waits for the living, and then for so many seconds."""
    child = place.start(
        """
with trace.master("turn"):
    pass
assert trace.flush(60)
print("there", flush=True)
sys.stdin.readline()
"""
    )
    drainer = place.drain("--linger", "0.05")
    ended(drainer) if drainer.poll() is not None else None
    line(child)
    say(child)
    ended(child)
    assert place.names() == ["turn"]
    last = place.drain("--linger", "0.05") if not seat.is_taken(place.root) else None
    if last is not None:
        assert ended(last) == ""
        assert not seat.is_taken(place.root)


def test_wrong_use_of_the_command(place: Place) -> None:
    """Status 2, and why."""
    for arguments, word in ((["--store", "other.db"], "once"), (["--retention", "soon"], "retention")):
        child = place.drain(*arguments)
        out, err = child.communicate(timeout=60)
        assert (child.returncode, out) == (2, "")
        assert word in err
