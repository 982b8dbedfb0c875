"""The life of a process: it forks, it exits, it is a worker of multiprocessing. Nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

from tests.journal.journal_support import FakeStore, child, make_pipeline, record, records_of, wait_until

SETUP = """
import os
root, rows = Path(sys.argv[1]), Path(sys.argv[2])
traced = make_pipeline(root, FileStore(rows))
def append(*numbers, **options):
    for number in numbers:
        traced.append(RUN, record(number, **options))
"""


def run(script: str, tmp_path: Path) -> list[str]:
    """Run a script with a pipeline and return the names of the runs that its store got, sorted."""
    child(SETUP + script, tmp_path / "journal", tmp_path / "rows")
    return sorted(line["name"] for line in records_of(tmp_path / "rows") if "name" in line)


def left_over(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "journal").iterdir())


def test_an_exit_flushes(tmp_path: Path) -> None:
    """A program that just ends has everything stored, and leaves no folder."""
    assert run("append(1, 2, 3)", tmp_path) == ["r1", "r2", "r3"]
    assert left_over(tmp_path) == []


def test_an_exit_through_an_exception_flushes(tmp_path: Path) -> None:
    """What led to the exception is what one wants to see."""
    done = child(SETUP + "append(1)\nraise SystemExit(3)", tmp_path / "journal", tmp_path / "rows", check=False)
    assert done.returncode == 3
    assert [line["name"] for line in records_of(tmp_path / "rows")] == ["r1"]


def test_an_exit_abandons_open_runs(tmp_path: Path) -> None:
    """Nobody else will end them."""
    assert run("append(1, running=True)", tmp_path) == ["r1"]
    assert [set(line) for line in records_of(tmp_path / "rows")][-1] == {"abandon", "at"}
    assert left_over(tmp_path) == []


def test_an_exit_keeps_its_deadline(tmp_path: Path) -> None:
    """A store that is stuck holds nobody; the records wait for adoption."""
    script = """
import threading
from agenttrace.journal import pipeline
traced.exit_timeout = 0.05
stuck = threading.Event()
FileStore.write = lambda self, batch: stuck.wait()
append(1, 2)
"""
    assert run(script, tmp_path) == []
    store = FakeStore()
    traced = make_pipeline(tmp_path / "journal", store)
    traced.append(1, record(9))
    wait_until(lambda: traced.stats().adopted)
    assert sorted(store.names) == ["r1", "r2", "r9"]
    assert traced.shutdown(20)


def test_records_after_the_exit_handlers_wait_for_adoption(tmp_path: Path) -> None:
    """An exit handler that was registered earlier runs later, and may still record."""
    script = """
import atexit
from agenttrace.journal import pipeline
atexit.unregister(pipeline._at_exit)
atexit.register(append, 2)
atexit.register(pipeline._at_exit)
append(1)
"""
    assert run(script, tmp_path) == ["r1"]
    store = FakeStore()
    traced = make_pipeline(tmp_path / "journal", store)
    traced.append(1, record(9))
    wait_until(lambda: traced.stats().adopted)
    assert sorted(store.names) == ["r2", "r9"]
    assert traced.shutdown(20)


def test_records_of_finalizers_at_the_end_of_the_interpreter_wait_for_adoption(tmp_path: Path) -> None:
    """Nothing can be imported, and `open` is gone; a journal can be made all the same, and nothing raises."""
    script = """
class Late:
    def __del__(self, append=append):
        append(2)
late = Late()
append(1)
"""
    done = child(SETUP + script, tmp_path / "journal", tmp_path / "rows")
    assert done.stderr == ""
    assert [line["name"] for line in records_of(tmp_path / "rows")] == ["r1"]
    store = FakeStore()
    traced = make_pipeline(tmp_path / "journal", store)
    traced.append(1, record(9))
    wait_until(lambda: traced.stats().adopted)
    assert sorted(store.names) == ["r2", "r9"]
    assert traced.shutdown(20)


def test_a_forked_child_has_a_journal_of_its_own(tmp_path: Path) -> None:
    """It neither takes the parent's records nor its lock, and its own records arrive."""
    script = """
from agenttrace.journal.folder import try_lock
append(1)
assert traced.flush(30)
(folder,) = root.iterdir()
child = os.fork()
if child == 0:
    assert traced.stats().recorded == 0
    append(2)
    assert len(list(root.iterdir())) == 2
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert try_lock(folder) is None, "the child let go of the parent's lock"
append(3)
"""
    assert run(script, tmp_path) == ["r1", "r2", "r3"]
    assert left_over(tmp_path) == []


def test_a_child_does_not_keep_its_dead_parents_journal(tmp_path: Path) -> None:
    """The lock goes with the parent, although the child lives on."""
    script = """
import time
from agenttrace.journal.folder import try_lock
append(1)
assert traced.flush(30)
(folder,) = root.iterdir()
get, put = os.pipe()
if os.fork() == 0:
    os.close(put)
    os.read(get, 1)  # returns while the parent ends, which has perhaps not let go of its lock yet
    until = time.monotonic() + 10
    while (fd := try_lock(folder)) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert fd is not None
    os.close(fd)
    append(2)
    sys.exit(0)
os._exit(0)
"""
    child(SETUP + script, tmp_path / "journal", tmp_path / "rows")
    wait_until(lambda: {"r1", "r2"} <= {line.get("name") for line in records_of(tmp_path / "rows")})
    wait_until(lambda: all(path.name for path in left_over(tmp_path)))


