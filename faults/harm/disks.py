"""Disks and files: no room, no rights, no folder any more, no descriptors left."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from faults.bounds import check_bounded, light, together
from faults.child import script
from faults.fault import Skipped, fault
from faults.found import Found
from faults.mounts import can_mount, on_small_disk
from faults.room import Room

#: Records fat spans while the store is away and the disk fills up; then the store comes back, and there is room again.
FULL = """
import sys
from agenttrace import AgentTrace
from faults.fat import Fat
from faults.traced import say
from faults.trouble import Gone

store = Gone("traces.db")
traced = Fat(trace=AgentTrace(store, journal_dir="journal", exit_timeout=60))
traced.fat = 20_000
traced.turns("before", 1)
store.is_gone = True
traced.turns("full", int(sys.argv[1]))
store.is_gone = False
traced.until_whole("after")
traced.tell()
"""

#: Has no room in files for more than a megabyte, while the store works.
SIZE_LIMIT = """
import sys
from agenttrace import AgentTrace
from faults.fat import Fat

traced = Fat(trace=AgentTrace("traces.db", exit_timeout=60))
for number in range(int(sys.argv[1])):
    traced.turns(f"turn{number}", 1)
    traced.trace.flush(60)
traced.tell()
"""

#: `drop` gives up the superuser's rights, to which no folder is closed, once everything that is needed is imported.
UNPRIVILEGED = """
import os, pkgutil, sys
from contextlib import suppress
from importlib import import_module
import agenttrace
from agenttrace import AgentTrace
from faults.fat import Fat
from faults.traced import say

def drop():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

with AgentTrace("warm.db") as trace:
    with trace.span("step", "warm"):
        pass
    list(trace.query.runs())
    trace.flush(60)
    trace.stats()
for package in ("journal", "model", "record", "store"):  # what is loaded late
    for module in pkgutil.iter_modules([os.path.join(agenttrace.__path__[0], package)]):
        with suppress(ImportError):  # an extra that is not installed
            import_module(f"agenttrace.{package}.{module.name}")
store, journals, seed, later = sys.argv[1:]
"""

READ_ONLY = (
    UNPRIVILEGED
    + """
drop()
traced = Fat(trace=AgentTrace(store, journal_dir=journals))
if later:
    traced.work("first", seed, 1)
    traced.trace.flush(60)
    (folder,) = os.listdir(journals)
    os.chmod(os.path.join(journals, folder), 0o500)
    os.chmod(journals, 0o500)
traced.heavy(str(bool(later)), 45)
traced.work("work" + later, seed, 5)
if later:
    os.chmod(journals, 0o700)
    os.chmod(os.path.join(journals, folder), 0o700)
say("memory", traced.trace.stats().journal_dir is None, traced.trace.stats().dropped)
"""
)

DELETED = """
import os, sys, time
from agenttrace import AgentTrace
from faults.fat import Fat
from faults.traced import say

traced = Fat(trace=AgentTrace("traces.db"))
traced.work("before", sys.argv[1], 2)
say("ready")
while not os.path.exists("deleted"):
    traced.work(f"while{time.monotonic_ns()}", sys.argv[1], 1)
traced.heavy("later", 45)
traced.work("after", sys.argv[1], 5)
say("shut", traced.trace.shutdown(60), traced.trace.stats().dropped)
traced.work("again", sys.argv[1], 2)
"""

DELETED_AND_KILLED = """
import os, sys, time
from faults.traced import Traced, say

traced = Traced()
traced.work("before", sys.argv[1], 2)
traced.trace.flush(60)
before = traced.trace.stats().journal_dir
say("ready")
while not os.path.exists("deleted"):
    time.sleep(0.01)
with traced.span("between"):
    pass
while not os.path.exists(before):
    time.sleep(0.01)
traced.trace.flush(60)
say("moved")
traced.work("after", sys.argv[1])
"""

DESCRIPTORS = """
import os, sys
from agenttrace import AgentTrace
from faults.fat import Fat
from faults.traced import say

def take_all():
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return taken

def give_back(taken):
    while taken:
        os.close(taken.pop())

with AgentTrace("warm.db") as trace:
    with trace.span("step", "warm"):
        pass
traced = Fat(trace=AgentTrace("traces.db", exit_timeout=60))
if sys.argv[2] == "first":
    taken = take_all()
    traced.work("poor", sys.argv[1], 10)
    give_back(taken)
else:
    traced.work("rich", sys.argv[1], 2)
    taken = take_all()
    traced.heavy("poor", 20)
    traced.work("poor-later", sys.argv[1], 10)
    give_back(taken)
