"""Forks: by hand, in multiprocessing, beside threads, and while other threads hold our locks."""

from __future__ import annotations

from agenttrace import loading
from faults.fault import fault
from faults.room import Room

FORKING = """
import os, random, sys, threading
from faults.traced import Traced

seed = sys.argv[1]
traced = Traced(flush_interval=0.01, journal_max_bytes=16 << 20)  # small segments: forks meet their changes, too
rng = random.Random(seed)
busy = True

def work(label):
    number = 0
    while busy:
        traced.nest(f"{label}-{number}", random.Random(f"{label} {number}"))
        number += 1

threads = [threading.Thread(target=work, args=(f"{seed}.{number}",), daemon=True) for number in (1, 2)]
for thread in threads:
    thread.start()
children = []
with traced.span(f"{seed}.parent") as outer:
    for number in range(int(sys.argv[2])):
        traced.nest(f"{seed}.before{number}", rng, outer)
        child = os.fork()
        if child == 0:
            traced.nest(f"{seed}.child{number}", rng, outer)
            if number % 3 == 0:
                os._exit(0)  # what it recorded is adopted
            if number % 3 == 1:
                assert traced.trace.flush(60)
                os._exit(0)
            sys.exit(0)  # through the parent's span, and the exit handlers
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
busy = False
for thread in threads:
    thread.join()
"""

LOCKED = """
import gc, os, random, sys, threading
from agenttrace import loading
from agenttrace.store import forking
from faults.traced import Traced, say

seed = sys.argv[1]
loading._PATIENCE = forking._PATIENCE = float(sys.argv[2])  # a fork waits so long for those that hold locks
traced = Traced(flush_interval=0.05)
with traced.span(f"{seed}.early"):
    pass
assert traced.trace.flush(60)

def locks():
    kinds = (type(threading.Lock()), type(threading.RLock()))
    for thing in gc.get_objects():
        module = getattr(type(thing), "__module__", None)
        if not isinstance(module, str) or not module.startswith("agenttrace"):
            continue
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        for name in {*getattr(thing, "__dict__", {}), *slots}:
            try:
                value = getattr(thing, name)
            except Exception:
                continue
            value = value._lock if isinstance(value, threading.Condition) else value
            if isinstance(value, kinds):
                yield f"{type(thing).__name__}.{name}", value

held, release = threading.Event(), threading.Event()

def hold():
    taken = [(name, lock) for name, lock in locks() if lock.acquire(timeout=1)]
    say("held", *sorted(name for name, _ in taken))
    held.set()
    release.wait()
    for _, lock in reversed(taken):
        lock.release()

with traced.span(f"{seed}.parent") as outer:
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        traced.nest(f"{seed}.child", random.Random(seed), outer)
        assert traced.trace.flush(60)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    release.set()
    holder.join()
"""

WORKERS = """
import multiprocessing, random, sys, types
import agenttrace
from faults.traced import Traced

traced = Traced()

def work(number, headers, outer):
    with agenttrace.extract(headers):
        traced.nest(f"{sys.argv[2]}.worker{number}", random.Random(number), types.SimpleNamespace(run_id=outer))

if __name__ == "__main__":
    ways = multiprocessing.get_context(sys.argv[1])
    with traced.span(f"{sys.argv[2]}.parent") as outer:
        headers = agenttrace.inject({})
        workers = [ways.Process(target=work, args=(number, headers, outer.run_id)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0, worker.exitcode
"""


@fault("os.fork", times=20)
def forks(room: Room) -> None:
    """Children of a span, by `os.fork` beside two threads that record; they leave in three ways."""
    count = room.times = 3 if room.quick else 12
    room.start(FORKING, f"x{room.rng.randrange(10**9)}", count).wait()
    # A child may be forked while another thread is between a call and its acknowledgement; that thread is gone in it.
    room.check(room.read())


@fault("fork while locks are held", times=10)
def fork_with_locks_held(room: Room) -> None:
    """Another thread holds every lock of ours that it can get while the main thread forks: the child has its own."""
    child = room.start(LOCKED, f"x{room.rng.randrange(10**9)}", 0.5 if room.quick else loading._PATIENCE)  # pyright: ignore[reportPrivateUsage]
    child.wait()
    (names,) = child.told().said("held")
    room.expect(len(names) >= 3, f"no more locks than {names} were held")
    room.note(f"held: {', '.join(names)}")
    room.check(room.read())


@fault("multiprocessing", times=5)
def multiprocessing(room: Room) -> None:
    """Workers that are forked, forked by a server, or spawned; they continue the trace by its headers."""
    room.times = 3
    for method in ("fork", "forkserver", "spawn"):
        room.start(WORKERS, method, f"x{method}{room.rng.randrange(10**9)}").wait()
    room.check(room.read())