def test_a_fork_with_a_backlog_delivers_each_record_once(tmp_path: Path) -> None:
    """The parent's backlog is the parent's."""
    script = """
import threading
go, write = threading.Event(), FileStore.write
def waits(self, batch):
    go.wait(30)
    write(self, batch)
FileStore.write = waits
append(*range(50))
assert traced.stats().pending == 50
child = os.fork()
if child == 0:
    go.set()
    append(100)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
go.set()
"""
    assert run(script, tmp_path) == sorted([f"r{number}" for number in range(50)] + ["r100"])


def test_a_fork_leaves_the_parents_store_alone(tmp_path: Path) -> None:
    """The child opens its own, and never closes the inherited one."""
    script = """
closed = []
FileStore.close = lambda self: closed.append(self)
stores = []
def make():
    stores.append(FileStore(rows))
    return stores[-1]
traced._make_store = make
append(1)
assert traced.flush(30)
child = os.fork()
if child == 0:
    append(2)
    assert traced.shutdown(30)
    os._exit(0 if closed == stores[1:] and len(stores) == 2 else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    assert run(script, tmp_path) == ["r1", "r2"]


def test_threads_that_fork_and_append_deadlock_nobody(tmp_path: Path) -> None:
    """Whatever lock another thread held at the moment of the fork."""
    script = """
import threading
stop = threading.Event()
def crowd():
    number = 1000
    while not stop.is_set():
        append(number)
        number += 1
thread = threading.Thread(target=crowd)
thread.start()
for number in range(30):
    child = os.fork()
    if child == 0:
        append(number)
        ok = traced.flush(30)
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
"""
    names = run("import warnings; warnings.simplefilter('ignore')\n" + script, tmp_path)
    assert {f"r{number}" for number in range(30)} <= set(names)
    assert len(names) == len(set(names))


def test_a_signal_handler_that_forks_inside_an_append(tmp_path: Path) -> None:
    """The interrupted record is the parent's and the child's; neither writes into the other's journal."""
    script = """
import signal
from agenttrace.journal import tail
append(0)
assert traced.flush(30)
real, children = tail.encode, []
def encode(kind, payload, salt):
    if not children:
        children.append(os.fork())
    return real(kind, payload, salt)
tail.encode = encode
traced.append = traced._tail._append_plainly  # the compiled one has no middle
append(1)
if children[0] == 0:
    append(2)
    sys.exit(0)
assert os.waitpid(children[0], 0)[1] == 0
append(3)
"""
    assert run(script, tmp_path) == ["r0", "r1", "r1", "r2", "r3"]


def test_a_worker_of_multiprocessing_flushes_at_its_end(tmp_path: Path) -> None:
    """Such workers skip the usual exit handlers."""
    script = """
import multiprocessing
append(1)
worker = multiprocessing.get_context("fork").Process(target=append, args=(2, 3))
worker.start()
worker.join()
assert worker.exitcode == 0
assert len(list(root.iterdir())) == 1, "the worker left a folder"
"""
    assert run(script, tmp_path) == ["r1", "r2", "r3"]


def test_a_child_of_a_child_flushes_too(tmp_path: Path) -> None:
    """Generations do not matter."""
    script = """
append(1)
for number in (2, 3, 4):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        break
    append(number)
"""
    assert run(script, tmp_path) == ["r1", "r2", "r3", "r4"]


def test_a_pipeline_that_nobody_holds_is_forgotten(tmp_path: Path) -> None:
    """The hooks do not keep it alive."""
    script = """
import gc, weakref
other = make_pipeline(root / "other", FileStore(rows))
other.append(RUN, record(1))
assert other.shutdown(30)
gone = weakref.ref(other)
del other
gc.collect()
assert gone() is None
"""
    assert run(script, tmp_path) == ["r1"]


def test_a_shutdown_in_a_signal_handler_inside_an_append_works(tmp_path: Path) -> None:
    """SIGTERM may come at any point. A plain append holds nothing; its record goes to the next journal."""
    script = """
from agenttrace.journal import tail
append(0)
real, once = tail.encode, []
def encode(kind, payload, salt):
    if not once:
        once.append(1)
        append(2)
        assert traced.flush(30)
        assert traced.shutdown(30)
        assert list(root.iterdir()) == []
    return real(kind, payload, salt)
tail.encode = encode
traced.append = traced._tail._append_plainly  # the compiled one has no middle
append(1)
assert traced.stats().recorded == 3
"""
    assert run(script, tmp_path) == ["r0", "r1", "r2"]
    assert left_over(tmp_path) == []


def test_a_shutdown_in_a_signal_handler_where_an_append_makes_a_segment_does_not_wait(tmp_path: Path) -> None:
    """The writer needs what that append holds, so the exit hook does the work."""
    script = """
real, once = traced._new_home, []
def new_home():
    if not once:
        once.append(1)
        assert not traced.shutdown(3600)
        append(1)
    home = real()
    return home
traced._new_home = new_home
append(0)
real_segment = traced._journal._new_segment
def new_segment(size):
    if len(once) == 1:
        once.append(1)
        assert not traced.flush(3600)
        assert not traced.shutdown(3600)
    return real_segment(size)
traced._journal._new_segment = new_segment
append(2, content="x" * (9 << 20))
assert len(once) == 2
"""
    assert run(script, tmp_path) == ["r0", "r1", "r2"]
    assert left_over(tmp_path) == []