traced.work(f"rich-again-{sys.argv[2]}", sys.argv[1], 2)
say("flushed", traced.trace.flush(60), traced.trace.stats().dropped)
"""


@fault("disk: full, while the store is away")
def full(room: Room) -> None:
    """Records get smaller, then fewer, and gaps in the traces say so; nothing else happens to the program."""
    if not can_mount():
        raise Skipped("no small disk can be mounted here: that needs Linux, unshare, and root or user namespaces")
    (room.folder / "journal").mkdir()
    command = script(room.folder, FULL, "full")
    room.start(on_small_disk(command, room.folder / "journal", "10m"), 900 if room.quick else 3000).wait()
    check_bounded(room, room.read(journal_dir="elsewhere"), reason=os.strerror(errno.ENOSPC))


@fault("disk: no file may be large")
def size_limit(room: Room) -> None:
    """A segment that cannot be reserved is made smaller, and what goes into it, too."""
    limit = 1 << 20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    room.start(SIZE_LIMIT, 3, preexec=limited).wait()
    found = room.read()
    room.expect(not found.of_type("gap"), "something was dropped")
    check_bounded(room, found, reason=os.strerror(errno.EFBIG))


@fault("folder: read-only")
def read_only(room: Room) -> None:
    """From the beginning or from some time on: what finds no file waits in memory for the store."""
    founds: list[Found] = []
    for later in (False, True):
        with _outside(room) as place:
            journals = place / "journals"
            journals.mkdir()
            journals.chmod(0o700 if later else 0o555)
            if os.geteuid() == 0 and later:
                os.chown(journals, 65534, 65534)
            founds.append(_unprivileged(room, place, journals, later=later))
            journals.chmod(0o700)
            if not later:
                room.expect(not list(journals.iterdir()), "something is in a folder that is read-only")
    room.check(together(*founds))


@fault("folder: somebody else's")
def foreign(room: Room) -> None:
    """A folder that this user may not enter is as one that cannot be written."""
    if os.geteuid() != 0:
        raise Skipped("only root can make a folder that is somebody else's")
    with _outside(room) as place:
        journals = place / "journals"
        journals.mkdir(0o700)
        (journals / "keep").mkdir()
        room.check(_unprivileged(room, place, journals, later=False))


def _unprivileged(room: Room, place: Path, journals: Path, *, later: bool) -> Found:
    """Record without the superuser's rights, and return what is in the store."""
    store = place / "store"
    store.mkdir()
    if os.geteuid() == 0:
        os.chown(store, 65534, 65534)
    child = room.start(READ_ONLY, store / "traces.db", journals, room.rng.random(), "later" if later else "")
    child.wait()
    if not later:
        ((memory, _),) = child.told().said("memory")
        room.expect(memory == "True", "it has a journal where it may not write")
        room.expect("no journal in" in child.stderr(), f"no warning was logged: {child.stderr()[-300:]}")
    return light(room.read(str(store / "traces.db"), journal_dir=str(place / "readers")))


@contextmanager
def _outside(room: Room) -> Generator[Path]:
    """Yield a folder that users without rights can reach, whatever is above the room's."""
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - what lies in it has its own rights
        yield Path(folder)


@fault("folder: deleted meanwhile")
def deleted(room: Room) -> None:
    """The program goes on, and everything comes to the store."""
    child = room.start(DELETED, room.rng.random())
    child.wait_word("ready")
    journals = room.folder / "traces.db.journal"
    deadline = time.monotonic() + 30
    while journals.exists() and time.monotonic() < deadline:
        shutil.rmtree(journals, ignore_errors=True)
    (room.folder / "deleted").touch()
    child.wait()
    room.expect(room.told().said("shut") == [["True", "0"]], f"the shutdown said {room.told().said('shut')}")
    room.check(light(room.read()))


@fault("folder: deleted, and then killed")
def deleted_and_killed(room: Room) -> None:
    """A second after the folder was deleted there is a new one, and what is in there survives the program."""
    child = room.start(DELETED_AND_KILLED, room.rng.random())
    child.wait_word("ready")
    # Its name goes first: nothing is put into it while it is emptied.
    shutil.rmtree((room.folder / "traces.db.journal").rename(room.folder / "no journal"))
    (room.folder / "deleted").touch()
    child.wait_word("moved")
    child.wait_lines(len(child.lines()) + 200)
    child.send(signal.SIGKILL)
    child.wait(-signal.SIGKILL)
    room.check(room.read(), in_flight=1, torn=1)


@fault("files: no descriptor left")
def descriptors(room: Room) -> None:
    """Before the first span or later: what finds no file waits in memory or shrinks, until there are some again."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    for when in ("first", "later"):
        room.start(DESCRIPTORS, room.rng.random(), when, preexec=limited).wait()
    for said in room.told().said("flushed"):
        room.expect(said == ["True", "0"], f"flush and dropped: {said}")
    room.check(light(room.read()))
