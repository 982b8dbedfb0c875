"""Payloads: huge, cyclic, hostile, consumed by looking, or changed by another thread while they are captured."""

from __future__ import annotations

from faults.fault import fault
from faults.room import Room

HOSTILE = """
import dataclasses, sys, threading, time, traceback, unittest.mock
from faults.traced import Traced, say

size = int(sys.argv[1])
traced = Traced()


def failing(*names):
    def fail(self, *values, **named):
        raise RuntimeError("hostile")
    return type("Failing_" + "_".join(names), (), dict.fromkeys(names, fail))()


class Recursing:
    def __repr__(self):
        return repr(self)
    __str__ = __repr__


class Dumping:
    def model_dump(self, **options):
        return {"deeper": Dumping()}


class Itself:
    def model_dump(self, **options):
        return self


class FailingDump:
    def model_dump(self, **options):
        raise RuntimeError("hostile")
    def __repr__(self):
        raise RuntimeError("hostile")


class NoClass:
    @property
    def __class__(self):
        raise RuntimeError("hostile")


class Slow:
    def __repr__(self):
        time.sleep(0.05)
        return "slow"


class Lying(dict):
    def __iter__(self):
        raise RuntimeError("hostile")
    items = keys = values = __len__ = __getitem__ = __iter__


class Text(str):
    def __str__(self):
        raise RuntimeError("hostile")
    encode = __repr__ = __len__ = __str__


class Unequal:
    def __eq__(self, other):
        raise RuntimeError("hostile")
    def __hash__(self):
        raise RuntimeError("hostile")
    def __bool__(self):
        raise RuntimeError("hostile")


def deep(value, levels):
    for _ in range(levels):
        value = [value]
    return value


def shared(levels):
    value = ["leaf"]
    for _ in range(levels):
        value = [value, value]
    return value


@dataclasses.dataclass
class Agent:
    name: str
    handoffs: list


def agents():
    made = [Agent(f"agent {number}", []) for number in range(20)]
    for agent in made:
        agent.handoffs.extend(made)
    return made


async def coroutine():
    pass


loop = [1]
loop.append(loop)
knot = {"name": "knot"}
knot["self"] = {"again": knot}
stream = iter("abc")
generator = (number for number in range(3))
waiting = coroutine()
released = memoryview(b"gone")
released.release()

VALUES = {
    "text": "x" * size,
    "bytes": b"x" * size,
    "numbers": list(range(size // 100)),
    "texts": ["secret"] * (size // 100),
    "list-in-itself": loop,
    "dict-in-itself": knot,
    "deep": deep("end", 5_000),
    "shared": shared(100),
    "agents": agents(),
    "repr-raises": failing("__repr__"),
    "str-raises": failing("__str__", "__format__"),
    "getattr-raises": failing("__getattr__"),
    "getattribute-raises": failing("__getattribute__"),
    "iter-raises": failing("__iter__", "__len__", "__next__"),
    "eq-raises": Unequal(),
    "class-raises": NoClass(),
    "model_dump-raises": FailingDump(),
    "model_dump-recurses": Dumping(),
    "model_dump-is-itself": Itself(),
    "repr-recurses": Recursing(),
    "repr-is-slow": Slow(),
    "mapping-lies": Lying(a=1),
    "text-of-its-own": Text("abc"),
    "huge-int": 10 ** 5000,
    "not-a-number": [float("nan"), float("inf")],
    "surrogates": "\\ud800 \\0 \\udfff",
    "keys": {1: 2, (1, 2): 3, None: 4, b"x": 5, 1.5: 6},
    "mock": unittest.mock.MagicMock(),
    "lock": threading.Lock(),
    "file": sys.stderr,
    "module": sys,
    "generator": generator,
    "iterator": stream,
    "coroutine": waiting,
    "released": released,
}


def hostile(name, value):
    with traced.span(name) as span:
        try:
            traced.trace.tool_call(f"take-{name}")(lambda given: given)(value)
            span.span.set("value", value)
            span.span.thinking(name if type(value) in (dict, list) else value)  # what is no text is given to str()
        except Exception:
            say("raised", name, traceback.format_exc()[-1500:].replace("\\n", "_").replace(" ", "_"))


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("hostile")
    __repr__ = __str__


def fail():
    raise Unspeakable()


for name, value in VALUES.items():
    began = time.perf_counter_ns()
    hostile(name, value)
    say("took", name, time.perf_counter_ns() - began)
try:
    with traced.span("failing"):
        traced.trace.tool_call("take-failing")(fail)()
except Unspeakable:
    pass
assert list(generator) == [0, 1, 2], "the generator was consumed"
assert list(stream) == ["a", "b", "c"], "the iterator was consumed"
waiting.close()
"""

CHANGING = """
import sys, threading, time
from faults.traced import Traced

traced = Traced()
things, table, busy = [{"a": 1}] * 50, {str(number): number for number in range(50)}, True

def change():
    number = 0
    while busy:
        number += 1
        things.append({"b": [number]})
        del things[: number % 60]
        table[str(number % 97)] = object() if number % 3 else things
        table.pop(str(number % 89), None)

threads = [threading.Thread(target=change) for _ in range(2)]
for thread in threads:
    thread.start()
for number in range(int(sys.argv[1])):
    with traced.span(f"turn{number}") as span:
        with traced.trace.tool_call("take", input={"things": things, "table": table}) as call:
            call.output = [table, things]
busy = False
for thread in threads:
    thread.join()
"""


@fault("hostile payloads")
def hostile(room: Room) -> None:
    """Each is argument, result, attribute and thought of a span; nothing is raised, consumed or lost."""
    child = room.start(HOSTILE, 200_000 if room.quick else 100_000_000)
    child.wait(timeout=600)
    found = room.read()
    told = child.told()
    names = [words[0] for words in told.said("took")]
    calls = {run["name"]: run for run in found.of_type("tool_call")}
    found.runs[:] = [run for run in found.runs if run["type"] != "tool_call"]
    room.check(found)
    for name in [*names, "failing"]:
        call = calls.get(f"take-{name}")
        wanted = "failed" if name == "failing" else "success"
        room.expect(call and call["status"] == wanted and call["content"], f"the call that took {name} is {call}")
        (outer,) = found.named(name)
        room.expect(call and call["parent"] == outer["id"], f"the call that took {name} is somewhere else")
    slow = sorted(((int(took), name) for name, took in told.said("took")), reverse=True)
    room.note("longest: " + ", ".join(f"{name} {took / 1e6:.0f} ms" for took, name in slow[:5]))


@fault("values that other threads change")
def changing(room: Room) -> None:
    """Two threads change a list and a dict while they are captured."""
    count = 100 if room.quick else 5000
    room.start(CHANGING, count).wait()
    found = room.read()
    calls = [run for run in found.runs if run["type"] == "tool_call"]
    found.runs[:] = [run for run in found.runs if run["type"] != "tool_call"]
    room.check(found)
    room.expect(len(calls) == count, f"{len(calls)} calls were found, not {count}")
    whole = all(len(call["content"]["output"]) == 2 for call in calls)
    room.expect(whole, "an output does not have two members")
